"""The loss module: exact in evaluation, repeatable in training, saved and copied as other modules are."""

import copy
import io
import pickle
import tracemalloc

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import sampledsoftmax as ss  # noqa: E402
import sampledsoftmax.torch as st  # noqa: E402
from tests.torch.cases import PATHS, TOLERANCE, batch, on_path  # noqa: E402

SIZES = (6, 50, 12)  # in_features, n_classes, num_sampled
MODULES = {"module": st.SampledSoftmaxLoss, "fused": st.FusedSampledSoftmaxLoss}


@pytest.fixture(params=PATHS)
def device(request, monkeypatch):
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return on_path(request.param, monkeypatch)


@pytest.fixture(params=MODULES)
def kind(request):
    return MODULES[request.param]


def filled(module, made):
    """Return the module with the tables of a batch."""
    with torch.no_grad():
        module.weight.copy_(made.weight)
        if module.bias is not None:
            module.bias.copy_(made.bias)
    return module


def a_step(module, made):
    """Take a step, with SGD where the module does not update its own tables; return the loss."""
    loss = module(made.input, made.target)
    loss.sum().backward()
    for parameter in module.parameters():
        with torch.no_grad():
            parameter.sub_(parameter.grad.to_dense() * 0.1)
        parameter.grad = None
    return loss.detach()


def tables(module):
    return module.weight.detach().clone(), module.bias.detach().clone()


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("bias", [True, False])
def test_in_evaluation_the_loss_is_cross_entropy(device, dtype, reduction, bias):
    made = batch(dtype=dtype, device=device).leaves()
    module = filled(
        st.SampledSoftmaxLoss(*SIZES, dtype=dtype, device=device, reduction=reduction, bias=bias), made
    ).eval()
    target = made.target.index_fill(0, torch.tensor([4], device=device), -100)
    loss = module(made.input, target)
    loss.sum().backward()
    other = made.leaves()
    logits = F.linear(other.input, other.weight, other.bias if bias else None)
    want = F.cross_entropy(logits, target, reduction=reduction)
    want.sum().backward()
    tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(loss, want, **tolerance)
    torch.testing.assert_close(made.input.grad, other.input.grad, **tolerance)
    torch.testing.assert_close(module.weight.grad, other.weight.grad, **tolerance)
    if bias:
        torch.testing.assert_close(module.bias.grad, other.bias.grad, **tolerance)


def test_the_gradient_of_a_frozen_layer_in_evaluation(device):
    made = batch(device=device).leaves()
    module = (
        filled(st.SampledSoftmaxLoss(*SIZES, dtype=torch.float64, device=device), made).eval().requires_grad_(False)
    )
    module(made.input, made.target).backward()
    hidden = made.input.detach().clone().requires_grad_()
    F.cross_entropy(F.linear(hidden, made.weight, made.bias), made.target).backward()
    torch.testing.assert_close(made.input.grad, hidden.grad)


def test_more_than_one_block_of_classes(device):
    made = batch(num_classes=10_000, device=device).leaves()
    module = filled(st.SampledSoftmaxLoss(6, 10_000, 5, dtype=torch.float64, device=device), made).eval()
    loss = module(made.input, made.target)
    want = F.cross_entropy(F.linear(made.input, made.weight, made.bias), made.target)
    torch.testing.assert_close(loss, want, rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(loss, module.weight)
    torch.testing.assert_close(gradient, torch.autograd.grad(want, made.weight)[0])
    values, ids = module.topk(made.input, 30)
    want = F.linear(made.input, made.weight, made.bias).topk(30)
    torch.testing.assert_close(values, want.values.detach())
    assert torch.equal(ids, want.indices)


@pytest.mark.compiled
def test_memory_of_an_evaluation_does_not_grow_with_batch_times_classes():
    module = st.SampledSoftmaxLoss(8, 50_000, 5, seed=1).eval()
    hidden, target = torch.randn(512, 8), torch.arange(512)
    with torch.no_grad():
        module(hidden, target)
        tracemalloc.start()
        module(hidden, target)
        peak = tracemalloc.get_traced_memory()[1]  # of NumPy; the path uses no operation of PyTorch
        tracemalloc.stop()
    assert peak < 512 * 50_000 * 4 / 10


def test_probabilities_predictions_and_top_k(device):
    made = batch(dtype=torch.float32, device=device)
    module = filled(st.SampledSoftmaxLoss(*SIZES, device=device), made)
    logits = F.linear(made.input, made.weight, made.bias)
    torch.testing.assert_close(module.log_prob(made.input), F.log_softmax(logits, -1))
    assert torch.equal(module.predict(made.input), logits.argmax(-1))
    cube = made.input.reshape(3, 3, 6)
    assert module.log_prob(cube).shape == (3, 3, 50)
    assert module.predict(cube).shape == (3, 3)
    values, ids = module.topk(cube, 4)
    assert values.shape == ids.shape == (3, 3, 4)
    torch.testing.assert_close(values.reshape(9, 4), logits.topk(4).values)
    for k in (0, 51):
        with pytest.raises(ValueError, match="k must be at"):
            module.topk(cube, k)


def test_training_takes_the_candidates_of_the_stream(kind):
    made = batch(dtype=torch.float32)
    module = filled(kind(*SIZES, seed=7), made)
    sampler = ss.LogUniformSampler(50, seed=7)
    for _ in range(3):
        values = sampler.sample(made.target.numpy(), 12)
        want = st.sampled_softmax_loss(made.input, made.target, *tables(module), sampled_values=values)
        assert torch.equal(module(made.input, made.target).detach(), want)  # a second pass of the same step:
        assert torch.equal(a_step(module, made), want)
    assert module.candidates.state["step"] == 3


def test_a_pass_without_gradients_has_the_candidates_of_the_step(kind):
    made = batch(dtype=torch.float32)
    module = kind(*SIZES, seed=7)
    with torch.no_grad():
        first, second = module(made.input, made.target), module(made.input, made.target)
    before = tables(module)
    assert torch.equal(first, second)
    assert torch.equal(a_step(module, made), first)
    assert not torch.equal(before[0], module.weight)


@pytest.mark.parametrize("objective", ["sampled_softmax", "nce", "negative_sampling"])
def test_objectives(kind, objective):
    made = batch(dtype=torch.float32)
    module = filled(kind(*SIZES, seed=7, objective=objective), made)
    layer = ss.SampledSoftmax(50, 6, 12, seed=7, objective=objective)
    layer.weights, layer.biases = (table.numpy().copy() for table in tables(module))
    loss, _ = layer.step(made.input.numpy(), made.target.numpy())
    assert module(made.input, made.target).item() == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("name", ["SGD", "Adagrad", "SparseAdam", "Adam"])
def test_optimizers_of_pytorch(name, sparse):
    made = batch(dtype=torch.float32)
    module = st.SampledSoftmaxLoss(*SIZES, sparse=sparse, seed=7)
    dense_twin = copy.deepcopy(module)
    dense_twin.sparse = False
    optimizer = getattr(torch.optim, name)(module.parameters(), 0.1)
    twin_optimizer = getattr(torch.optim, "Adam" if name == "SparseAdam" else name)(dense_twin.parameters(), 0.1)
    if sparse and name == "Adam":
        module(made.input, made.target).backward()
        with pytest.raises(RuntimeError, match="Adam does not support sparse gradients, please consider SparseAdam"):
            optimizer.step()
        return
    if not sparse and name == "SparseAdam":
        module(made.input, made.target).backward()
        with pytest.raises(RuntimeError, match="does not support dense gradients"):
            optimizer.step()
        return
    before = module.full_loss(made.input, made.target).item()
    for step in range(4):
        for one, rule in ((module, optimizer), (dense_twin, twin_optimizer)):
            rule.zero_grad()
            one(made.input, made.target).backward()
            rule.step()
        if name != "SparseAdam" or step == 0:  # which leaves out rows without a gradient
            tolerance = {"rtol": 1e-3, "atol": 1e-3} if name == "SparseAdam" else {}  # it adds epsilon elsewhere
            torch.testing.assert_close(tables(module), tables(dense_twin), **tolerance)
    assert module.full_loss(made.input, made.target).item() < before


def test_tied_weights():
    embedding = torch.nn.Embedding(50, 6, sparse=True)
    module = st.SampledSoftmaxLoss(*SIZES, seed=7)
    module.weight = embedding.weight
    target = torch.arange(9)
    module(embedding(target + 1), target).backward()
    assert embedding.weight.grad.is_sparse
    table = embedding.weight.detach().clone().requires_grad_()
    values = ss.LogUniformSampler(50, seed=7).sample(target.numpy(), 12)
    st.sampled_softmax_loss(table[target + 1], target, table, module.bias, sampled_values=values).backward()
    torch.testing.assert_close(embedding.weight.grad.to_dense(), table.grad)


def test_gradcheck_of_a_module():
    made = batch(20, 4, 5, 6).leaves()
    module = filled(st.SampledSoftmaxLoss(4, 20, 6, seed=3, dtype=torch.float64, sparse=False), made)
    assert torch.autograd.gradcheck(lambda hidden: module(hidden, made.target, made.values), made.input)
    assert torch.autograd.gradcheck(lambda hidden: module(hidden, made.target), made.input)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_repeats_a_pass(kind, device, reentrant):
    made = batch(dtype=torch.float32)
    if kind is st.FusedSampledSoftmaxLoss and device != "cpu":
        pytest.skip("the tables of the fused module are on the CPU")
    encoder = torch.nn.Linear(6, 6)
    plain, again = (kind(*SIZES, seed=7) for _ in range(2))
    again.load_state_dict(plain.state_dict())
    plain, again = (m if kind is st.FusedSampledSoftmaxLoss else m.to(device) for m in (plain, again))
    encoders = [encoder.to(device), copy.deepcopy(encoder).to(device)]
    hidden, target = made.input.to(device).requires_grad_(), made.target.to(device)
    for _ in range(3):
        loss = plain(torch.tanh(encoders[0](hidden)), target)
        repeated = checkpoint(lambda x: again(torch.tanh(encoders[1](x)), target), hidden, use_reentrant=reentrant)
        assert torch.equal(loss, repeated)
        loss.backward()
        repeated.backward()
        torch.testing.assert_close(encoders[0].weight.grad, encoders[1].weight.grad)
        for one, other in zip(plain.parameters(), again.parameters(), strict=True):
            torch.testing.assert_close(one.grad.to_dense(), other.grad.to_dense())
        torch.testing.assert_close(tables(plain), tables(again))
    assert plain.candidates.state == again.candidates.state


def copies(module, how):
    if how == "deepcopy":
        return copy.deepcopy(module)
    if how == "pickle":
        return pickle.loads(pickle.dumps(module))
    file = io.BytesIO()
    if how == "torch.save":
        torch.save(module, file)
        file.seek(0)
        return torch.load(file, weights_only=False)
    other = type(module)(*SIZES, seed=99)
    torch.save(module.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    return other


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch.save", "state_dict"])
def test_a_copy_goes_on_with_the_same_bits(kind, how):
    made = batch(dtype=torch.float32)
    module = kind(*SIZES, seed=(2**64 - 3, 5) if how == "deepcopy" else 7)
    for _ in range(2):
        a_step(module, made)
    other = copies(module, how)
    assert other.candidates.state == module.candidates.state
    assert other.weight.data_ptr() != module.weight.data_ptr()
    for _ in range(3):
        assert torch.equal(a_step(module, made), a_step(other, made))
    assert all(torch.equal(*pair) for pair in zip(tables(module), tables(other), strict=True))
    assert other.handle != module.handle


def test_the_state_is_refused_if_it_is_another(kind):
    module = kind(*SIZES, seed=7)
    with pytest.raises(ValueError, match="must hold sampler and step, got"):
        module.set_extra_state({"step": 1})
    state = module.get_extra_state()
    with pytest.raises(ValueError, match="step must be at least 0"):
        module.set_extra_state(state | {"step": -1})
    with pytest.raises(ValueError, match="state must hold"):
        module.set_extra_state(state | {"sampler": {"seed": 1}})
    assert module.get_extra_state() == state


def test_the_device_meta():
    with torch.device("meta"):
        module = st.SampledSoftmaxLoss(*SIZES, seed=7)
    assert module.weight.device.type == "meta"
    with pytest.raises(ValueError, match="device"):
        module(torch.zeros(2, 6), torch.zeros(2).long())
    with pytest.raises(ValueError, match="target is on the device meta, which holds no values"):
        module(torch.zeros(2, 6, device="meta"), torch.zeros(2, device="meta").long())
    module = module.to_empty(device="cpu")
    module.reset_parameters()
    assert module(torch.zeros(2, 6), torch.zeros(2).long()).isfinite()
    assert st.SampledSoftmaxLoss(*SIZES, device="meta").weight.device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtypes(dtype):
    made = batch(dtype=torch.float32)
    module = st.SampledSoftmaxLoss(*SIZES, dtype=dtype, seed=7)
    hidden = made.input.to(dtype).requires_grad_()
    loss = module(hidden, made.target)
    loss.backward()
    assert module.weight.grad.dtype == hidden.grad.dtype == dtype
    assert module.weight.grad.is_sparse
    exact = module.eval()(hidden, made.target)
    want = F.cross_entropy(F.linear(hidden.to(loss.dtype), module.weight.to(loss.dtype)), made.target)
    torch.testing.assert_close(exact, want)
    exact.backward()
    module.half().train()(made.input.half(), made.target).backward()


def test_autocast(kind):
    made = batch(dtype=torch.float32)
    module, encoder = kind(*SIZES, seed=7), torch.nn.Linear(6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = encoder(made.input)
        loss = module(hidden, made.target)
        exact = module.full_loss(hidden, made.target)
    assert hidden.dtype == torch.bfloat16
    assert loss.dtype == exact.dtype == torch.float32
    loss.backward()
    assert encoder.weight.grad.dtype == torch.float32
    assert encoder.weight.grad.abs().sum() > 0


def test_several_labels_per_example(kind):
    made = batch(dtype=torch.float32, num_true=3)
    module = filled(kind(*SIZES, seed=7), made)
    values = ss.LogUniformSampler(50, seed=7).sample(made.target.numpy(), 12)
    want = st.sampled_softmax_loss(*made[:4], sampled_values=values)
    assert torch.equal(a_step(module, made), want)
    filled(module, made).eval()
    exact = ss.full_softmax_loss(made.weight.numpy(), made.bias.numpy(), made.target.numpy(), made.input.numpy())
    assert module(made.input, made.target).item() == pytest.approx(exact.mean(), rel=1e-5)


def test_the_generator_of_pytorch_decides_without_a_seed(kind):
    modules = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        modules.append(kind(*SIZES))
    first, second, other = modules
    assert torch.equal(first.weight, second.weight)
    assert first.candidates.state == second.candidates.state != other.candidates.state


def test_samplers(kind):
    made = batch(dtype=torch.float32)
    counts = np.arange(50, 0, -1)
    given = ss.FixedUnigramSampler(counts, seed=3)
    module = filled(kind(*SIZES, sampler=given), made)
    values = ss.FixedUnigramSampler(counts, seed=3).sample(made.target.numpy(), 12)
    want = st.sampled_softmax_loss(*made[:4], sampled_values=values)
    assert torch.equal(a_step(module, made), want)
    assert given.state == ss.FixedUnigramSampler(counts, seed=3).state  # a copy was used
    everything = filled(kind(6, 50, 50, sampler=ss.AllSampler(50), subtract_log_q=False), made)
    torch.testing.assert_close(everything(made.input, made.target), everything.full_loss(made.input, made.target))


def test_the_settings_are_shown(kind):
    shown = repr(kind(*SIZES, reduction="sum", bias=False))
    assert "6, 50, num_sampled=12, sampler=log_uniform, objective=sampled_softmax, reduction=sum, bias=False" in shown
    assert ("sparse=True" in shown) or ("optimizer=Adagrad(learning_rate=0.05)" in shown)


def test_inference_mode(kind):
    made = batch(dtype=torch.float32)
    module = kind(*SIZES, seed=7)
    with torch.inference_mode():
        sampled, exact = module(made.input, made.target), module.full_loss(made.input, made.target)
        module.topk(made.input, 3)
    assert module(made.input, made.target).item() == sampled.item()
    assert module.full_loss(made.input, made.target).item() == exact.item()


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.int8, torch.uint8])
def test_any_integer_dtype_of_labels(kind, dtype):
    made = batch(dtype=torch.float32)
    module = kind(*SIZES, seed=7)
    want = module(made.input, made.target), module.full_loss(made.input, made.target)
    target = made.target.to(dtype)
    assert torch.equal(module(made.input, target), want[0])
    assert torch.equal(module.full_loss(made.input, target), want[1])


def test_two_losses_of_one_module_in_one_graph(kind):
    made, other = batch(dtype=torch.float64), batch(dtype=torch.float64, seed=3)
    module = filled(kind(*SIZES, seed=7, dtype=torch.float64, **({"optimizer": ss.SGD(0.1)} if "Fused" in kind.__name__
                         else {})), made)  # fmt: skip
    (module(made.input, made.target) + module(other.input, other.target)).backward()
    leaves = made.leaves()
    total = 0
    for one in (made, other):
        values = ss.LogUniformSampler(50, seed=7).sample(one.target.numpy(), 12)
        total = total + st.sampled_softmax_loss(one.input, one.target, *leaves[2:4], sampled_values=values)
    total.backward()
    if kind is st.FusedSampledSoftmaxLoss:
        torch.testing.assert_close(module.weight, made.weight - 0.1 * leaves.weight.grad)
    else:
        torch.testing.assert_close(module.weight.grad.to_dense(), leaves.weight.grad)
    assert module.candidates.state["step"] == 1


def test_parameters_that_are_passed_from_outside():
    made = batch(dtype=torch.float32)
    module = filled(st.SampledSoftmaxLoss(*SIZES, seed=7), made)
    other = {"weight": made.weight * 2, "bias": made.bias}
    values = ss.LogUniformSampler(50, seed=7).sample(made.target.numpy(), 12)
    loss = torch.func.functional_call(module, other, (made.input, made.target))
    want = st.sampled_softmax_loss(made.input, made.target, made.weight * 2, made.bias, sampled_values=values)
    assert torch.equal(loss, want)


class Margin(ss.Objective):
    def loss_and_grad(self, logits, num_true):
        return ss.reference.cross_entropy(logits, num_true)


BAD = {
    "in_features": ({"in_features": 0}, ValueError, "in_features must be at least 1"),
    "n_classes": ({"n_classes": 2.5}, TypeError, "n_classes must be a whole number"),
    "num_sampled": ({"num_sampled": 51}, ValueError, "num_sampled = 51 unique candidates .* n_classes = 50"),
    "sampler": ({"sampler": "zipf"}, ValueError, "sampler must be one of"),
    "sampler class": ({"sampler": ss.UniformSampler}, TypeError, "sampler must be a name or a sampler object"),
    "sampler of another size": ({"sampler": ss.UniformSampler(40)}, ValueError, "range_max = 40, but n_classes = 50"),
    "sampler that learns": ({"sampler": ss.LearnedUnigramSampler(50)}, ValueError, "learns .* sampled_values"),
    "sampler and seed": ({"sampler": ss.UniformSampler(50), "seed": 1}, ValueError, "seed is for a sampler by name"),
    "seed": ({"seed": 1.5}, TypeError, "seed must be an int"),
    "objective": ({"objective": "nse"}, ValueError, "did you mean 'nce'"),
    "objective object": ({"objective": Margin()}, TypeError, "objective must be one of .* the class Margin"),
    "reduction": ({"reduction": None}, ValueError, "reduction must be one of"),
    "bias": ({"bias": None}, TypeError, "bias must be True or False"),
    "dtype": ({"dtype": torch.int64}, TypeError, "dtype must be torch.float32"),
    "dtype of NumPy": ({"dtype": np.float32}, TypeError, "dtype must be torch.float32"),
    "subtract_log_q": ({"subtract_log_q": "no"}, TypeError, "subtract_log_q must be True or False"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_refused_in_one_sentence(kind, name):
    arguments, error, message = BAD[name]
    with pytest.raises(error, match=message) as caught:
        kind(**(dict(zip(("in_features", "n_classes", "num_sampled"), SIZES, strict=True)) | arguments))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("training", [True, False])
def test_bad_batches_are_refused(kind, training):
    made, module = batch(dtype=torch.float32), kind(*SIZES, seed=7).train(training)
    before = tables(module)
    with pytest.raises(ValueError, match=r"target\[0\] = 50 is not a class"):
        module(made.input, made.target.index_fill(0, torch.tensor([0]), 50))
    with pytest.raises(ValueError, match="input must have shape"):
        module(made.input[:, :5], made.target)
    with pytest.raises(TypeError, match=r"input must be torch.float32"):
        module(made.input.double(), made.target)
    assert all(torch.equal(*pair) for pair in zip(before, tables(module), strict=True))
    assert module.candidates.state["step"] == 0

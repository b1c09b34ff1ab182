"""The module that trains its own tables: equal to a layer of this package, and clear about what PyTorch cannot see."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import sampledsoftmax as ss  # noqa: E402
import sampledsoftmax.torch as st  # noqa: E402
from sampledsoftmax.layers.split_step import SplitSteps  # noqa: E402
from tests.registry import OPTIMIZERS  # noqa: E402
from tests.torch.cases import batch  # noqa: E402

SIZES = (6, 50, 12)


def module_and_layer(made, rule, **options):
    """Return a module, and a layer with the same tables, sampler and optimizer."""
    dtype = made.weight.dtype
    module = st.FusedSampledSoftmaxLoss(*SIZES, optimizer=rule, seed=7, dtype=dtype, **options)
    layer = ss.SampledSoftmax(50, 6, 12, rule, dtype=str(dtype).split(".")[1], seed=7, **options)
    for table, ours, theirs in ((made.weight, module.weight, layer.weights), (made.bias, module.bias, layer.biases)):
        ours.copy_(table)
        theirs[...] = table.numpy()
    return module, layer


@pytest.mark.subset(4, name="adagrad", dtype=torch.float32)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_a_layer(name, dtype):
    batches = [batch(dtype=dtype, seed=seed) for seed in range(5)]
    module, layer = module_and_layer(batches[0], OPTIMIZERS[name](0.05))
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 2e-4, "atol": 1e-5}
    for made in batches:
        hidden = made.input.clone().requires_grad_()
        loss = module(hidden, made.target)
        loss.backward()
        want, gradient = layer.step(made.input.numpy(), made.target.numpy())
        np.testing.assert_allclose(loss.item(), want, rtol=tolerance["rtol"])
        np.testing.assert_allclose(hidden.grad.numpy(), gradient, **tolerance)
    module.eval()(hidden, made.target)  # rows that an optimizer left behind catch up
    np.testing.assert_allclose(module.weight.numpy(), layer.weights, **tolerance)
    np.testing.assert_allclose(module.bias.numpy(), layer.biases, **tolerance)


def spied(monkeypatch):
    """Return the list in which the outcomes of first calls are noted: True for a compiled step, False for composed."""
    outcomes = []
    original = SplitSteps.forward

    def forward(*arguments):
        found = original(*arguments)
        outcomes.append(found is not None)
        return found

    monkeypatch.setattr(SplitSteps, "forward", forward)
    return outcomes


@pytest.mark.subset(4, name="adagrad", dtype=torch.float32)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_steps_are_composed_ones(name, dtype, monkeypatch):
    """The same bits of losses and of the gradient of the input; of the tables to rounding: another order of sums."""
    batches = [batch(dtype=dtype, seed=seed) for seed in range(3)]
    module, _ = module_and_layer(batches[0], OPTIMIZERS[name](0.05))
    other = copy.deepcopy(module)
    monkeypatch.setattr(other, "begin", lambda *_: None)
    outcomes = spied(monkeypatch)
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 2e-4, "atol": 1e-5}
    for i, made in enumerate(batches):
        found = []
        for one in (module, other):
            one.reduction = ("mean", "sum", "none")[i]
            hidden = made.input.clone().requires_grad_()
            target = made.target.index_fill(0, torch.tensor([2]), -100)
            losses = one(hidden, target)
            losses.backward(torch.full_like(losses, 0.75))
            found.append((losses.detach(), hidden.grad))
        if i == 0:
            assert torch.equal(found[0][0], found[1][0])
            assert torch.equal(found[0][1], found[1][1])
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, **tolerance)
    module.eval()(hidden, made.target), other.eval()(hidden, made.target)
    for ours, theirs in zip(module.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)
    assert outcomes == [True] * 3


def test_a_step_has_the_bits_of_a_layer():
    made = batch(dtype=torch.float32)
    module, layer = module_and_layer(made, ss.Adagrad(0.05))
    for _ in range(3):
        hidden = made.input.clone().requires_grad_()
        module(hidden, made.target).backward()
        _, gradient = layer.step(made.input.numpy(), made.target.numpy())
        np.testing.assert_array_equal(hidden.grad.numpy(), gradient)
    np.testing.assert_array_equal(module.weight.numpy(), layer.weights)
    np.testing.assert_array_equal(module.bias.numpy(), layer.biases)


def test_losses_that_wait_for_their_backward_pass_are_composed(monkeypatch):
    """Gradients are those of the tables at the forward pass, whichever loss comes first."""
    made, outcomes = batch(dtype=torch.float64), spied(monkeypatch)
    results = []
    for order in ((0, 1, 2), (2, 0, 1)):
        module, _ = module_and_layer(made, ss.SGD(0.1))
        hidden = [made.input.clone().requires_grad_() for _ in range(3)]
        losses = [module(one, made.target.roll(i)) for i, one in enumerate(hidden)]
        for i in order:
            losses[i].backward()
        results.append([module.weight, *(one.grad for one in hidden)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)
    assert outcomes == [True, False, False] * 2


def test_a_loss_that_is_dropped_makes_room_for_the_next(monkeypatch):
    made, outcomes = batch(dtype=torch.float32), spied(monkeypatch)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    for _ in range(3):
        module(made.input, made.target)
    hidden = made.input.clone()
    hidden[0] = float("nan")
    with pytest.raises(FloatingPointError):
        module(hidden, made.target)
    module(made.input, made.target).backward()
    assert outcomes == [True] * 5
    assert not torch.equal(module.weight, made.weight)


@pytest.mark.parametrize("kind", ["distinct", "twice"])
def test_given_candidates(kind, monkeypatch):
    """Those that occur twice have one row with two gradients, which the compiled step does not know."""
    made, outcomes = batch(dtype=torch.float64), spied(monkeypatch)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    values = ss.UniformSampler(50, seed=3).sample(made.target.numpy(), 60 if kind == "twice" else 12, kind != "twice")
    hidden = made.input.clone().requires_grad_()
    module(hidden, made.target, sampled_values=values).backward()
    leaves = made.leaves()
    st.sampled_softmax_loss(*leaves[:4], sampled_values=values).backward()
    torch.testing.assert_close(hidden.grad, leaves.input.grad)
    torch.testing.assert_close(module.weight, made.weight - 0.1 * leaves.weight.grad)
    torch.testing.assert_close(module.bias, made.bias - 0.1 * leaves.bias.grad)
    assert outcomes == [kind == "distinct"]
    assert module.candidates.state["step"] == 0


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_gradients_are_differences_of_losses(reduction):
    """As `gradcheck` has it, which takes several backward passes through one loss."""
    made = batch(20, 4, 5, 6)
    module = st.FusedSampledSoftmaxLoss(4, 20, 6, optimizer=ss.SGD(1.0), dtype=torch.float64, reduction=reduction)
    module.weight.copy_(made.weight)
    hidden, above = made.input.clone().requires_grad_(), torch.linspace(0.5, 2.0, 5, dtype=torch.float64)
    generator, small = torch.Generator().manual_seed(1), 1e-5
    directions = [torch.randn(t.shape, generator=generator, dtype=torch.float64) for t in (hidden, module.weight)]

    def loss(shift_of_input, shift_of_weight):
        module.weight.copy_(made.weight + shift_of_weight * directions[1])
        losses = module(hidden + shift_of_input * directions[0], made.target, made.values)
        return (losses * above).sum() if reduction == "none" else losses

    with torch.no_grad():
        differences = [loss(small, 0) - loss(-small, 0), loss(0, small) - loss(0, -small)]
    loss(0, 0).backward()
    expected = [(hidden.grad * directions[0]).sum(), ((made.weight - module.weight) * directions[1]).sum()]
    torch.testing.assert_close(torch.stack(differences) / (2 * small), torch.stack(expected), rtol=1e-8, atol=1e-9)


@pytest.mark.subset(3)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_biases_they_stay_zero(name, monkeypatch):
    batches = [batch(dtype=torch.float64, seed=seed) for seed in (0, 1, 0)]
    options = {"optimizer": OPTIMIZERS[name](0.05), "seed": 7, "dtype": torch.float64, "bias": False}
    module = st.FusedSampledSoftmaxLoss(*SIZES, **options)
    module.weight.copy_(batches[0].weight)
    other, outcomes = copy.deepcopy(module), spied(monkeypatch)
    monkeypatch.setattr(other, "begin", lambda *_: None)
    for made in batches:
        losses = [one(made.input, made.target) for one in (module, other)]
        for loss in losses:
            loss.backward()
        torch.testing.assert_close(*losses, rtol=1e-12, atol=0)
    module.eval()(made.input, made.target), other.eval()(made.input, made.target)
    torch.testing.assert_close(module.weight, other.weight, rtol=1e-10, atol=1e-12)
    assert outcomes == [True] * 3


def test_tables_that_are_replaced_between_the_passes_are_trained():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    twin = copy.deepcopy(module)
    loss = module(made.input, made.target)
    old = module.weight
    module.load_state_dict({name: copy.deepcopy(value) for name, value in twin.state_dict().items()}, assign=True)
    loss.backward()
    twin(made.input, made.target).backward()
    assert torch.equal(module.weight, twin.weight)
    assert torch.equal(old, made.weight)


def test_a_copy_between_the_passes_is_not_trained():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.Adagrad(0.1))
    loss = module(made.input, made.target)
    twin = copy.deepcopy(module)
    loss.backward()
    assert torch.equal(twin.weight, made.weight)
    twin(made.input, made.target).backward()
    assert torch.equal(twin.weight, module.weight)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_an_empty_batch_changes_no_row_with_momentum(name):
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, OPTIMIZERS[name](0.1))
    module.reduction = "sum"
    module(made.input, made.target).backward()
    before = [buffer.clone() for buffer in module.buffers()]
    module(made.input, torch.full_like(made.target, -100)).backward()
    assert all(torch.equal(*pair) for pair in zip(before, module.buffers(), strict=True))


def test_a_scale_of_a_grad_scaler_is_that_of_the_update():
    made = batch(dtype=torch.float32)
    module, layer = module_and_layer(made, ss.SGD(0.1 * 2.0**-7))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**7)
    hidden = made.input.clone().requires_grad_()
    scaler.scale(module(hidden, made.target)).backward()
    _, gradient = layer.step(made.input.numpy(), made.target.numpy())
    np.testing.assert_allclose(hidden.grad.numpy() / 2**7, gradient, rtol=1e-5, atol=1e-7)
    moved, expected = (table - made.weight.numpy() for table in (module.weight.numpy(), layer.weights))
    np.testing.assert_allclose(moved, expected * 2**7, rtol=1e-3, atol=1e-4)


def test_pytorch_sees_no_parameters_and_numpy_the_same_memory():
    module = st.FusedSampledSoftmaxLoss(*SIZES, seed=7)
    assert list(module.parameters()) == []
    assert {name for name, _ in module.named_buffers()} == {"weight", "bias", "weight_accumulator", "bias_accumulator"}
    memory = module.weight.numpy()
    module(torch.ones(2, 6), torch.tensor([1, 2])).backward()
    assert np.shares_memory(memory, module.weight.numpy())
    module.load_state_dict(st.FusedSampledSoftmaxLoss(*SIZES, seed=8).state_dict())
    assert np.array_equal(memory, module.weight.numpy())
    assert np.shares_memory(memory, module.weight.numpy())


def test_a_state_that_is_assigned_is_trained():
    module, other = (st.FusedSampledSoftmaxLoss(*SIZES, seed=seed) for seed in (7, 8))
    state = {name: copy.deepcopy(value) for name, value in other.state_dict().items()}
    module.load_state_dict(state, assign=True)
    module(torch.ones(2, 6), torch.tensor([1, 2])).backward()
    other(torch.ones(2, 6), torch.tensor([1, 2])).backward()
    assert torch.equal(module.weight, other.weight)
    assert np.shares_memory(module.weight.numpy(), state["weight"].numpy())


def test_the_gradient_from_above_scales_the_update():
    made = batch(dtype=torch.float64)
    module, _ = module_and_layer(made, ss.SGD(0.3))
    _, other = module_and_layer(made, ss.SGD(0.1))
    hidden = made.input.clone().requires_grad_()
    (module(hidden, made.target) / 3).backward()
    _, gradient = other.step(made.input.numpy(), made.target.numpy())
    np.testing.assert_allclose(module.weight.numpy(), other.weights, rtol=1e-12)
    np.testing.assert_allclose(hidden.grad.numpy(), gradient / 3, rtol=1e-12)


def test_losses_that_are_not_reduced_have_weights_of_their_own():
    made = batch(dtype=torch.float64)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    module.reduction = "none"
    above = torch.linspace(0.5, 2.0, 9, dtype=torch.float64)
    values = ss.LogUniformSampler(50, seed=7).sample(made.target.numpy(), 12)
    leaves = made.leaves()
    losses = st.sampled_softmax_loss(*leaves[:4], sampled_values=values, reduction="none")
    losses.backward(above)
    hidden = made.input.clone().requires_grad_()
    ours = module(hidden, made.target)
    ours.backward(above)
    torch.testing.assert_close(ours, losses)
    torch.testing.assert_close(hidden.grad, leaves.input.grad)
    torch.testing.assert_close(module.weight, made.weight - 0.1 * leaves.weight.grad)


def test_every_backward_pass_is_an_update_also_for_accumulated_gradients():
    made = batch(dtype=torch.float64)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    _, layer = module_and_layer(made, ss.SGD(0.05))
    hidden = made.input.clone().requires_grad_()
    total = 0
    for part in range(2):  # two parts of a batch, each with half of the weight
        (module(hidden, made.target.roll(part)) / 2).backward()
        total = total + layer.step(made.input.numpy(), made.target.roll(part).numpy())[1] / 2
    np.testing.assert_allclose(module.weight.numpy(), layer.weights, rtol=1e-12)
    np.testing.assert_allclose(hidden.grad.numpy(), total, rtol=1e-10, atol=1e-15)


def test_a_second_backward_pass_raises():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    loss = module(made.input.clone().requires_grad_(), made.target)
    loss.backward(retain_graph=True)
    once = module.weight.clone()
    with pytest.raises(RuntimeError, match=r"a second backward pass .* has updated the tables; call the module again"):
        loss.backward()
    assert torch.equal(module.weight, once)


def test_nothing_is_updated_without_gradients_or_in_evaluation():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    with torch.no_grad():
        assert not module(made.input, made.target).requires_grad
    hidden = made.input.clone().requires_grad_()
    module.eval()(hidden, made.target).backward()
    assert hidden.grad.abs().sum() > 0
    assert torch.equal(module.weight, made.weight)


def test_an_input_without_a_gradient_still_trains_the_tables():
    made = batch(dtype=torch.float32)
    module, layer = module_and_layer(made, ss.SGD(0.1))
    module(made.input, made.target).backward()
    layer.step(made.input.numpy(), made.target.numpy())
    np.testing.assert_allclose(module.weight.numpy(), layer.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_numbers_that_are_not_finite_change_nothing(reduction):
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    module.reduction = reduction
    hidden = made.input.clone()
    hidden[3] = float("inf")
    with pytest.raises(FloatingPointError, match=r"the loss of example 3 is .*: no table was changed"):
        module(hidden.requires_grad_(), made.target)
    loss = module(made.input, made.target)
    with pytest.raises(FloatingPointError, match="no table was changed"):
        loss.backward(torch.full_like(loss, float("nan")))
    assert torch.equal(module.weight, made.weight)


def test_a_change_of_the_tables_is_seen_by_autograd():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    hidden = made.input.clone().requires_grad_()
    exact = module.full_loss(hidden, made.target)
    module(made.input, made.target).backward()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        exact.backward()


def test_the_tables_stay_where_they_are_when_a_model_is_moved():
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), st.FusedSampledSoftmaxLoss(*SIZES, seed=7))
    before = model[1].weight.data_ptr()
    model.to("meta")
    assert model[0].weight.device.type == "meta"
    assert model[1].weight.data_ptr() == before
    for cast in (model.double, model.half, lambda: model.to(torch.bfloat16)):
        with pytest.raises(TypeError, match=r"stay torch.float32, and cannot become"):
            cast()
    model[1].float()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_inputs_on_another_device():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    twin = copy.deepcopy(module)
    hidden = made.input.cuda().requires_grad_()
    loss = module(hidden, made.target.cuda())
    assert loss.is_cuda
    loss.backward()
    other = made.input.clone().requires_grad_()
    twin(other, made.target).backward()
    torch.testing.assert_close(hidden.grad.cpu(), other.grad)
    assert torch.equal(module.weight, twin.weight)


class SignSGD(ss.Optimizer):
    """An optimizer in plain Python."""

    learning_rate = 0.5

    def init(self, table):
        return {"steps": np.zeros(1, np.int64)}

    def update(self, table, slots, gradient):
        slots["steps"] += 1
        rows = gradient.coalesce()
        table[rows.indices] -= self.learning_rate * np.sign(rows.values)


def test_an_optimizer_of_your_own():
    made = batch(dtype=torch.float32)
    module, layer = module_and_layer(made, SignSGD())
    for _ in range(2):
        (module(made.input, made.target) * 7).backward()
        layer.step(made.input.numpy(), made.target.numpy())
    np.testing.assert_allclose(module.weight.numpy(), layer.weights, rtol=1e-6)
    assert module.state_dict()["weight_steps"].tolist() == [2]


def test_a_gradient_that_overflows_changes_nothing():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    module.reduction = "none"
    losses = module(made.input, made.target)
    with pytest.raises(FloatingPointError, match="a gradient of the input is NaN or infinite: no table was changed"):
        losses.backward(torch.full_like(losses, float("inf")))
    assert torch.equal(module.weight, made.weight)


def test_a_schedule_assigns_the_learning_rate():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    module.optimizer.learning_rate = 0.0 + 1e-30
    module(made.input, made.target).backward()
    assert torch.equal(module.weight, made.weight)


def test_reset_begins_the_optimizer_again():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.Adagrad(0.1))
    module(made.input, made.target).backward()
    assert (module.weight_accumulator != module.weight_accumulator.min()).any()
    module.reset_parameters()
    assert torch.equal(module.weight_accumulator, torch.full_like(module.weight, 0.1))
    assert torch.equal(module.bias, torch.zeros(50))


def test_an_empty_batch_changes_nothing():
    made = batch(dtype=torch.float32)
    module, _ = module_and_layer(made, ss.SGD(0.1))
    module.reduction = "sum"
    module(made.input[:0], made.target[:0]).backward()
    module(made.input, torch.full_like(made.target, -100)).backward()
    assert torch.equal(module.weight, made.weight)


@pytest.mark.parametrize(
    "optimizer", [ss.SGD, "adagrad", 0.1, torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.1)]
)
def test_other_optimizers_are_refused(optimizer):
    with pytest.raises(
        TypeError, match=r"optimizer must be one of this package, such as sampledsoftmax.Adagrad\(0.05\)"
    ):
        st.FusedSampledSoftmaxLoss(*SIZES, optimizer=optimizer)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_tables_of_half_precision_are_refused(dtype):
    with pytest.raises(TypeError, match=r"dtype must be torch.float32 or torch.float64"):
        st.FusedSampledSoftmaxLoss(*SIZES, dtype=dtype)

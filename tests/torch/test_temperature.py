"""temperature= and normalize= on tensors: the numbers of the reference on every path, and the exact passes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import sampledsoftmax as ss  # noqa: E402
import sampledsoftmax.torch as st  # noqa: E402
from sampledsoftmax import reference  # noqa: E402
from sampledsoftmax.torch import full  # noqa: E402
from tests.torch.cases import FORMULAS, PATHS, batch, dense, on_path  # noqa: E402

LOSSES = {"softmax": st.sampled_softmax_loss, "nce": st.nce_loss}
SIMILARITIES = {
    "temperature": {"temperature": 0.3},
    "normalize": {"normalize": True},
    "both": {"temperature": 0.07, "normalize": True},
}
of_each = pytest.mark.parametrize("name", SIMILARITIES)
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-4}


@pytest.fixture(params=PATHS)
def device(request, monkeypatch):
    """Return the device of tables: the CPU by both paths, and CUDA where there is one."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    monkeypatch.setattr(full, "BLOCK", 16)
    return on_path(request.param, monkeypatch)


def close(got, want, dtype):
    np.testing.assert_allclose(got, want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def arrays(made):
    weight, bias, inputs = (t.detach().cpu().numpy() for t in (made.weight, made.bias, made.input))
    return weight, bias, made.target.cpu().numpy().reshape(inputs.shape[0], -1), inputs


def module(made, **options):
    """Return a module in evaluation mode with the tables of a batch."""
    loss = st.SampledSoftmaxLoss(6, 50, 12, seed=1, dtype=made.weight.dtype, device=made.weight.device, **options)
    loss.load_state_dict(loss.state_dict() | {"weight": made.weight.detach(), "bias": made.bias.detach()})
    return loss.eval()


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("loss_name", LOSSES)
@of_each
def test_numbers_are_those_of_the_reference(device, name, loss_name, sparse, dtype):
    made, options = batch(dtype=dtype, num_true=2, device=device).leaves(), SIMILARITIES[name]
    losses, ids, rows, entries, of_input = reference.sampled_loss_and_grad(
        *arrays(made), made.values, of=FORMULAS[loss_name], **options
    )
    loss = LOSSES[loss_name](*made[:4], sampled_values=made.values, sparse=sparse, reduction="none",
                             remove_accidental_hits=True, **options)  # fmt: skip
    close(loss.detach().cpu().numpy(), losses, dtype)
    loss.sum().backward()
    of_weight, of_bias = np.zeros(made.weight.shape), np.zeros(made.bias.shape)
    np.add.at(of_weight, ids, rows)
    np.add.at(of_bias, ids, entries)
    for tensor, gradient in zip((made.input, made.weight, made.bias), (of_input, of_weight, of_bias), strict=True):
        assert tensor.grad.dtype == dtype
        close(dense(tensor.grad), gradient, dtype)


@of_each
def test_gradcheck(device, name):
    made, options = batch(20, 4, 5, 6, device=device).leaves(), SIMILARITIES[name]

    def loss(*tensors):
        return st.sampled_softmax_loss(tensors[0], made.target, *tensors[1:], sampled_values=made.values, **options)

    assert torch.autograd.gradcheck(loss, (made.input, made.weight, made.bias))


@pytest.mark.parametrize("frozen", [False, True])
@of_each
def test_exact_losses_and_probabilities_are_those_of_the_reference(device, name, frozen):
    made, options = batch(num_true=2, device=device).leaves(), SIMILARITIES[name]
    loss = module(made, reduction="sum", **options).requires_grad_(not frozen)
    losses, of_weight, of_bias, of_input = reference.full_softmax_loss_and_grad(*arrays(made), **options)
    got = loss(made.input, made.target)
    close(got.item(), losses.sum(), torch.float64)
    got.backward()
    close(made.input.grad.cpu().numpy(), of_input, torch.float64)
    if not frozen:
        close(loss.weight.grad.cpu().numpy(), of_weight, torch.float64)
        close(loss.bias.grad.cpu().numpy(), of_bias, torch.float64)
    log_prob = loss.log_prob(made.input).detach().cpu().numpy()
    labels = arrays(made)[2]
    close(-np.take_along_axis(log_prob, labels, 1).mean(axis=1), losses, torch.float64)
    values, ids = (part.cpu().numpy() for part in loss.topk(made.input, 5))
    best = np.argsort(-log_prob, axis=1)[:, :5]
    np.testing.assert_array_equal(ids, best)
    shifted = np.take_along_axis(log_prob, best, 1)
    close(values - values[:, :1], shifted - shifted[:, :1], torch.float64)


def test_rows_of_zeros_have_gradient_0(device):
    made = batch(dtype=torch.float32, device=device)
    made.input[1], made.weight[made.target[0]] = 0, 0
    made = made.leaves()
    loss = st.sampled_softmax_loss(*made[:4], sampled_values=made.values, normalize=True)
    loss.backward()
    assert torch.isfinite(loss)
    assert not made.input.grad[1].any()
    assert not made.weight.grad[made.target[0]].any()
    exact = module(made, normalize=True)
    exact(made.input, made.target).backward()
    assert not exact.weight.grad[made.target[0]].any()
    assert torch.isfinite(exact.weight.grad).all()


def test_a_long_row_has_the_same_cosines(device):
    made = batch(dtype=torch.float32, device=device)
    expected = st.sampled_softmax_loss(*made[:4], sampled_values=made.values, normalize=True)
    made.weight.mul_(torch.linspace(1e18, 1e21, 50, device=made.weight.device)[:, None])
    made = made.leaves()
    loss = st.sampled_softmax_loss(*made[:4], sampled_values=made.values, normalize=True)
    loss.backward()
    close(loss.item(), expected.item(), torch.float32)
    assert torch.isfinite(made.weight.grad).all()


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
@pytest.mark.parametrize("sparse", [False, True])
def test_a_compiled_module_has_the_same_numbers(sparse):
    torch._dynamo.reset()
    made = batch(dtype=torch.float32).leaves()
    eager = module(made, sparse=sparse, **SIMILARITIES["both"]).train()
    traced = module(made, sparse=sparse, **SIMILARITIES["both"]).train()
    compiled = torch.compile(traced, backend="aot_eager", fullgraph=True)
    for training in (True, False):
        for loss in (eager.train(training), traced.train(training)):
            loss.zero_grad()
            made.input.grad = None
            found = (loss if loss is eager else compiled)(made.input, made.target)
            found.backward()
            loss.found = found.item(), made.input.grad.numpy(), dense(loss.weight.grad), dense(loss.bias.grad)
        for ours, theirs in zip(eager.found, traced.found, strict=True):
            close(theirs, ours, torch.float32)
    torch._dynamo.reset()


def test_options_are_checked_shown_and_copied():
    loss = st.SampledSoftmaxLoss(6, 50, 12, **SIMILARITIES["both"])
    assert "temperature=0.07, normalize=True" in repr(loss)
    assert "temperature" not in repr(st.SampledSoftmaxLoss(6, 50, 12))
    made = batch(dtype=torch.float32)
    for call in (
        lambda **options: st.SampledSoftmaxLoss(6, 50, 12, **options),
        lambda **options: st.FusedSampledSoftmaxLoss(6, 50, 12, **options),
        lambda **options: st.sampled_softmax_loss(*made[:4], 5, **options),
        lambda **options: st.nce_loss(*made[:4], 5, **options),
    ):
        with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
            call(temperature=0)
        with pytest.raises(TypeError, match="normalize must be True or False, got int"):
            call(normalize=1)


def test_a_temperature_is_not_learned_and_not_assigned():
    for of in (st.SampledSoftmaxLoss, st.FusedSampledSoftmaxLoss):
        with pytest.raises(TypeError, match="temperature must be a number that is not learned, got Parameter"):
            of(6, 50, 12, temperature=torch.nn.Parameter(torch.tensor(0.1)))
        loss = of(6, 50, 12, temperature=torch.tensor(0.5), normalize=True)
        assert (loss.temperature, loss.normalize) == (0.5, True)
        for name in ("temperature", "normalize"):  # an assignment would have no effect
            with pytest.raises(AttributeError, match=name):
                setattr(loss, name, getattr(loss, name))


def test_a_module_trains_as_the_layer_does():
    made, options = batch(dtype=torch.float32), SIMILARITIES["both"]
    loss = st.SampledSoftmaxLoss(6, 50, 12, seed=4, **options)
    layer = ss.SampledSoftmax(50, 6, 12, ss.SGD(0.1), seed=4, **options)
    layer.weights = loss.weight.detach().numpy().copy()
    optimizer = torch.optim.SGD(loss.parameters(), 0.1)
    for _ in range(4):
        optimizer.zero_grad()
        found = loss(made.input, made.target)
        found.backward()
        optimizer.step()
        assert found.item() == pytest.approx(layer.step(made.input.numpy(), made.target.numpy())[0], rel=1e-5)
    close(loss.weight.detach().numpy(), layer.weights, torch.float32)


def fused(made, **options):
    """Return a module that trains its own tables, those of a batch."""
    loss = st.FusedSampledSoftmaxLoss(6, 50, 12, seed=1, dtype=made.weight.dtype, **options)
    loss.weight.copy_(made.weight.detach())
    loss.bias.copy_(made.bias.detach())
    return loss


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@of_each
def test_the_fused_loss_and_its_gradient_are_those_of_the_module(name, dtype):
    made, options = batch(dtype=dtype), SIMILARITIES[name]
    found = []
    for loss in (module(made, **options).train(), fused(made, optimizer=ss.SGD(0.5), **options)):
        hidden = made.input.clone().requires_grad_()
        value = loss(hidden, made.target)
        value.backward()
        found.append((value.item(), hidden.grad.numpy(), loss))
    close(found[1][0], found[0][0], dtype)
    close(found[1][1], found[0][1], dtype)
    trained, own = found[0][2], found[1][2]
    for table in ("weight", "bias"):
        gradient = dense(getattr(trained, table).grad)
        assert gradient.any()
        close(getattr(own, table).numpy(), getattr(made, table).numpy() - 0.5 * gradient, dtype)
    trained.load_state_dict(own.state_dict(), strict=False)
    exact = [loss.eval()(made.input, made.target).item() for loss in (trained, own)]
    close(exact[1], exact[0], dtype)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@of_each
def test_a_fused_step_is_the_composed_one(name, dtype, reduction, monkeypatch):
    made = batch(dtype=dtype)
    options = {"reduction": reduction, "optimizer": ss.Adagrad(0.05), **SIMILARITIES[name]}
    compiled, composed = fused(made, **options), fused(made, **options)
    outcomes, begin = [], compiled.begin

    def begun(*arguments):
        outcomes.append(begin(*arguments))
        return outcomes[-1]

    monkeypatch.setattr(compiled, "begin", begun)
    monkeypatch.setattr(composed, "begin", lambda *_: None)
    for seed in range(2):
        made, found = batch(dtype=dtype, seed=seed), []
        for loss in (compiled, composed):
            hidden = made.input.clone().requires_grad_()
            losses = loss(hidden, made.target)
            losses.backward(torch.full_like(losses, 0.75))
            found.append((losses.detach().numpy(), hidden.grad.numpy()))
        if seed == 0 and reduction != "none":  # later the tables, with "none" the gradients differ by rounding
            np.testing.assert_array_equal(found[0][0], found[1][0])
            np.testing.assert_array_equal(found[0][1], found[1][1])
        close(found[0][0], found[1][0], dtype)
        close(found[0][1], found[1][1], dtype)
    assert len(outcomes) == 2
    assert None not in outcomes
    close(compiled.weight.numpy(), composed.weight.numpy(), dtype)
    close(compiled.bias.numpy(), composed.bias.numpy(), dtype)

"""`torch.compile` of models with a loss: one graph, the same numbers; the operators keep what they promise."""

import copy
import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import sampledsoftmax.torch as st  # noqa: E402
from sampledsoftmax.torch import compiled  # noqa: E402
from tests.torch.cases import batch, on_path  # noqa: E402

SIZES = (6, 50, 12)
MODULES = {
    "sparse": lambda **options: st.SampledSoftmaxLoss(*SIZES, seed=7, **options),
    "dense": lambda **options: st.SampledSoftmaxLoss(*SIZES, seed=7, sparse=False, **options),
    "fused": lambda **options: st.FusedSampledSoftmaxLoss(*SIZES, seed=7, **options),
}
# "aot_eager" traces forward and backward as the default does, without compiling C++.
BACKENDS = ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)]


class Model(torch.nn.Module):
    def __init__(self, loss):
        super().__init__()
        self.encoder = torch.nn.Linear(6, 6)
        self.loss = loss

    def forward(self, features, target):
        return self.loss(torch.tanh(self.encoder(features)), target)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


def gradients(model):
    found = [model.encoder.weight.grad]
    if isinstance(model.loss, st.SampledSoftmaxLoss):
        return [*found, *(p.grad.to_dense() for p in (model.loss.weight, model.loss.bias) if p is not None)]
    return [*found, model.loss.weight, model.loss.bias]


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
@pytest.mark.parametrize("options", [{}, {"reduction": "none", "objective": "nce"}, {"bias": False}])
@pytest.mark.parametrize("name", MODULES)
def test_a_compiled_model_has_the_same_numbers(name, options, backend):
    made = batch(dtype=torch.float32)
    eager = Model(MODULES[name](**options))
    traced = copy.deepcopy(eager)
    model = torch.compile(traced, fullgraph=True, backend=backend)
    target = made.target.index_fill(0, torch.tensor([4]), -100)
    for step in range(3):
        want, got = eager(made.input, target), model(made.input, target)
        torch.testing.assert_close(got, want)
        want.sum().backward()
        got.sum().backward()
        if options.get("bias", True):
            torch.testing.assert_close(gradients(traced), gradients(eager))
        assert traced.loss.candidates.state["step"] == step + 1
    eager.eval(), traced.eval()
    torch.testing.assert_close(model(made.input, target), eager(made.input, target))
    with torch.no_grad():
        torch.testing.assert_close(model(made.input, target), eager(made.input, target))


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
@pytest.mark.parametrize("path", ["kernels", "operations"])
def test_a_compiled_function_has_the_same_numbers(path, monkeypatch):
    on_path(path, monkeypatch)
    made = batch(dtype=torch.float32)

    def loss(hidden, weight, bias):
        return st.sampled_softmax_loss(hidden, made.target, weight, bias, 12, seed=3)

    want, got = made.leaves(), made.leaves()
    expected, found = (f(m.input, m.weight, m.bias) for f, m in
                       ((loss, want), (torch.compile(loss, fullgraph=True, backend="aot_eager"), got)))  # fmt: skip
    torch.testing.assert_close(found, expected)
    expected.backward()
    found.backward()
    for one, other in zip((want.input, want.weight, want.bias), (got.input, got.weight, got.bias), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
@pytest.mark.parametrize("name", MODULES)
def test_a_frozen_encoder(name):
    made = batch(dtype=torch.float32)
    eager = Model(MODULES[name]())
    eager.encoder.requires_grad_(False)
    traced = copy.deepcopy(eager)
    model = torch.compile(traced, fullgraph=True, backend="aot_eager")
    eager(made.input, made.target).backward()
    model(made.input, made.target).backward()
    for one, other in zip(gradients(traced)[1:], gradients(eager)[1:], strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
def test_a_compiled_model_learns():
    made = batch(dtype=torch.float32)
    model = Model(st.SampledSoftmaxLoss(*SIZES, seed=7))
    dense, rows = (
        torch.optim.Adam(model.encoder.parameters(), 0.01),
        torch.optim.SparseAdam(model.loss.parameters(), 0.1),
    )
    compiled_model = torch.compile(model, fullgraph=True, backend="aot_eager")
    before = model.eval()(made.input, made.target).item()
    model.train()
    for _ in range(10):
        dense.zero_grad(), rows.zero_grad()
        compiled_model(made.input, made.target).backward()
        dense.step(), rows.step()
    assert model.eval()(made.input, made.target).item() < before


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
@pytest.mark.parametrize("name", MODULES)
def test_batches_of_several_sizes_and_shapes(name):
    eager = Model(MODULES[name]())
    traced = copy.deepcopy(eager)
    model = torch.compile(traced, fullgraph=True, backend="aot_eager")
    for shape in ((9,), (5,), (12,), (4, 3), (2, 7)):
        size = math.prod(shape)
        made = batch(batch_size=size, dtype=torch.float32, seed=size)
        features, target = made.input.reshape(*shape, 6), made.target.reshape(shape)
        want, got = eager(features, target), model(features, target)
        torch.testing.assert_close(got, want)
        want.backward()
        got.backward()
        torch.testing.assert_close(gradients(traced), gradients(eager))


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
def test_numbers_that_are_not_finite_change_nothing():
    made = batch(dtype=torch.float32)
    traced = Model(MODULES["fused"]())
    model = torch.compile(traced, fullgraph=True, backend="aot_eager")
    before = traced.loss.weight.clone()
    with torch.no_grad():
        traced.encoder.bias.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="no table was changed"):
        model(made.input, made.target).backward()
    assert torch.equal(traced.loss.weight, before)


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
def test_autocast():
    made = batch(dtype=torch.float32)
    eager = Model(MODULES["fused"]())
    model = torch.compile(copy.deepcopy(eager), fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu", torch.bfloat16):
        want, got = eager(made.input, made.target), model(made.input, made.target)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, want, rtol=1e-2, atol=1e-2)
    got.backward()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
def test_sparse_gradients_of_functions_are_refused():
    made = batch(dtype=torch.float32).leaves()

    def loss(hidden, weight, bias):
        return st.sampled_softmax_loss(hidden, made.target, weight, bias, 12, seed=3, sparse=True)

    # PyTorch 2.6 reports that an exception was raised, not which.
    with pytest.raises(Exception, match=r"sparse=True cannot be compiled in a function|Observed exception"):
        torch.compile(loss, fullgraph=True, backend="aot_eager")(made.input, made.weight, made.bias)


def operator_arguments(requires_grad=True):
    made = batch(20, 4, 5, 6)
    leaves = made.leaves() if requires_grad else made
    target, values = made.target[:, None], [torch.from_numpy(part) for part in made.values]
    return leaves, target, values


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("formula", [("sampled_softmax", True, True, 0.5, True), ("nce", False, False, 1.0, False)])
def test_the_operators_of_losses(formula, bias):
    leaves, target, values = operator_arguments()
    arguments = (leaves.input, target, leaves.weight, leaves.bias if bias else None, *values, *formula, -100)
    torch.library.opcheck(compiled._losses, arguments)
    plain = [part.detach() if isinstance(part, torch.Tensor) else part for part in arguments]
    torch.library.opcheck(compiled._gradients, (torch.ones(5, dtype=torch.float64), *plain))


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
@pytest.mark.parametrize("bias", [True, False])
def test_the_operators_of_exact_losses(bias):
    leaves, target, _ = operator_arguments()
    arguments = (leaves.input, target, leaves.weight, leaves.bias if bias else None, -100, 0.5, bias)
    torch.library.opcheck(compiled._full_losses, arguments)
    plain = [part.detach() if isinstance(part, torch.Tensor) else part for part in arguments]
    for of_tables in (True, False):
        torch.library.opcheck(compiled._full_gradients, (torch.ones(5, dtype=torch.float64), *plain, of_tables))


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")
def test_the_operators_of_candidates_and_modules():
    made, target, values = operator_arguments(requires_grad=False)
    torch.library.opcheck(compiled._draw, (target, 6, 20, "log_uniform", "3", -100))
    module = st.SampledSoftmaxLoss(4, 20, 6, seed=3, dtype=torch.float64)
    torch.library.opcheck(compiled._draw_of_module, (target, module.handle, 6))
    step = torch.full((), -1)
    arguments = (made.input.clone().requires_grad_(), target, module.anchor, *values, step, module.handle)
    torch.library.opcheck(compiled._module_losses, arguments)
    assert module.weight.grad.is_sparse
    torch.library.opcheck(compiled._finishing, (torch.ones(5, requires_grad=True), step, module.handle))

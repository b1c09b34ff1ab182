"""Losses on tensors: the numbers of reference.py and of TensorFlow, gradients, shapes, and what is refused."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import sampledsoftmax as ss  # noqa: E402
import sampledsoftmax.torch as st  # noqa: E402
from tests.golden import settings  # noqa: E402
from tests.golden.record import FILE  # noqa: E402
from tests.torch.cases import PATHS, TOLERANCE, batch, dense, expected, on_path  # noqa: E402

LOSSES = {"softmax": st.sampled_softmax_loss, "nce": st.nce_loss}


@pytest.fixture(params=PATHS)
def device(request, monkeypatch):
    """Return the device of tables: the CPU by both paths, and CUDA where there is one."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return on_path(request.param, monkeypatch)


def close(got, want, dtype):
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1.0, np.abs(want).max(initial=0)))


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "hits", "log_q"), [("softmax", True, True), ("softmax", False, False),
                                                     ("nce", False, True), ("nce", True, False)])  # fmt: skip
def test_numbers_are_those_of_the_reference(device, dtype, sparse, reduction, name, hits, log_q):
    made = batch(dtype=dtype, num_true=2, device=device).leaves()
    above = np.linspace(0.5, 2.0, 9)
    share = {"mean": np.full(9, 3.0 / 9), "sum": np.full(9, 3.0), "none": above}[reduction]
    want, *gradients = expected(made, name, hits, log_q, share.astype(str(dtype).split(".")[1]))
    loss = LOSSES[name](*made[:4], sampled_values=made.values, sparse=sparse, reduction=reduction,
                        remove_accidental_hits=hits, subtract_log_q=log_q)  # fmt: skip
    want = {"mean": want.mean(), "sum": want.sum(), "none": want}[reduction]
    close(loss.detach().cpu().numpy(), want, dtype)
    loss.backward(torch.from_numpy(above).to(loss) if reduction == "none" else torch.tensor(3.0).to(loss))
    assert made.weight.grad.is_sparse == made.bias.grad.is_sparse == sparse
    for tensor, gradient in zip((made.input, made.weight, made.bias), gradients, strict=True):
        close(dense(tensor.grad), gradient, dtype)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradcheck(device, name, reduction):
    made = batch(20, 4, 5, 6, device=device).leaves()

    def loss(*tensors):
        return LOSSES[name](tensors[0], made.target, *tensors[1:], sampled_values=made.values, reduction=reduction)

    assert torch.autograd.gradcheck(loss, (made.input, made.weight, made.bias))


@pytest.mark.parametrize("name", settings.LOSSES)
def test_numbers_are_those_of_tensorflow(device, name):
    function, hits = settings.LOSSES[name]
    embeddings, *tables = (torch.from_numpy(table).to(device) for table in settings.tables())
    ids, labels = settings.batch(0)
    leaves = [tensor.clone().requires_grad_() for tensor in (embeddings[ids], *tables)]
    loss = getattr(st, function)(
        leaves[0],
        torch.from_numpy(labels).to(device),
        *leaves[1:],
        settings.NUM_SAMPLED,
        seed=settings.SEED,
        sparse=True,
        reduction="none",
        remove_accidental_hits=hits,
    )
    loss.sum().backward()
    weight, bias = (leaf.grad.cpu() for leaf in leaves[1:])
    ours = (loss.detach(), weight._indices()[0], weight._values(), bias._values(), leaves[0].grad)
    for got, want in zip(ours, json.loads(FILE.read_text())["losses"][name], strict=True):
        np.testing.assert_allclose(got.cpu().numpy(), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_without_biases(device, name):
    made = batch(device=device).leaves()
    want, inputs, weight, _ = expected(made._replace(bias=torch.zeros(50, dtype=torch.float64)), name, name != "nce")
    loss = LOSSES[name](*made[:3], None, sampled_values=made.values)
    close(loss.item(), want.mean(), torch.float64)
    loss.backward()
    close(dense(made.input.grad) * 9, inputs, torch.float64)
    close(dense(made.weight.grad) * 9, weight, torch.float64)


def test_sparse_gradients_have_a_row_for_each_label_and_candidate(device):
    made = batch(device=device)
    weight = made.weight.clone().requires_grad_()
    st.sampled_softmax_loss(
        made.input, made.target, weight, made.bias, sampled_values=made.values, sparse=True
    ).backward()
    assert weight.grad.layout == torch.sparse_coo
    assert weight.grad._indices().dtype == torch.int64
    assert weight.grad._nnz() == 9 + 12


def test_any_leading_shape(device):
    made = batch(batch_size=12, device=device)
    flat = st.sampled_softmax_loss(*made[:4], sampled_values=made.values, reduction="none")
    for shape in ((12,), (3, 4), (2, 3, 2), (12, 1)):
        loss = st.sampled_softmax_loss(made.input.reshape(*shape, 6), made.target.reshape(shape), *made[2:4],
                                       sampled_values=made.values, reduction="none")  # fmt: skip
        assert loss.shape == shape
        assert torch.equal(loss.reshape(-1), flat)
    one = st.sampled_softmax_loss(made.input[0], made.target[0], *made[2:4], 5, seed=1, reduction="none")
    assert one.shape == ()


@pytest.mark.parametrize("ignore_index", [-100, 3, 70])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_ignored_examples_count_as_if_they_were_absent(device, reduction, ignore_index):
    made = batch(device=device).leaves()
    ignored = torch.tensor([0, 4, 8], device=device)
    kept = torch.tensor([i for i in range(9) if i not in (0, 4, 8)], device=device)
    target = made.target.masked_fill(made.target == ignore_index, 1).index_fill(0, ignored, ignore_index)
    loss = st.sampled_softmax_loss(made.input, target, *made[2:4], 10, seed=3, reduction=reduction,
                                   ignore_index=ignore_index)  # fmt: skip
    loss.sum().backward()
    other = made.leaves()
    want = st.sampled_softmax_loss(other.input[kept], target[kept], *other[2:4], 10, seed=3, reduction=reduction)
    want.sum().backward()
    if reduction == "none":
        assert torch.equal(loss[ignored], torch.zeros(3, dtype=torch.float64, device=device))
        loss = loss[kept]
    torch.testing.assert_close(loss, want)
    assert torch.equal(made.input.grad[ignored], torch.zeros_like(made.input.grad[ignored]))
    torch.testing.assert_close(made.input.grad, other.input.grad)
    torch.testing.assert_close(made.weight.grad, other.weight.grad)


def test_given_values_with_ignored_examples(device):
    made = batch(device=device)
    target = made.target.index_fill(0, torch.tensor([2], device=device), -100)
    losses = st.sampled_softmax_loss(made.input, target, *made[2:4], sampled_values=made.values, reduction="none")
    want = st.sampled_softmax_loss(*made[:4], sampled_values=made.values, reduction="none")
    want[2] = 0
    torch.testing.assert_close(losses, want)


@pytest.mark.parametrize("size", [0, 3])
def test_a_mean_of_nothing_is_that_of_cross_entropy(device, size):
    made = batch(device=device)
    hidden = made.input[:size].clone().requires_grad_()
    target = torch.full((size,), -100, device=device)
    ours = st.sampled_softmax_loss(hidden, target, *made[2:4], 5, seed=1)
    theirs = torch.nn.functional.cross_entropy(hidden @ made.weight.T, target)
    assert ours.isnan() == theirs.isnan() == torch.tensor(True)
    assert st.sampled_softmax_loss(hidden, target, *made[2:4], 5, seed=1, reduction="sum").item() == 0.0
    assert st.sampled_softmax_loss(hidden, target, *made[2:4], 5, seed=1, reduction="none").shape == (size,)
    ours.backward()
    assert hidden.grad.shape == (size, 6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_where_it_is_read(device, dtype):
    made = batch(dtype=torch.float32, device=device)
    half = [tensor.to(dtype) for tensor in (made.input, made.weight, made.bias)]
    want = st.sampled_softmax_loss(*(t.float() for t in (half[0],)), made.target, *(t.float() for t in half[1:]),
                                   sampled_values=made.values)  # fmt: skip
    leaves = [tensor.clone().requires_grad_() for tensor in half]
    loss = st.sampled_softmax_loss(leaves[0], made.target, *leaves[1:], sampled_values=made.values)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, want)
    loss.backward()
    assert [leaf.grad.dtype for leaf in leaves] == [dtype] * 3
    mixed = st.sampled_softmax_loss(half[0], made.target, *made[2:4], sampled_values=made.values)
    assert mixed.dtype == torch.float32


def test_autocast_computes_in_float32(device):
    made = batch(dtype=torch.float32, device=device)
    want = st.sampled_softmax_loss(*made[:4], sampled_values=made.values)
    with torch.autocast(made.input.device.type, torch.bfloat16):
        assert torch.equal(st.sampled_softmax_loss(*made[:4], sampled_values=made.values), want)


def test_views_are_read_as_they_are():
    made = batch(dtype=torch.float32)
    wide = torch.zeros(50, 12)
    wide[:, ::2] = made.weight
    loss = st.sampled_softmax_loss(made.input.T.contiguous().T, made.target, wide[:, ::2], made.bias,
                                   sampled_values=made.values)  # fmt: skip
    torch.testing.assert_close(loss, st.sampled_softmax_loss(*made[:4], sampled_values=made.values))


def test_the_same_seed_draws_the_same(device):
    made = batch(device=device)
    first, second, other = (st.sampled_softmax_loss(*made[:4], 9, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    numpy = ss.sampled_softmax_loss(*(t.cpu().numpy() for t in (*made[2:4], made.target, made.input)), 9, 50, seed=5)
    close(first.item(), numpy.mean(), torch.float64)
    uniform = st.sampled_softmax_loss(*made[:4], 9, seed=5, sampler="uniform")
    assert not torch.equal(first, uniform)


def test_a_loss_can_be_differentiated_twice_by_one_graph_but_its_gradient_cannot():
    made = batch().leaves()
    loss = st.sampled_softmax_loss(*made[:4], sampled_values=made.values)
    loss.backward(retain_graph=True)
    once = made.input.grad.clone(), made.weight.grad.clone()
    loss.backward(retain_graph=True)
    loss.backward()
    torch.testing.assert_close((made.input.grad, made.weight.grad), tuple(3 * grad for grad in once))
    loss = st.sampled_softmax_loss(*made[:4], sampled_values=made.values)
    (gradient,) = torch.autograd.grad(loss, made.input, create_graph=True)
    with pytest.raises(RuntimeError, match="the gradient of this loss has no gradient in turn"):
        (gradient.sum() + made.input.sum()).backward()


def test_a_change_between_the_passes_is_noticed():
    made = batch().leaves()
    losses = st.sampled_softmax_loss(*made[:4], sampled_values=made.values, reduction="none")
    with torch.no_grad():
        made.weight.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        losses.sum().backward()


def test_nothing_is_computed_that_no_gradient_needs():
    made = batch()
    with torch.no_grad():
        assert not st.sampled_softmax_loss(*made.leaves()[:4], sampled_values=made.values).requires_grad
    frozen = made.leaves()
    frozen.weight.requires_grad_(False)
    st.sampled_softmax_loss(*frozen[:4], sampled_values=made.values, sparse=True).backward()
    assert frozen.weight.grad is None
    assert frozen.bias.grad.is_sparse
    assert frozen.input.grad is not None


@pytest.mark.parametrize("name", ["log_uniform", "uniform", "learned_unigram", "fixed_unigram", "all"])
def test_samplers_on_tensors(name):
    labels = torch.tensor([[0, 2], [3, 1]])
    arguments = {"all": (2, 7, True), "fixed_unigram": (2, 5, True, 7)}.get(name, (2, 5, True, 30))
    options = {"unigrams": list(range(1, 8))} if name == "fixed_unigram" else {}
    ours = getattr(st, f"{name}_candidate_sampler")(labels, *arguments, seed=4, **options)
    want = getattr(ss, f"{name}_candidate_sampler")(labels.numpy(), *arguments, seed=4, **options)
    assert isinstance(ours, ss.SampledValues)
    for got, array in zip(ours, want, strict=True):
        assert isinstance(got, torch.Tensor)
        np.testing.assert_array_equal(got.numpy(), array)
    with pytest.raises(TypeError, match=r"true_classes must be a torch.Tensor, got list"):
        getattr(st, f"{name}_candidate_sampler")([[1]], *arguments)


def good():
    made = batch(dtype=torch.float32)
    return {"input": made.input, "target": made.target, "weight": made.weight, "bias": made.bias, "num_sampled": 5}


BAD = {
    "input of a list": ({"input": [[1.0]]}, TypeError, r"input must be a torch.Tensor, got list \[\[1.0\]\]"),
    "target of a list": ({"target": [1]}, TypeError, r"target must be a torch.Tensor, got list \[1\]"),
    "weight of NumPy": ({"weight": np.zeros((50, 6))}, TypeError, "weight must be a torch.Tensor, got ndarray"),
    "input of integers": ({"input": torch.ones(9, 6, dtype=torch.long)}, TypeError, "must be torch.float32"),
    "input of doubles": ({"input": torch.ones(9, 6).double()}, TypeError, "got torch.float64: call input.to"),
    "weight of integers": ({"weight": torch.ones(50, 6, dtype=torch.long)}, TypeError, "weight must be float32"),
    "bias of doubles": ({"bias": torch.zeros(50).double()}, TypeError, "bias must have the dtype of weight"),
    "target of floats": ({"target": torch.zeros(9)}, TypeError, "call target.long()"),
    "target of bools": ({"target": torch.zeros(9, dtype=torch.bool)}, TypeError, "got torch.bool"),
    "input too wide": ({"input": torch.ones(9, 7)}, ValueError, r"shape \[..., 6\] as weight, got \[9, 7\]"),
    "weight transposed": ({"weight": torch.ones(6, 50), "bias": None}, ValueError, "pass weight.T"),
    "weight of one dimension": ({"weight": torch.ones(50)}, ValueError, r"\[n_classes, in_features\], got \[50\]"),
    "no classes": ({"weight": torch.ones(0, 6)}, ValueError, r"got \[0, 6\]"),
    "bias too short": ({"bias": torch.zeros(49)}, ValueError, r"bias must have shape \[50\], got \[49\]"),
    "target too short": ({"target": torch.zeros(8).long()}, ValueError, r"target must have shape \[9\].*got \[8\]"),
    "a number as input": ({"input": torch.tensor(1.0)}, ValueError, r"got \[\]"),
    "label too large": ({"target": torch.tensor([0] * 5 + [50] * 4)}, ValueError, r"target\[5\] = 50 is not a class"),
    "label below 0": ({"target": torch.tensor([0, -1] + [0] * 7)}, ValueError, r"target\[1\] = -1 is not .*-100"),
    "half an ignored example": (
        {"target": torch.tensor([[0, 1]] * 8 + [[-100, 1]])}, ValueError, r"target\[8, 0\] = -100 is not a class"
    ),
    "device meta": ({"target": torch.zeros(9, device="meta").long()}, ValueError, "must be on the device of input"),
    "no candidates": ({"num_sampled": None}, TypeError, "num_sampled must be given"),
    "too many candidates": ({"num_sampled": 51}, ValueError, "num_sampled = 51 unique candidates"),
    "half a candidate": ({"num_sampled": 2.5}, TypeError, "num_sampled must be a whole number"),
    "other values": ({"sampled_values": 3}, TypeError, "sampled_values must be .*, got int"),
    "values of another size": (
        {"sampled_values": (np.arange(4), np.ones((9, 1), "f"), np.ones(4, "f"))}, ValueError, "sampled_values has 4"
    ),
    "values of another batch": (
        {"sampled_values": (np.arange(5), np.ones((8, 1), "f"), np.ones(5, "f"))}, ValueError, r"\[9, 1\], got \[8, 1\]"
    ),
    "sampler": ({"sampler": "zipf"}, ValueError, "sampler must be one of 'log_uniform', 'uniform', got 'zipf'"),
    "reduction": ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum', 'none'"),
    "sparse": ({"sparse": 1}, TypeError, "sparse must be True or False"),
    "ignore_index": ({"ignore_index": None}, TypeError, "ignore_index must be a whole number"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_one_sentence(name):
    arguments, error, message = BAD[name]
    for loss in LOSSES.values():
        with pytest.raises(error, match=message) as caught:
            loss(**(good() | arguments))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 250


def test_sparse_gradients_need_a_leaf():
    made = batch().leaves()
    with pytest.raises(ValueError, match=r"sparse=True needs a leaf, such as nn.Parameter, but weight is computed"):
        st.sampled_softmax_loss(made.input, made.target, made.weight * 1, made.bias, 5, sparse=True)
    with pytest.raises(ValueError, match="but bias is computed"):
        st.nce_loss(made.input, made.target, made.weight, made.bias * 1, 5, sparse=True)
    st.sampled_softmax_loss(made.input, made.target, made.weight * 1, made.bias, 5).backward()
    assert made.weight.grad.abs().sum() > 0


def test_a_large_sequence_in_an_error_is_cut():
    with pytest.raises(TypeError) as caught:
        st.sampled_softmax_loss(**(good() | {"input": list(range(100_000))}))
    assert len(str(caught.value)) < 200

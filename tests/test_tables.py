"""Tables in shards, in half precision, and without biases; copies of hits."""

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.cases import make_case

ml_dtypes = pytest.importorskip("ml_dtypes")
HALVES = [np.float16, ml_dtypes.bfloat16]
TWINS = [ss.sampled_softmax_loss_and_grad, ss.nce_loss_and_grad]


def split(table, num_shards, strategy):
    if strategy == "div":
        return np.array_split(table, num_shards)  # the first len % num_shards parts are one longer
    return [table[i::num_shards].copy() for i in range(num_shards)]


def joined(slices, num_shards, strategy, shape):
    """Return the dense gradient of the whole table from those of its shards."""
    dense = [part.to_dense() for part in slices]
    if strategy == "div":
        return np.concatenate(dense)
    whole = np.empty(shape, dense[0].dtype)
    for i, part in enumerate(dense):
        whole[i::num_shards] = part
    return whole


@pytest.mark.parametrize("strategy", ["div", "mod"])
@pytest.mark.parametrize(("num_classes", "num_shards"), [(1, 1), (7, 2), (20, 3), (21, 4), (22, 4), (5, 5)])
@pytest.mark.parametrize("function", [*TWINS, ss.full_softmax_loss_and_grad])
def test_shards_give_the_numbers_of_the_whole_table(strategy, num_classes, num_shards, function):
    case = make_case(num_classes, 3, 6, min(num_classes, 4), 2, np.float64)
    weights, biases = (split(table, num_shards, strategy) for table in (case.weights, case.biases))
    rest = (case.labels, case.inputs)
    if function is not ss.full_softmax_loss_and_grad:
        rest = (*rest, min(num_classes, 4), num_classes, 2, case.values)
    loss, expected = function(case.weights, case.biases, *rest)
    sharded, gradients = function(weights, biases, *rest, partition_strategy=strategy)
    np.testing.assert_array_equal(sharded, loss)
    np.testing.assert_array_equal(gradients.inputs, expected.inputs)
    for got, whole in ((gradients.weights, expected.weights), (gradients.biases, expected.biases)):
        assert len(got) == num_shards
        dense = joined(got, num_shards, strategy, whole.dense_shape)
        np.testing.assert_array_equal(dense, whole.to_dense())


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("half_inputs", [True, False])
@pytest.mark.parametrize("function", [*TWINS, ss.full_softmax_loss_and_grad])
def test_half_precision_is_widened_exactly(half, half_inputs, function):
    case = make_case(30, 5, 6, 8, 2)
    weights, biases, inputs = (x.astype(half) for x in (case.weights, case.biases, case.inputs))
    if not half_inputs:
        inputs = case.inputs
    wide = [x.astype(np.float32) for x in (weights, biases)]
    sizes = () if function is ss.full_softmax_loss_and_grad else (8, 30, 2, case.values)
    loss, expected = function(*wide, case.labels, inputs.astype(np.float32), *sizes)
    ours, gradients = function(weights, biases, case.labels, inputs, *sizes)
    assert ours.dtype == gradients.weights.values.dtype == gradients.inputs.dtype == np.float32
    np.testing.assert_array_equal(ours, loss)
    np.testing.assert_array_equal(gradients.weights.values, expected.weights.values)
    np.testing.assert_array_equal(gradients.inputs, expected.inputs)


@pytest.mark.parametrize("half", HALVES)
def test_half_precision_with_hits_is_finite(half):
    """Where TensorFlow adds the lowest float32 to a hit, a half would overflow: here hits are left out."""
    case = make_case(6, 4, 5, 6)
    loss, gradients = ss.sampled_softmax_loss_and_grad(
        case.weights.astype(half), None, case.labels, case.inputs.astype(half), 6, 6, 1, case.values
    )
    assert np.isfinite(loss).all()
    assert np.isfinite(gradients.weights.values).all()


@pytest.mark.parametrize("function", [*TWINS, ss.full_softmax_loss_and_grad])
def test_no_biases_are_biases_of_zero(function):
    case = make_case(30, 5, 6, 8, 2)
    sizes = () if function is ss.full_softmax_loss_and_grad else (8, 30, 2, case.values)
    zeros = np.zeros_like(case.biases)
    loss, expected = function(case.weights, zeros, case.labels, case.inputs, *sizes)
    ours, gradients = function(case.weights, None, case.labels, case.inputs, *sizes)
    assert gradients.biases is None
    np.testing.assert_array_equal(ours, loss)
    np.testing.assert_array_equal(gradients.inputs, expected.inputs)
    np.testing.assert_array_equal(gradients.weights.values, expected.weights.values)


def test_copies_of_a_hit():
    case = make_case(6, 4, 2, 5)
    ids = np.array([3, 1, 3, 2, 3])
    values = ss.SampledValues(ids, np.ones((2, 1), np.float32), np.ones(5, np.float32))
    arguments = (case.weights, case.biases, [[3], [2]], case.inputs, 5, 6, 1, values)
    left_out = {}
    for copies in ("all", "last"):
        logits, _ = ss.compute_sampled_logits(*arguments, remove_accidental_hits=True, hit_copies=copies)
        rows, columns = np.nonzero(np.isneginf(logits))
        left_out[copies] = sorted(zip(rows.tolist(), (columns - 1).tolist(), strict=True))
        hits = ss.compute_accidental_hits([[3], [2]], ids, 1, copies=copies)
        assert sorted(zip(hits[0].tolist(), hits[1].tolist(), strict=True)) == left_out[copies]
    assert left_out == {"all": [(0, 0), (0, 2), (0, 4), (1, 3)], "last": [(0, 4), (1, 3)]}


def test_accidental_hits_of_nothing():
    rows, ids, weights = ss.compute_accidental_hits(np.empty((0, 2), int), [1, 2], 2)
    assert rows.size == ids.size == weights.size == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]], [1], 1), TypeError, "true_classes must hold integer ids, got dtype float64"),
        (([[1]], [[1]], 1), ValueError, r"sampled_candidates must have shape \[num_sampled\], got \[1, 1\]"),
        (([[1, 2]], [1], 1), ValueError, r"true_classes must have shape \[batch_size, 1\], got \[1, 2\]"),
        (([[-1]], [1], 1), ValueError, r"true_classes\[0, 0\] = -1 is not a class id"),
    ],
)
def test_accidental_hits_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        ss.compute_accidental_hits(*arguments)

"""The fast losses against the reference, against central differences, and at their edges."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference
from tests.cases import make_case, with_double_counts

RAGGED = [  # num_classes, dim, batch_size, num_sampled, num_true
    (1, 1, 1, 1, 1),
    (3, 2, 1, 3, 2),
    (7, 3, 2, 2, 3),
    (64, 7, 3, 1, 1),
    (65, 64, 7, 63, 2),
    (200, 65, 64, 127, 1),
    (1000, 127, 65, 64, 3),
    (1000, 1, 127, 65, 1),
]


OBJECTIVES = {
    "sampled_softmax": (ss.sampled_softmax_loss_and_grad, reference.cross_entropy),
    "nce": (ss.nce_loss_and_grad, reference.sigmoid_cross_entropy),
}


def check_accuracy(ours, theirs, truth, largest_logit):
    """Ours errs, against a truth of more digits, at most twice as much as plain NumPy in its precision.

    On top comes an allowance for the cases where NumPy happens to err by nearly nothing. A logit of size L
    is rounded by units in the last place of L, and that changes a probability by as much, relatively; so
    the allowance is 4 such units times the largest entry (64 where float64 has no wider type, as on ARM).
    """
    assert ours.dtype == theirs.dtype
    assert ours.shape == truth.shape
    if truth.size:
        unit = float(np.spacing(ours.dtype.type(max(largest_logit, 1)))) * float(np.abs(truth).max())
        allowance = 64 if truth.dtype == ours.dtype else 4
        assert np.abs(ours - truth).max() <= 2 * np.abs(theirs - truth).max() + allowance * unit


def in_wider(arrays):
    wider = {np.dtype(np.float32): np.float64, np.dtype(np.float64): np.longdouble}
    return [array.astype(wider.get(array.dtype, array.dtype)) for array in arrays]


@pytest.mark.subset(24)
@pytest.mark.parametrize("sizes", RAGGED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hits", [True, False])
@pytest.mark.parametrize("log_q", [True, False])
@pytest.mark.parametrize("name", ["sampled_softmax", "nce"])
def test_loss_and_gradients_are_those_of_the_reference(sizes, dtype, hits, log_q, name):
    function, of = OBJECTIVES[name]
    num_classes, dim, batch_size, num_sampled, num_true = sizes
    case = make_case(num_classes, dim, batch_size, num_sampled, num_true, dtype, seed=sum(sizes))
    above = np.linspace(0.5, 2.0, batch_size).astype(dtype)
    loss, gradients = function(*case.arguments, case.values, hits, subtract_log_q=log_q, loss_grad=above)
    expected = reference.sampled_loss_and_grad(*case, log_q, hits, above, of)
    arrays = in_wider((*case[:4], above))
    truth = reference.sampled_loss_and_grad(*arrays[:4], case.values, log_q, hits, arrays[4], of)
    got = (loss, gradients.weights.indices, gradients.weights.values, gradients.biases.values, gradients.inputs)
    logits = case.inputs @ case.weights.T + case.biases
    for ours, theirs, exact in zip(got, expected, truth, strict=True):
        check_accuracy(ours, theirs, exact, np.abs(logits).max())
    assert gradients.weights.dense_shape == case.weights.shape
    assert gradients.biases.dense_shape == case.biases.shape


@pytest.mark.parametrize("hits", [True, False])
@pytest.mark.parametrize("log_q", [True, False])
def test_loss_alone_is_the_loss_of_the_twin(hits, log_q):
    case = make_case(50, 5, 9, 12, 2)
    for alone, twin in (
        (ss.sampled_softmax_loss, ss.sampled_softmax_loss_and_grad),
        (ss.nce_loss, ss.nce_loss_and_grad),
    ):
        loss, _ = twin(*case.arguments, case.values, hits, subtract_log_q=log_q)
        np.testing.assert_array_equal(alone(*case.arguments, case.values, hits, subtract_log_q=log_q), loss)


def test_candidates_are_drawn_when_none_are_given():
    case = make_case(50, 5, 9, 12)
    values = ss.log_uniform_candidate_sampler(case.labels, 1, 12, True, 50, seed=8)
    np.testing.assert_array_equal(
        ss.sampled_softmax_loss(*case.arguments, seed=8), ss.sampled_softmax_loss(*case.arguments, values)
    )


def test_labels_of_rank_one_are_one_true_class():
    case = make_case(50, 5, 9, 12)
    weights, biases, labels, inputs, *sizes = case.arguments
    np.testing.assert_array_equal(
        ss.sampled_softmax_loss(weights, biases, labels[:, 0], inputs, *sizes, case.values),
        ss.sampled_softmax_loss(*case.arguments, case.values),
    )


def check_central_differences(loss_of, arrays, gradients):
    """Richardson-extrapolated central differences of sum(loss_of(arrays)) in every entry of every array."""
    for array, gradient in zip(arrays, gradients, strict=True):
        numeric = np.empty_like(array)
        for i in np.ndindex(array.shape):
            kept = array[i]
            slopes = []
            for step in (2e-3, 1e-3):
                array[i] = kept + step
                above = loss_of(*arrays).sum()
                array[i] = kept - step
                slopes.append((above - loss_of(*arrays).sum()) / (2 * step))
                array[i] = kept
            numeric[i] = (4 * slopes[1] - slopes[0]) / 3
        assert np.abs(numeric - gradient).max() / np.abs(gradient).max() < 1e-6


@pytest.mark.parametrize("num_true", [1, 2, 3])
@pytest.mark.parametrize("hits", [True, False])
@pytest.mark.parametrize("name", ["sampled_softmax", "nce"])
def test_gradients_are_central_differences(num_true, hits, name):
    case = make_case(9, 3, 4, 6, num_true, np.float64, seed=num_true)
    assert reference.accidental_hits(case.labels, case.values[0]).any()
    sizes = (6, 9, num_true)

    def loss_of(weights, biases, inputs):
        loss = {"sampled_softmax": ss.sampled_softmax_loss, "nce": ss.nce_loss}[name]
        return loss(weights, biases, case.labels, inputs, *sizes, case.values, hits)

    _, gradients = OBJECTIVES[name][0](*case.arguments, case.values, hits)
    dense = (gradients.weights.to_dense(), gradients.biases.to_dense(), gradients.inputs)
    check_central_differences(loss_of, (case.weights, case.biases, case.inputs), dense)


@pytest.mark.parametrize("num_true", [1, 2])
def test_full_gradients_are_central_differences(num_true):
    case = make_case(9, 3, 4, 6, num_true, np.float64, seed=num_true)

    def loss_of(weights, biases, inputs):
        return ss.full_softmax_loss(weights, biases, case.labels, inputs)

    _, gradients = ss.full_softmax_loss_and_grad(case.weights, case.biases, case.labels, case.inputs)
    dense = (gradients.weights.to_dense(), gradients.biases.to_dense(), gradients.inputs)
    check_central_differences(loss_of, (case.weights, case.biases, case.inputs), dense)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", RAGGED)
def test_full_softmax_is_that_of_the_reference(sizes, dtype, monkeypatch):
    monkeypatch.setattr("sampledsoftmax.losses.full_softmax.BLOCK", 64)  # many blocks, the last one ragged
    num_classes, dim, batch_size, num_sampled, num_true = sizes
    case = make_case(num_classes, dim, batch_size, num_sampled, num_true, dtype)
    loss, gradients = ss.full_softmax_loss_and_grad(case.weights, case.biases, case.labels, case.inputs)
    expected = reference.full_softmax_loss_and_grad(case.weights, case.biases, case.labels, case.inputs)
    truth = reference.full_softmax_loss_and_grad(*in_wider(case[:4]))
    got = (loss, gradients.weights.values, gradients.biases.values, gradients.inputs)
    logits = case.inputs @ case.weights.T + case.biases
    for ours, theirs, exact in zip(got, expected, truth, strict=True):
        check_accuracy(ours, theirs, exact, np.abs(logits).max())
    np.testing.assert_array_equal(loss, ss.full_softmax_loss(case.weights, case.biases, case.labels, case.inputs))
    np.testing.assert_array_equal(gradients.weights.indices, np.arange(num_classes))


@pytest.mark.parametrize("num_true", [1, 3])
def test_all_classes_as_candidates_without_hits_is_the_full_softmax(num_true):
    case = make_case(40, 6, 8, 40, num_true, np.float64)
    labels = np.stack([np.random.default_rng(i).permutation(40)[:num_true] for i in range(8)])
    every = ss.SampledValues(np.arange(40), np.ones((8, num_true), np.float32), np.ones(40, np.float32))
    arguments = (case.weights, case.biases, labels, case.inputs)
    loss, gradients = ss.sampled_softmax_loss_and_grad(*arguments, 40, 40, num_true, every)
    full, exact = ss.full_softmax_loss_and_grad(*arguments)
    np.testing.assert_allclose(loss, full, rtol=1e-13)
    np.testing.assert_allclose(gradients.weights.to_dense(), exact.weights.values, atol=1e-14)
    np.testing.assert_allclose(gradients.biases.to_dense(), exact.biases.values, atol=1e-14)
    np.testing.assert_allclose(gradients.inputs, exact.inputs, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_empty_batch_has_no_losses_and_zero_gradients(dtype):
    case = make_case(20, 4, 0, 5, 2, dtype)
    loss, gradients = ss.sampled_softmax_loss_and_grad(*case.arguments, case.values)
    full, exact = ss.full_softmax_loss_and_grad(case.weights, case.biases, case.labels, case.inputs)
    assert loss.shape == full.shape == (0,)
    assert gradients.inputs.shape == exact.inputs.shape == (0, 4)
    assert not gradients.weights.to_dense().any()
    assert not gradients.biases.to_dense().any()
    assert not exact.weights.values.any()


def test_a_row_whose_candidates_are_all_hits_has_no_loss_and_no_gradient():
    case = make_case(6, 4, 2, 1)
    values = ss.SampledValues(np.array([3]), np.full((2, 1), 0.5, np.float32), np.array([0.25], np.float32))
    labels = np.array([[3], [2]])
    loss, gradients = ss.sampled_softmax_loss_and_grad(case.weights, case.biases, labels, case.inputs, 1, 6, 1, values)
    assert loss[0] == 0
    assert not gradients.inputs[0].any()
    assert loss[1] > 0
    assert gradients.inputs[1].any()


def test_every_copy_of_a_hit_is_left_out():
    case = make_case(6, 4, 1, 4)
    ids = np.array([3, 1, 3, 3])
    values = ss.SampledValues(ids, np.ones((1, 1), np.float32), np.ones(4, np.float32))
    logits, targets = ss.compute_sampled_logits(
        case.weights, case.biases, [[3]], case.inputs, 4, 6, 1, values, remove_accidental_hits=True
    )
    assert np.isneginf(logits[0]).tolist() == [False, True, False, True, True]
    assert targets.tolist() == [[1, 0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_extreme_logits_are_finite(dtype, scale):
    case = make_case(30, 4, 6, 10, 2, dtype)
    biases = case.biases * dtype(scale)
    loss, gradients = ss.sampled_softmax_loss_and_grad(
        case.weights, biases, case.labels, case.inputs, 10, 30, 2, case.values
    )
    expected = reference.sampled_loss_and_grad(case.weights, biases, case.labels, case.inputs, case.values)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-6)
    np.testing.assert_allclose(gradients.inputs, expected[4], rtol=1e-4, atol=1e-5)
    full, exact = ss.full_softmax_loss_and_grad(case.weights, biases, case.labels, case.inputs)
    assert np.isfinite(full).all()
    assert np.isfinite(exact.weights.values).all()


@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("log_q", [True, False])
def test_sampled_logits_are_those_of_the_reference(num_true, log_q):
    case = make_case(30, 4, 6, 10, num_true, np.float64)
    logits, targets = ss.compute_sampled_logits(*case.arguments, case.values, log_q)
    expected = reference.sampled_logits(*case, log_q, remove_hits=False)
    np.testing.assert_allclose(logits, expected, rtol=1e-12)
    np.testing.assert_array_equal(targets[:, :num_true], np.full((6, num_true), 1 / num_true))
    assert not targets[:, num_true:].any()


def test_strided_and_read_only_tables_give_the_same_numbers():
    case = make_case(30, 4, 6, 10)
    wide = np.repeat(case.weights, 2, axis=1)[:, ::2]
    frozen = np.asfortranarray(case.weights)
    frozen.flags.writeable = False
    expected = ss.sampled_softmax_loss(*case.arguments, case.values)
    for weights in (wide, frozen):
        loss = ss.sampled_softmax_loss(weights, *case.arguments[1:], case.values)
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_counts_of_double_precision_are_used_as_they_are():
    case = make_case(30, 4, 6, 10, dtype=np.float64)
    single = ss.sampled_softmax_loss(*case.arguments, case.values)
    double = ss.sampled_softmax_loss(*case.arguments, with_double_counts(case.values))
    np.testing.assert_array_equal(single, double)

"""Calls written for TensorFlow work when only their import changes."""

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.cases import make_case

pytestmark = pytest.mark.compiled

CASE = make_case(50, 8, 4, 5, 2, seed=1)
LOSSES = ["sampled_softmax_loss", "nce_loss"]


def both(tf, loss, arguments, **options):
    """Return (loss of TensorFlow, loss here) for the same call."""
    theirs = getattr(tf.nn, loss)(*arguments, **options).numpy()
    return theirs, getattr(ss, loss)(*arguments, **options)


def check_both(tf, loss, arguments, rtol=1e-5, **options):
    theirs, ours = both(tf, loss, arguments, **options)
    np.testing.assert_allclose(ours, theirs, rtol=rtol)
    assert ours.dtype == np.float32


@pytest.mark.parametrize("name", LOSSES)
def test_name_is_accepted(tf, name):
    check_both(tf, name, CASE.arguments, sampled_values=CASE.values, name="loss")
    if name == "sampled_softmax_loss":
        check_both(tf, name, (*CASE.arguments, CASE.values, True, None, "loss"))


def test_name_is_accepted_where_tensorflow_has_it(tf):
    theirs = tf.nn.compute_accidental_hits(CASE.labels, CASE.values[0], 2, seed=3, name="hits")
    ours = ss.compute_accidental_hits(CASE.labels, CASE.values[0], 2, seed=3, name="hits")
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    logits, _ = ss.compute_sampled_logits(*CASE.arguments, CASE.values, name="logits")
    assert logits.shape == (4, 7)
    _, gradients = ss.nce_loss_and_grad(*CASE.arguments, CASE.values, name="nce")
    assert gradients.inputs.shape == (4, 8)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("parts", [1, 2, 7, 50])
def test_variables_are_tables_and_shards(tf, name, parts):
    weights = [tf.Variable(part) for part in np.array_split(CASE.weights, parts)]
    biases = [tf.Variable(part) for part in np.array_split(CASE.biases, parts)]
    tables = (weights, biases) if parts > 1 else (weights[0], biases[0])
    check_both(tf, name, (*tables, *CASE.arguments[2:]), sampled_values=CASE.values)
    tensors = ([tf.constant(part) for part in weights], tf.constant(CASE.biases), CASE.labels, tf.constant(CASE.inputs))
    check_both(tf, name, (*tensors, *CASE.arguments[4:]), sampled_values=tuple(map(tf.constant, CASE.values)))


def test_gradients_of_variables_are_those_of_arrays(tf):
    table = [tf.Variable(part) for part in np.array_split(CASE.weights, 3)]
    loss, gradients = ss.sampled_softmax_loss_and_grad(table, *CASE.arguments[1:], CASE.values)
    expected = ss.sampled_softmax_loss_and_grad(np.array_split(CASE.weights, 3), *CASE.arguments[1:], CASE.values)
    np.testing.assert_array_equal(loss, expected[0])
    for one, other in zip(gradients.weights, expected[1].weights, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert one.dense_shape == other.dense_shape
    np.testing.assert_array_equal(
        ss.full_softmax_loss(table, tf.Variable(CASE.biases), CASE.labels, tf.constant(CASE.inputs)),
        ss.full_softmax_loss(CASE.weights, CASE.biases, CASE.labels, CASE.inputs),
    )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("of_labels", "of_candidates"),
    [
        (np.float32(0.5), np.float32(0.25)),
        (0.5, 0.25),
        (np.full(1, 0.5, np.float32), np.full(1, 0.25, np.float32)),
        (np.array([0.5, 2], np.float32), CASE.values[2]),
        (np.array([[0.5, 2]], np.float32), CASE.values[2]),
        (np.array([[0.5], [1], [2], [4]], np.float32), CASE.values[2]),
    ],
)
def test_expected_counts_broadcast(tf, name, of_labels, of_candidates):
    check_both(tf, name, CASE.arguments, sampled_values=(CASE.values[0], of_labels, of_candidates))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.int64, np.uint8])
def test_expected_counts_may_be_of_another_precision(dtype):
    counts = np.array([[1, 2]] * 4), np.array([1, 2, 3, 4, 5])
    expected = ss.sampled_softmax_loss(*CASE.arguments, (CASE.values[0], *(c.astype(np.float32) for c in counts)))
    got = ss.sampled_softmax_loss(*CASE.arguments, (CASE.values[0], *(c.astype(dtype) for c in counts)))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint32, np.uint64])
def test_candidates_and_labels_may_be_of_any_int_type(tf, name, dtype):
    values = (CASE.values[0].astype(dtype), *CASE.values[1:])
    check_both(tf, name, CASE.arguments, sampled_values=values)
    labels = CASE.labels.astype(np.int32 if dtype == np.uint64 else dtype)
    theirs = getattr(tf.nn, name)(*CASE.arguments, sampled_values=values).numpy()
    ours = getattr(ss, name)(*CASE.arguments[:2], labels, *CASE.arguments[3:], sampled_values=values)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_half_precision_counts_of_bfloat16_and_tensors(tf):
    values = (
        tf.constant(CASE.values[0], tf.int32),
        tf.constant([[1.0, 2.0]], tf.bfloat16),
        tf.constant([0.5], tf.bfloat16),
    )
    expected = ss.nce_loss(*CASE.arguments, (CASE.values[0], np.float32([1, 2]), np.float32(0.5)))
    np.testing.assert_array_equal(ss.nce_loss(*CASE.arguments, values), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_biases_of_another_precision_are_rounded(tf, name):
    biases = CASE.biases.astype(np.float64)
    check_both(tf, name, (CASE.weights, biases, *CASE.arguments[2:]), sampled_values=CASE.values)
    _, gradients = getattr(ss, f"{name}_and_grad")(CASE.weights, biases, *CASE.arguments[2:], CASE.values)
    assert gradients.biases.values.dtype == np.float32
    np.testing.assert_array_equal(
        ss.full_softmax_loss(CASE.weights, biases, CASE.labels, CASE.inputs),
        ss.full_softmax_loss(CASE.weights, CASE.biases, CASE.labels, CASE.inputs),
    )
    with pytest.raises(
        TypeError, match=r"inputs must have the precision of .*, float32, got float64: pass inputs.astype"
    ):
        ss.full_softmax_loss(CASE.weights, biases, CASE.labels, CASE.inputs.astype(np.float64))


@pytest.mark.parametrize("name", LOSSES)
def test_tables_may_have_more_rows_than_classes(tf, name):
    """`num_classes` goes to the sampler only: rows above it are no candidates."""
    labels = CASE.labels % 20
    values = ss.log_uniform_candidate_sampler(labels, 2, 5, True, 20, seed=1)
    for biases in (CASE.biases, CASE.biases[:20], CASE.biases[:33]):
        arguments = (CASE.weights, biases, labels, CASE.inputs, 5, 20, 2)
        check_both(tf, name, arguments, sampled_values=values)
        loss, gradients = getattr(ss, f"{name}_and_grad")(*arguments, seed=1)
        np.testing.assert_array_equal(loss, getattr(ss, name)(*arguments, sampled_values=values))
        assert gradients.weights.dense_shape == (50, 8)
        assert gradients.biases.dense_shape == biases.shape
        assert gradients.weights.indices.max() < 20
    with pytest.raises(ValueError, match=r"labels\[1, 0\] = 20 is not a class id: ids are in \[0, 20\)"):
        getattr(ss, name)(CASE.weights, CASE.biases, [[1, 2], [20, 3]], CASE.inputs[:2], 5, 20, 2)
    with pytest.raises(ValueError, match=r"sampled_candidates\[0\] = 20 is not a class id"):
        getattr(ss, name)(*arguments, sampled_values=(values[0] + 20 - values[0][0], *values[1:]))


@pytest.mark.parametrize("num_true", [1, 2])
def test_no_labels_at_all(num_true):
    for labels in ([], np.zeros((0, num_true), np.int64), ()):
        arguments = (CASE.weights, CASE.biases, labels, CASE.inputs[:0], 5, 50, num_true)
        loss, gradients = ss.sampled_softmax_loss_and_grad(*arguments, seed=1, sample_weight=[], ignore_index=-1)
        assert loss.shape == (0,)
        assert gradients.inputs.shape == (0, 8)
        assert ss.nce_loss(*arguments, seed=1).shape == (0,)
        assert ss.compute_sampled_logits(*arguments, seed=1)[0].shape == (0, num_true + 5)
        assert ss.full_softmax_loss(*arguments[:4]).shape == (0,)
    model = ss.SkipGram(50, 8, 5, seed=1)
    assert model.step([], []) == 0.0
    assert model.steps([], [], 3, []).shape == (0,)
    loss, gradient = model.output.step(CASE.inputs[:0], [])
    assert (loss, gradient.shape) == (0.0, (0, 8))
    assert model.output.full_loss(CASE.inputs[:0], []).shape == (0,)


@pytest.mark.parametrize("strategy", ["div", "mod"])
@pytest.mark.parametrize("loss", ["sampled_softmax_loss", "full_softmax_loss"])
def test_more_shards_than_rows(loss, strategy):
    weights, biases = CASE.weights[:3], CASE.biases[:3]
    empty = [weights[:0]] * 2
    shards, of_biases = [*np.split(weights, 3), *empty], [*np.split(biases, 3), biases[:0], biases[:0]]
    rest = (CASE.labels % 3, CASE.inputs)
    more = (2, 3, 2, None, True, 1) if loss == "sampled_softmax_loss" else ()
    expected = getattr(ss, f"{loss}_and_grad")(weights, biases, *rest, *more)
    got, gradients = getattr(ss, f"{loss}_and_grad")(shards, of_biases, *rest, *more, partition_strategy=strategy)
    np.testing.assert_array_equal(got, expected[0])
    dense = np.concatenate([part.to_dense() for part in gradients.weights])
    np.testing.assert_array_equal(dense, expected[1].weights.to_dense())
    assert [part.dense_shape for part in gradients.weights[3:]] == [(0, 8), (0, 8)]


def test_lists_of_numbers_are_tables():
    expected = ss.sampled_softmax_loss(
        CASE.weights.astype(np.float64), None, CASE.labels, CASE.inputs.astype(float), 5, 50, 2, seed=1
    )
    got = ss.sampled_softmax_loss(CASE.weights.tolist(), None, CASE.labels, CASE.inputs.tolist(), 5, 50, 2, seed=1)
    np.testing.assert_array_equal(got, expected)
    same = ss.sampled_softmax_loss(CASE.weights, list(CASE.biases), CASE.labels, CASE.inputs, 5, 50, 2, seed=1)
    np.testing.assert_array_equal(same, ss.sampled_softmax_loss(*CASE.arguments, seed=1))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, 1e-300])
def test_a_count_that_has_no_logarithm_is_named_with_its_label(bad):
    counts = np.ones((4, 2))
    counts[2, 1] = bad
    message = rf"true_expected_count\[2, 1\] = .* for labels\[2, 1\] = {CASE.labels[2, 1]}$"
    with pytest.raises(ValueError, match=message):
        ss.sampled_softmax_loss(*CASE.arguments, (CASE.values[0], counts, 1.0))
    with pytest.raises(ValueError, match=r"sampled_expected_count\[0\] = .* for sampled_candidates\[0\] ="):
        ss.nce_loss_and_grad(*CASE.arguments, (CASE.values[0], 1.0, bad))
    uncorrected = ss.nce_loss(*CASE.arguments, (CASE.values[0], counts, bad), subtract_log_q=False)
    assert np.isfinite(uncorrected).all()


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        (np.ones((4, 2), bool), TypeError, "true_expected_count must be numbers, got dtype"),
        (np.ones((4, 2), complex), TypeError, "true_expected_count must be numbers, got dtype"),
        ("many", TypeError, "true_expected_count must be numbers, got dtype"),
        (np.ones(4), ValueError, r"true_expected_count must have shape \[4, 2\], got \[4\], which does not broadcast"),
        (np.ones((3, 4, 2)), ValueError, r"true_expected_count must have shape \[4, 2\], got \[3, 4, 2\]"),
    ],
)
def test_counts_of_another_kind_are_refused(counts, error, message):
    with pytest.raises(error, match=message):
        ss.sampled_softmax_loss(*CASE.arguments, (CASE.values[0], counts, 1.0))


def test_arrays_of_any_memory_layout_are_read_alike():
    expected = ss.sampled_softmax_loss_and_grad(*CASE.arguments, CASE.values)
    frozen = [np.array(array) for array in (*CASE.arguments[:4], *CASE.values)]
    for array in frozen:
        array.flags.writeable = False
    fortran = [np.asfortranarray(array) for array in (*CASE.arguments[:4], *CASE.values)]
    strided = [np.repeat(np.array(array), 2, axis=0)[::2] for array in (*CASE.arguments[:4], *CASE.values)]
    for arrays in (frozen, fortran, strided):
        loss, gradients = ss.sampled_softmax_loss_and_grad(*arrays[:4], *CASE.arguments[4:], arrays[4:])
        np.testing.assert_array_equal(loss, expected[0])
        np.testing.assert_array_equal(gradients.weights.values, expected[1].weights.values)
        layer, other = (ss.SampledSoftmax(50, 8, 5, seed=1) for _ in range(2))
        one, two = layer.step(arrays[3], arrays[2]), other.step(CASE.inputs, CASE.labels)
        assert one[0] == two[0]
        np.testing.assert_array_equal(one[1], two[1])
    half = ss.SampledSoftmax(50, 8, 5, seed=1).step(CASE.inputs.astype(np.float16), CASE.labels)
    wide = ss.SampledSoftmax(50, 8, 5, seed=1).step(CASE.inputs.astype(np.float16).astype(np.float32), CASE.labels)
    assert half[0] == wide[0]
    np.testing.assert_array_equal(half[1], wide[1])


def test_the_inputs_are_named_where_they_are_the_reason_of_a_loss_that_is_not_finite():
    inputs = CASE.inputs.copy()
    inputs[2, 3] = np.nan
    for options in ({}, {"sampler": ss.LogUniformSampler(50, seed=1, expected_count="inclusion")}):
        layer = ss.SampledSoftmax(50, 8, 5, seed=1, **options)
        before = layer.weights.copy()
        with pytest.raises(FloatingPointError, match=r"the loss of the batch is nan .* \(its inputs hold nan\)"):
            layer.step(inputs, CASE.labels)
        np.testing.assert_array_equal(layer.weights, before)


@pytest.mark.parametrize(
    ("above", "error", "message"),
    [
        (np.ones(3, np.float32), ValueError, r"loss_grad must have shape \[4\], got \[3\]"),
        (np.ones((4, 1), np.float32), ValueError, r"loss_grad must have shape \[4\]"),
        (np.float32(1), ValueError, r"loss_grad must have shape \[4\], got \[\]"),
        (np.ones(4, bool), TypeError, "loss_grad must be float32 or float64, got bool"),
        (np.ones(4, complex), TypeError, "loss_grad must be float32 or float64, got complex128"),
        (["a"] * 4, TypeError, "loss_grad must be float32 or float64"),
    ],
)
@pytest.mark.parametrize("name", [*LOSSES, "full_softmax_loss"])
def test_a_loss_grad_of_another_kind_is_refused(name, above, error, message):
    arguments = CASE.arguments[:4] if name == "full_softmax_loss" else CASE.arguments
    with pytest.raises(error, match=message):
        getattr(ss, f"{name}_and_grad")(*arguments, loss_grad=above)

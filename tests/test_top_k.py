"""`SampledSoftmax.top_k` agrees with a stable sort of all logits: smaller ids first among equal logits."""

import re

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.sync.barrier import ABORTED, SHARED_SIZE
from sampledsoftmax.runtime.threadpool import ThreadPool

SIZES = [1, 2, 3, 7, 64, 65]


@pytest.fixture
def small_blocks(monkeypatch):
    """Use small blocks and groups, so that a few classes and examples fill several."""
    monkeypatch.setattr("sampledsoftmax.layers.top_k.BLOCK", 48)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass._GROUP_ROWS", 8)


def layer_of(weights, biases):
    layer = ss.SampledSoftmax(*weights.shape, 1, dtype=weights.dtype, seed=1)
    layer.weights, layer.biases = weights, biases
    return layer


def sorted_classes(weights, biases, inputs, k):
    """Return (ids, logits) by a stable sort of all logits in double precision."""
    logits = inputs.astype(np.float64) @ weights.T.astype(np.float64) + biases
    ids = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(logits, ids, axis=1)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_classes", SIZES)
def test_ids_agree_with_a_stable_sort(dtype, num_classes):
    rng = np.random.default_rng(num_classes)
    weights = rng.integers(-1, 2, (num_classes, 2)).astype(dtype)  # few values: most logits are tied
    biases = rng.integers(-1, 2, num_classes).astype(dtype)
    layer = layer_of(weights, biases)
    for batch_size in SIZES:
        inputs = rng.integers(-1, 2, (batch_size, 2)).astype(dtype)
        for k in (size for size in SIZES if size <= num_classes):
            ids, logits = layer.top_k(inputs, k)
            expected = sorted_classes(weights, biases, inputs, k)
            assert (ids.dtype, logits.dtype) == (np.int64, dtype)
            np.testing.assert_array_equal(ids, expected[0])
            np.testing.assert_array_equal(logits, expected[1])


@pytest.mark.compiled
@pytest.mark.parametrize("k", [1, 10, 300])
def test_many_classes_of_many_columns(k):
    rng = np.random.default_rng(k)
    weights, inputs = rng.normal(size=(10_000, 70)), rng.normal(size=(100, 70))
    biases = rng.normal(size=10_000)
    ids, logits = layer_of(weights, biases).top_k(inputs, k)
    expected = sorted_classes(weights, biases, inputs, k)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_allclose(logits, expected[1], rtol=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("group_rows", [4, 96])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, group_rows):
    monkeypatch.setattr("sampledsoftmax.layers.top_k.BLOCK", 1500)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass._GROUP_ROWS", group_rows)
    rng = np.random.default_rng(0)
    weights, inputs = (rng.normal(size=(n, 5)).astype(np.float32).round(1) for n in (3100, 65))  # with ties
    layer = layer_of(weights, np.zeros(3100, np.float32))
    outputs = []
    for num_threads in (1, 2, 4):
        monkeypatch.setattr("sampledsoftmax.losses.full_pass.threads_for", lambda _, n=num_threads: n)
        outputs.append(layer.top_k(inputs, 20))
    for ids, logits in outputs[1:]:
        np.testing.assert_array_equal(ids, outputs[0][0])
        np.testing.assert_array_equal(logits, outputs[0][1])


@pytest.mark.compiled  # without the JIT, products are NumPy's
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_has_the_same_bits_alone_and_in_a_batch(dtype):
    rng = np.random.default_rng(0)
    weights, inputs = (rng.normal(size=(n, 5)).astype(dtype) for n in (50, 13))
    layer = layer_of(weights, np.zeros(50, dtype))
    ids, logits = layer.top_k(inputs, 50)
    for b in range(13):
        alone = layer.top_k(inputs[b : b + 1], 50)
        np.testing.assert_array_equal(alone[0][0], ids[b])
        np.testing.assert_array_equal(alone[1][0], logits[b])


def test_splits_of_the_classes_are_merged_by_a_single_thread(monkeypatch):
    """A caller that finds the thread pool busy runs the splits of all threads itself."""
    monkeypatch.setattr("sampledsoftmax.losses.full_pass.threads_for", lambda _: 2)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass._CHUNK_PANELS", 1)
    thread_pool = ThreadPool()
    thread_pool._busy.acquire()
    monkeypatch.setattr("sampledsoftmax.losses.full_pass.thread_pool", thread_pool)
    rng = np.random.default_rng(0)
    weights, inputs = (rng.integers(-1, 2, (n, 2)).astype(np.float32) for n in (65, 5))
    biases = np.zeros(65, np.float32)
    ids, logits = layer_of(weights, biases).top_k(inputs, 50)
    expected = sorted_classes(weights, biases, inputs, 50)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(logits, expected[1])


def test_an_aborted_barrier_ends_the_pass(monkeypatch):
    layer = ss.SampledSoftmax(5, 2, 1, seed=1)

    def run_aborted(function, num_threads, *arguments):
        shared = np.zeros(SHARED_SIZE, np.int64)
        shared[ABORTED] = 1
        function(0, 2, shared, *arguments)

    monkeypatch.setattr("sampledsoftmax.losses.full_pass.threads_for", lambda _: 2)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass.thread_pool.run", run_aborted)
    _, logits = layer.top_k(np.ones((1, 2), np.float32), 5)
    assert np.isneginf(logits).all()


def test_infinite_logits_are_ordered():
    biases = np.array([-np.inf, 0, np.inf, -np.inf, 1], np.float32)
    layer = layer_of(np.zeros((5, 2), np.float32), np.zeros(5, np.float32))
    layer.biases[:] = biases
    ids, logits = layer.top_k(np.ones((1, 2), np.float32), 5)
    assert ids.tolist() == [[2, 4, 1, 0, 3]]
    assert logits.tolist() == [[np.inf, 1, 0, -np.inf, -np.inf]]


@pytest.mark.parametrize("class_id", [0, 6, 33])
def test_a_logit_that_is_nan_is_an_error(class_id):
    layer = layer_of(np.ones((34, 2), np.float32), np.zeros(34, np.float32))
    layer.weights[class_id, 1] = np.inf
    inputs = np.ones((4, 2), np.float32)
    assert layer.top_k(inputs, 1)[0].tolist() == [[class_id]] * 4
    inputs[2, 1] = 0
    with pytest.raises(FloatingPointError, match=re.escape("inputs[2] has a logit that is NaN, of a class in [0, 34)")):
        layer.top_k(inputs, 1)


def test_an_empty_batch_has_no_classes():
    ids, logits = ss.SampledSoftmax(5, 2, 1).top_k(np.zeros((0, 2), np.float32), 3)
    assert ids.shape == logits.shape == (0, 3)


def test_rows_that_exact_adam_has_not_updated_are_caught_up():
    layer = ss.SampledSoftmax(30, 4, 3, ss.Adam(0.1, mode="exact"), seed=1)
    inputs = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    for _ in range(3):
        layer.step(inputs, [1, 2, 3, 4, 5, 6])
    ids, logits = layer.top_k(inputs, 30)
    expected = sorted_classes(layer.weights, layer.biases, inputs, 30)
    np.testing.assert_allclose(logits, expected[1], rtol=1e-5, atol=1e-6)
    assert (np.sort(ids, axis=1) == np.arange(30)).all()


@pytest.mark.parametrize(
    ("inputs", "k", "error", "message"),
    [
        (np.ones((2, 3), np.float32), 0, ValueError, "k must be at least 1, got 0"),
        (np.ones((2, 3), np.float32), 6, ValueError, "k must be at most 5, got 6"),
        (np.ones((2, 3), np.float32), True, TypeError, "k must be a whole number, got the bool True"),
        (np.ones((2, 3), np.float32), 2.0, TypeError, "k must be a whole number, got float 2.0"),
        (np.ones((2, 3)), 1, TypeError, "inputs must have the precision of the other arrays, float32, got float64"),
        (np.ones((2, 3), int), 1, TypeError, "inputs must be float32, float64, float16 or bfloat16, got int64"),
        (np.ones(3, np.float32), 1, ValueError, "inputs must have shape [batch_size, dim], got [3]"),
        (np.float32(1), 1, ValueError, "inputs must have shape [batch_size, dim], got []"),
        (np.ones((2, 4), np.float32), 1, ValueError, "weights must have shape [num_classes, dim] with dim = 4"),
    ],
)
def test_bad_input_is_refused(inputs, k, error, message):
    with pytest.raises(error, match=re.escape(message)):
        ss.SampledSoftmax(5, 3, 1, seed=1).top_k(inputs, k)

"""The loss over all classes does not depend on blocks, chunks, groups and threads."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.sync.barrier import ABORTED, ARRIVED, SHARED_SIZE
from tests.cases import make_case

SIZES = [1, 2, 3, 7, 64, 65]


def use(monkeypatch, block=4096, group_rows=96, num_threads=1):
    monkeypatch.setattr("sampledsoftmax.losses.full_softmax.BLOCK", block)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass._GROUP_ROWS", group_rows)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass.threads_for", lambda _: num_threads)


def double_precision_loss(weights, biases, labels, inputs):
    logits = inputs.astype(np.float64) @ weights.T.astype(np.float64) + biases
    largest = logits.max(axis=1, keepdims=True)
    log_sum = largest[:, 0] + np.log(np.exp(logits - largest).sum(axis=1))
    return log_sum - np.take_along_axis(logits, labels, axis=1).mean(axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("num_classes", SIZES)
def test_losses_agree_with_double_precision_for_ragged_sizes(monkeypatch, dtype, num_true, num_classes):
    use(monkeypatch, block=48, group_rows=8)
    for batch_size in SIZES:
        case = make_case(num_classes, 3, batch_size, 1, num_true, dtype, seed=batch_size)
        loss = ss.full_softmax_loss(*case[:2], case.labels, case.inputs)
        assert loss.dtype == dtype
        expected = double_precision_loss(*case[:4])
        np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=20 * np.finfo(dtype).eps)


@pytest.mark.compiled
@pytest.mark.parametrize("group_rows", [4, 96])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, group_rows):
    case = make_case(2500, 11, 130, 1, 2)
    results = []
    for num_threads in (1, 2, 4):
        use(monkeypatch, 1500, group_rows, num_threads)
        loss, gradients = ss.full_softmax_loss_and_grad(*case[:2], case.labels, case.inputs)
        results.append((loss, gradients.weights.values, gradients.biases.values, gradients.inputs))
    for result in results[1:]:
        for got, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.compiled  # without the JIT, products are NumPy's
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_has_the_same_bits_alone_and_in_a_batch(dtype):
    case = make_case(60, 5, 13, 1, 2, dtype)
    loss, gradients = ss.full_softmax_loss_and_grad(*case[:2], case.labels, case.inputs)
    for b in range(13):
        alone = slice(b, b + 1)
        got, of_row = ss.full_softmax_loss_and_grad(*case[:2], case.labels[alone], case.inputs[alone])
        assert got[0] == loss[b]
        np.testing.assert_array_equal(of_row.inputs[0], gradients.inputs[b])


@pytest.mark.parametrize("block", [16, 4096])
def test_a_class_with_a_bias_of_minus_infinity_is_excluded(monkeypatch, block):
    use(monkeypatch, block)
    case = make_case(40, 3, 5, 1)
    biases = case.biases.copy()
    biases[:35] = -np.inf  # whole blocks
    labels = np.array([36, 37, 38, 39, 35])
    loss, gradients = ss.full_softmax_loss_and_grad(case.weights, biases, labels, case.inputs)
    few = ss.full_softmax_loss(case.weights[35:], biases[35:], labels - 35, case.inputs)
    np.testing.assert_allclose(loss, few, rtol=1e-6)
    assert not gradients.weights.values[:35].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("class_id", [0, 20, 39])
def test_a_value_that_is_not_finite_propagates_to_the_loss(bad, class_id):
    case = make_case(40, 3, 5, 1)
    case.biases[class_id] = bad
    assert np.isnan(ss.full_softmax_loss(*case[:2], case.labels % 5 + 7, case.inputs)).all()


def test_losses_are_not_negative():
    rng = np.random.default_rng(0)
    weights, inputs = (20 * rng.normal(size=(n, 4)).astype(np.float32) for n in (30, 50))
    likeliest = (inputs @ weights.T).argmax(axis=1)
    assert (ss.full_softmax_loss(weights, None, likeliest, inputs) >= 0).all()


def test_tables_of_any_memory_order_give_the_same_bits():
    case = make_case(30, 4, 6, 1)
    expected = ss.full_softmax_loss(*case[:4])
    frozen = case.weights.copy()
    frozen.flags.writeable = False
    for weights in (np.asfortranarray(case.weights), np.repeat(case.weights, 2, axis=0)[::2], frozen):
        np.testing.assert_array_equal(ss.full_softmax_loss(weights, *case[1:4]), expected)


@pytest.mark.parametrize("arrived", [0, 1])
def test_an_aborted_barrier_ends_the_pass(monkeypatch, arrived):
    case = make_case(5, 2, 3, 1)

    def run_with_aborted_thread(function, num_threads, *arguments):
        shared = np.zeros(SHARED_SIZE, np.int64)
        shared[ABORTED], shared[ARRIVED] = 1, arrived  # 1: the other thread has reached the first barrier
        function(0, 2, shared, *arguments)

    use(monkeypatch, num_threads=2)
    monkeypatch.setattr("sampledsoftmax.losses.full_pass.thread_pool.run", run_with_aborted_thread)
    loss, _ = ss.full_softmax_loss_and_grad(*case[:2], case.labels, case.inputs)
    assert not np.isfinite(loss).any()

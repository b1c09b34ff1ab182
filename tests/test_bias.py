"""The log Q correction reduces the bias of the mean gradient, the more so with more candidates."""

import numpy as np
import pytest

import sampledsoftmax as ss

NUM_CLASSES, DIM, NUM_SAMPLES = 100, 5, 800


def mean_gradient(tables, labels, inputs, num_sampled, subtract_log_q):
    weights, biases = tables
    sampler = ss.LogUniformSampler(NUM_CLASSES, seed=num_sampled)
    total = np.zeros_like(weights)
    for _ in range(NUM_SAMPLES):
        _, gradients = ss.sampled_softmax_loss_and_grad(
            weights, biases, labels, inputs, num_sampled, NUM_CLASSES, 1, sampler.sample(labels, num_sampled),
            subtract_log_q=subtract_log_q,
        )  # fmt: skip
        np.add.at(total, gradients.weights.indices, gradients.weights.values)
    return total / NUM_SAMPLES


@pytest.mark.subset(1)
@pytest.mark.compiled
@pytest.mark.parametrize("seed", [0, 1])
def test_log_q_reduces_the_bias_and_more_candidates_reduce_it_further(seed):
    rng = np.random.default_rng(seed)
    tables = rng.normal(size=(NUM_CLASSES, DIM)) / 2, rng.normal(size=NUM_CLASSES) / 2
    labels = np.exp(rng.random((16, 1)) * np.log(NUM_CLASSES)).astype(np.int64) - 1
    inputs = rng.normal(size=(16, DIM))
    _, full = ss.full_softmax_loss_and_grad(*tables, labels, inputs)
    exact = full.weights.values
    gaps = {
        log_q: [
            np.linalg.norm(mean_gradient(tables, labels, inputs, n, log_q) - exact) / np.linalg.norm(exact)
            for n in (10, 40, 80)
        ]
        for log_q in (True, False)
    }
    corrected, uncorrected = gaps[True], gaps[False]
    assert corrected[0] < uncorrected[0] / 1.2
    assert corrected[1] < uncorrected[1] / 1.5
    assert corrected[2] < uncorrected[2] / 2
    assert corrected[0] > 1.5 * corrected[1]
    assert corrected[1] > 2 * corrected[2]

"""The adaptive samplers of the benchmarks: what they draw is what their probabilities say, before and after updates."""

import numpy as np
import pytest

from benchmarks.samplers.adaptive import SharedIndexSampler, SharedSoftmaxSampler
from sampledsoftmax.diagnostics import Problem, gradient_bias
from sampledsoftmax.diagnostics.proposals import softmax
from tests.goodness_of_fit import chi_square_score

RNG = np.random.default_rng(5)
V, D, B = 60, 4, 8
WEIGHTS, BIASES, INPUTS = RNG.standard_normal((V, D)), RNG.standard_normal(V), RNG.standard_normal((B, D))
COUNTS = 100 / np.arange(1, V + 1)
MAKERS = {
    "index": lambda: SharedIndexSampler(COUNTS, num_codes=4, floor=0.2, refresh=2, seed=1),
    "softmax": lambda: SharedSoftmaxSampler(COUNTS, floor=0.2, seed=1),
}


@pytest.fixture(params=MAKERS)
def sampler(request):
    found = MAKERS[request.param]()
    found.observe(INPUTS, WEIGHTS, BIASES)
    return found


def assert_draws_fit(sampler):
    q = sampler.probability(np.arange(V))
    assert q.sum() == pytest.approx(1)
    drawn = np.bincount(sampler.draw(np.random.default_rng(2), 10**6), minlength=V)
    assert abs(chi_square_score(drawn, 1e6 * q)) < 4


def test_draws_fit_the_probabilities_before_and_after_updates(sampler):
    before = sampler.probability(np.arange(V))
    assert_draws_fit(sampler)
    sampler.observe(-INPUTS, WEIGHTS, BIASES)  # other inputs
    other = sampler.probability(np.arange(V))
    assert_draws_fit(sampler)
    sampler.observe(-INPUTS, WEIGHTS[::-1], BIASES)  # other tables, and the codes are made again
    assert_draws_fit(sampler)
    assert not np.allclose(before, other)
    assert not np.allclose(other, sampler.probability(np.arange(V)))


def test_one_input_has_a_distribution_of_its_own(sampler):
    sampler.observe(INPUTS[:1], WEIGHTS, BIASES)
    assert_draws_fit(sampler)


def test_the_shared_softmax_is_the_mean_softmax_beside_the_fixed_part():
    sampler = MAKERS["softmax"]()
    sampler.observe(INPUTS, WEIGHTS, BIASES)
    fixed = COUNTS**0.75 / (COUNTS**0.75).sum()
    expected = 0.8 * softmax(INPUTS @ WEIGHTS.T + BIASES).mean(axis=0) + 0.2 * fixed
    np.testing.assert_allclose(sampler.probability(np.arange(V)), expected)


def test_the_shared_index_is_the_mean_of_each_input_by_itself():
    sampler = SharedIndexSampler(COUNTS, num_codes=4, floor=0.2, refresh=100, seed=1)
    sampler.observe(INPUTS, WEIGHTS, BIASES)
    shared = sampler.probability(np.arange(V))
    alone = []
    for row in INPUTS:
        sampler.observe(row[np.newaxis], WEIGHTS, BIASES)
        alone.append(sampler.probability(np.arange(V)))
    np.testing.assert_allclose(shared, np.mean(alone, axis=0))


def test_expected_counts_of_unique_draws_are_their_frequencies(sampler):
    sampler.expected_count = "inclusion"
    num_samples, labels = 3000, np.arange(V)[:, np.newaxis]
    drawn = np.zeros(V)
    for _ in range(num_samples):
        values = sampler.sample(labels[:0], 6)
        drawn[values.sampled_candidates] += 1
    expected = sampler.sample(labels, 6).true_expected_count[:, 0].astype(float)
    error = np.sqrt(expected * (1 - expected) / num_samples)
    assert np.abs((drawn / num_samples - expected) / error).max() < 4.5


def test_the_bias_of_the_gradient_vanishes_with_more_candidates(sampler):
    sampler.expected_count = "inclusion"
    batch = Problem(WEIGHTS, BIASES, RNG.integers(V, size=(B, 1)), INPUTS)
    few, many = (gradient_bias(batch, sampler, size, num_samples=200) for size in (3, 50))
    assert many.bias < few.bias / 4
    assert gradient_bias(batch, sampler, V, num_samples=20).bias < 1e-3

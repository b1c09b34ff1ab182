"""Inclusion probabilities against the sum over all samples, and against the shares of many batches."""

import numpy as np
import pytest

from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler, fixed_unigram_candidate_sampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler, learned_unigram_candidate_sampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler, log_uniform_candidate_sampler
from sampledsoftmax.samplers.uniform import UniformSampler, uniform_candidate_sampler
from tests import naive


def inclusion(sampler, num_sampled):
    """Return the count of every class, of a sampler with expected_count="inclusion"."""
    return sampler.sample(np.arange(sampler.range_max), num_sampled).true_expected_count.ravel()


@pytest.mark.parametrize("num_sampled", [1, 2, 3, 5, 6, 7])
@pytest.mark.parametrize(
    "weights",
    [
        [1] * 7,
        [64, 32, 16, 8, 4, 2, 1],
        [1, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06],
        [1e4, 1, 1, 1, 1, 1, 1],
        [9, 9, 9, 1, 1, 1, 1],
    ],
)
def test_counts_are_the_sum_over_all_samples(weights, num_sampled):
    p = np.array(weights, np.float64) / np.sum(weights)
    ours = inclusion(FixedUnigramSampler(weights, seed=1, expected_count="inclusion"), num_sampled)
    np.testing.assert_allclose(ours, naive.inclusion_probabilities(p, num_sampled), rtol=1e-4)


@pytest.mark.parametrize("num_sampled", [1, 4, 6])
def test_log_uniform_counts_are_the_sum_over_all_samples(num_sampled):
    sampler = LogUniformSampler(7, seed=1, expected_count="inclusion")
    p = sampler.probability(np.arange(7)).astype(np.float64)
    expected = naive.inclusion_probabilities(p / p.sum(), num_sampled)
    np.testing.assert_allclose(inclusion(sampler, num_sampled), expected, rtol=1e-4)


def make_samplers(range_max, **options):
    weights = np.random.default_rng(1).pareto(1.0, range_max) + 0.1
    learned = LearnedUnigramSampler(range_max, **options)
    learned.sample(np.arange(range_max)[:, np.newaxis] ** 2 % range_max, 1)
    return {
        "uniform": UniformSampler(range_max, **options),
        "log_uniform": LogUniformSampler(range_max, **options),
        "fixed_unigram": FixedUnigramSampler(weights, 0.75, **options),
        "learned_unigram": learned,
    }


NAMES = ["uniform", "log_uniform", "fixed_unigram", "learned_unigram"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("range_max", "num_sampled"), [(1, 1), (2, 1), (40, 13), (300, 299), (300, 300), (3000, 64)])
def test_counts_add_up_to_the_size_of_the_sample(name, range_max, num_sampled):
    counts = inclusion(make_samplers(range_max, seed=1, expected_count="inclusion")[name], num_sampled)
    assert (counts <= 1).all()
    assert counts.sum(dtype=np.float64) == pytest.approx(num_sampled, rel=1e-4)


@pytest.mark.subset(4)
@pytest.mark.compiled
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("range_max", "num_sampled"), [(8, 3), (100, 60), (1000, 64)])
def test_counts_are_the_shares_of_100_000_batches(name, range_max, num_sampled):
    num_batches = 100_000
    count = inclusion(make_samplers(range_max, seed=7, expected_count="inclusion")[name], num_sampled)
    count = count.astype(np.float64)
    sampler = make_samplers(range_max, seed=7)[name]
    seen, none = np.zeros(range_max), np.empty((0, 1), np.int64)
    for _ in range(num_batches):
        seen[sampler.sample(none, num_sampled).sampled_candidates] += 1
    # Each share is a mean of 100,000 Bernoulli draws. The largest deviation of up to 1000 of them exceeds 4.9
    # standard errors once in 1000 tests; 1e-4 of the count is what the computation itself may be off.
    deviation = np.abs(seen / num_batches - count) - 1e-4 * count
    variance = np.maximum(count * (1 - count), 1e-6)  # a count just below 1 is 1 in float32
    assert (deviation / np.sqrt(variance / num_batches)).max() < 4.9


@pytest.mark.parametrize(
    "pure",
    [uniform_candidate_sampler, log_uniform_candidate_sampler, learned_unigram_candidate_sampler],
)
def test_the_option_of_pure_functions_changes_only_the_counts(pure):
    arguments = ([[1], [5]], 1, 4, True, 9, 3)
    plain, exact = pure(*arguments), pure(*arguments, expected_count="inclusion")
    np.testing.assert_array_equal(plain.sampled_candidates, exact.sampled_candidates)
    assert (plain.true_expected_count != exact.true_expected_count).any()
    repeated = (*arguments[:3], False, *arguments[4:])
    for ours, expected in zip(pure(*repeated, expected_count="inclusion"), pure(*repeated), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_counts_do_not_depend_on_the_draws():
    sampler = LogUniformSampler(100, seed=1, expected_count="inclusion")
    first = sampler.sample([[5]], 20).true_expected_count
    assert all(sampler.sample([[5]], 20).true_expected_count == first for _ in range(20))


def test_reserved_ids_count_0():
    values = fixed_unigram_candidate_sampler(
        [[0], [1]], 1, 2, True, 4, num_reserved_ids=1, unigrams=[1, 2, 3], seed=1, expected_count="inclusion"
    )
    assert values.true_expected_count[0] == 0
    assert 0 < values.true_expected_count[1] < 1


def test_learned_counts_follow_what_was_learned():
    sampler = LearnedUnigramSampler(5, seed=1, expected_count="inclusion")
    before = sampler.sample([[2]] * 20, 2).true_expected_count[0, 0]
    assert sampler.sample([[2]], 2).true_expected_count[0, 0] > before


@pytest.mark.parametrize("make", [UniformSampler, LogUniformSampler])
def test_memory_does_not_grow_with_the_range(make):
    values = make(2**40, seed=1, expected_count="inclusion").sample([[0], [2**40 - 1]], 64)
    assert ((values.true_expected_count > 0) & (values.true_expected_count < 1)).all()
    p = make(2**40).probability([2**40 - 1])[0]
    assert 64 * p <= values.true_expected_count[1, 0] * 1.0001  # a rare class gains from the draws of others

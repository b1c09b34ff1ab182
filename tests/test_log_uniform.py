import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference
from sampledsoftmax.validation import TENSORFLOW_GRAPH_SEED


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize(("range_max", "num_sampled"), [(1, 1), (2, 2), (7, 7), (65, 3), (127, 64), (10_000, 255)])
def test_candidates_and_counts_are_those_of_the_reference(range_max, num_sampled, unique):
    true_classes = np.array([[0], [range_max - 1]])
    ours = ss.log_uniform_candidate_sampler(true_classes, 1, num_sampled, unique, range_max, seed=11)
    ids, tries = reference.log_uniform_sample(TENSORFLOW_GRAPH_SEED, 11, num_sampled, range_max, unique)
    np.testing.assert_array_equal(ours.sampled_candidates, ids)
    for classes, counts in ((true_classes, ours.true_expected_count), (ids, ours.sampled_expected_count)):
        expected = reference.log_uniform_expected_count(classes, num_sampled, tries, range_max)
        np.testing.assert_array_equal(counts, expected)


def test_unique_candidates_of_a_whole_range_are_a_permutation():
    values = ss.log_uniform_candidate_sampler([[0]], 1, 100, True, 100, seed=3)
    assert sorted(values.sampled_candidates.tolist()) == list(range(100))


@pytest.mark.compiled
@pytest.mark.parametrize("range_max", [5, 50])
def test_draws_follow_the_claimed_probabilities(range_max):
    sampler = ss.LogUniformSampler(range_max, seed=0)
    num_draws = 1_000_000
    draws = sampler.sample([[0]], num_draws, unique=False).sampled_candidates
    observed = np.bincount(draws, minlength=range_max)
    expected = sampler.probability(np.arange(range_max)).astype(np.float64) * num_draws
    chi_square = ((observed - expected) ** 2 / expected).sum()
    degrees = range_max - 1
    # Wilson and Hilferty 1931: (chi2 / k)**(1/3) is nearly normal; 3.09 is its upper 0.1 % point.
    spread = 2 / (9 * degrees)
    assert ((chi_square / degrees) ** (1 / 3) - (1 - spread)) / spread**0.5 < 3.09
    assert observed.size == range_max


def test_probabilities_sum_to_one():
    total = ss.LogUniformSampler(1000).probability(np.arange(1000)).sum(dtype=np.float64)
    assert total == pytest.approx(1.0, abs=1e-6)


def test_state_returns_to_a_call():
    sampler = ss.LogUniformSampler(1000, seed=(4, 5))
    sampler.sample([[1]], 20)
    state = sampler.state
    second = sampler.sample([[1]], 20).sampled_candidates
    other = ss.LogUniformSampler(1000, seed=6)
    other.state = state
    np.testing.assert_array_equal(other.sample([[1]], 20).sampled_candidates, second)
    assert not np.array_equal(sampler.sample([[1]], 20).sampled_candidates, second)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"seed": 1}, "state must hold seed, seed2, block, got seed"),
        ({"seed": 1, "seed2": 2, "block": -1}, r"state\['block'\] must be at least 0, got -1"),
    ],
)
def test_a_foreign_state_is_refused(state, message):
    sampler = ss.LogUniformSampler(10, seed=1)
    with pytest.raises(ValueError, match=message):
        sampler.state = state


def test_seeds_follow_tensorflows_rules():
    def ids(seed):
        return ss.log_uniform_candidate_sampler([[0]], 1, 20, True, 10**6, seed=seed).sampled_candidates.tolist()

    assert ids(7) == ids((TENSORFLOW_GRAPH_SEED, 7)) == ids(7 + 2**31 - 1)
    assert ids(0) != ids(1)
    assert ids(-1) == ids(2**31 - 2)
    assert ids(None) != ids(None)


def test_memory_does_not_grow_with_the_range():
    values = ss.log_uniform_candidate_sampler([[2**40 - 1]], 1, 1000, True, 2**40, seed=1)
    assert values.sampled_candidates.max() < 2**40
    assert np.unique(values.sampled_candidates).size == 1000
    assert (values.true_expected_count > 0).all()

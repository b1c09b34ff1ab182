"""How well a sampler fits counts: distances in small cases, and the advice of the verdict."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.diagnostics import fit, zipf_counts
from sampledsoftmax.diagnostics.fitting import distance

ZIPF = zipf_counts(1000)
MIXED = np.random.default_rng(3).permutation(ZIPF)


def test_distances_by_hand():
    found = distance(np.array([0.5, 0.25, 0.25, 0.0]), np.array([0.25, 0.5, 0.125, 0.125]))
    assert found.total_variation == pytest.approx(0.375)
    assert found.kl_bits == pytest.approx(0.5 * 1 - 0.25 * 1 + 0.25 * 1)
    assert found.worth == pytest.approx(1 / (0.25 / 0.25 + 0.0625 / 0.5 + 0.0625 / 0.125))


def test_a_class_that_is_never_drawn_has_infinite_divergence():
    assert distance(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == (0.5, np.inf, 0.0)


def test_worth_is_the_effective_sample_size():
    """The variance of a weighted average of n draws of Q is that of n * worth draws of p."""
    rng = np.random.default_rng(0)
    p, q = ZIPF / ZIPF.sum(), np.full(1000, 1e-3)
    values, n = rng.choice([-1.0, 1.0], 1000), 4000
    drawn = rng.integers(1000, size=(1000, n))
    weights = (p / q)[drawn]
    weighted = (weights * values[drawn]).sum(axis=1) / weights.sum(axis=1)
    plain = ((values - p @ values) ** 2 @ p) / n
    assert plain / weighted.var() == pytest.approx(distance(p, q).worth, rel=0.25)


@pytest.mark.parametrize(
    ("counts", "sampler", "first", "verdict"),
    [
        (ZIPF, "log_uniform", None, "log_uniform fits: 100 candidates are worth 97 drawn by the counts."),
        (MIXED, "log_uniform", 2, "Number the classes by falling count (then 97), or use FixedUnigramSampler(counts)."),
        (np.r_[1, ZIPF], "log_uniform", 1, "fits, although ids are not in order of falling count from id 1 on"),
        (ZIPF, "uniform", None, "uniform does not fit: 100 candidates are worth 8 drawn by the counts. Use Fixed"),
        (MIXED, "uniform", 2, "uniform does not fit: 100 candidates"),
        (np.ones(1000), "uniform", None, "uniform fits: 100 candidates are worth 100"),
        (np.ones(1000), "log_uniform", None, "worth 29 drawn by the counts. Use FixedUnigramSampler(counts)."),
        (np.r_[MIXED, 0, 0], "log_uniform", 2, "FixedUnigramSampler(counts + 1), since 2 classes have the count 0."),
        (MIXED, ss.FixedUnigramSampler(MIXED), 2, "fixed_unigram fits: 100 candidates are worth 100"),
        (MIXED, ss.LogUniformSampler(1000), 2, "Number the classes by falling count"),
        ([1, 10**9], "log_uniform", 1, "log_uniform does not fit, ids are not in order of falling count (id 1 occurs"),
    ],
)  # fmt: skip
def test_verdicts(counts, sampler, first, verdict):
    found = fit(counts, sampler)
    assert verdict in found.verdict
    assert found.first_unsorted == first
    assert "\n" not in found.verdict


def test_ties_count_as_sorted():
    assert fit([5, 5, 3, 3]).first_unsorted is None
    assert fit([5, 3, 4]).first_unsorted == 2


def test_the_counts_are_the_best_of_the_alternatives():
    found = fit(MIXED)
    assert found.distance == found.others["log_uniform"]
    assert found.others["counts"].worth == pytest.approx(1)
    assert found.others["counts"].total_variation == 0
    assert found.others["log_uniform, ids sorted"] == pytest.approx(fit(np.sort(MIXED)[::-1]).distance)


def test_a_class_without_counts_and_a_single_class():
    assert fit([3, 0, 2]).num_unseen == 1
    assert fit([7]).distance == (0.0, 0.0, 1.0)


def test_invalid_arguments():
    with pytest.raises(ValueError, match=r"counts\[2\] = -1 must be at least 0"):
        fit([1, 2, -1])
    with pytest.raises(ValueError, match="range_max = 3, but num_classes = 2"):
        fit([1, 2], ss.UniformSampler(3))
    with pytest.raises(ValueError, match="sampler must be one of 'log_uniform', 'uniform'"):
        fit([1, 2], "zipf")

"""expm1 and log1p as polynomials: the error against the C library is within the documented margin."""

import math

import numpy as np
import pytest

from sampledsoftmax.kernels.linalg.expm1_log1p import RELATIVE_ERROR, expm1, log1p
from sampledsoftmax.kernels.sampling.candidates import to_expected_counts
from sampledsoftmax.kernels.sampling.log_uniform import log_uniform_probabilities

UNIT = 2.0**-52


def max_error_in_units(ours, theirs):
    ours, theirs = np.array(ours), np.array(theirs)
    return (np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300)).max() / UNIT


def spread(largest, seed):
    """Return numbers in [0, largest]: uniform, log-uniform, and adjacent to multiples of log(2) / 2."""
    rng = np.random.default_rng(seed)
    half_logs = np.arange(1, 1 + largest / math.log(2)) * math.log(2) / 2
    edges = np.concatenate([half_logs * (1 + k * 2.0**-50) for k in (-1, 0, 1)])
    numbers = np.concatenate([rng.random(3000) * largest, 10 ** rng.uniform(-30, 0, 3000) * largest, edges, [0.0]])
    return numbers[numbers <= largest]


def test_expm1_is_close_to_the_c_library():
    for x in (spread(40.0, 1), -spread(50.0, 2)):
        assert max_error_in_units([expm1(v) for v in x], [math.expm1(v) for v in x]) < 5
    assert expm1(-1e300) == expm1(-50.0) == -1.0


def test_the_exponential_of_a_log_uniform_draw_is_close_to_the_c_library():
    x = spread(math.log1p(2.0**53), 3)
    assert max_error_in_units([expm1(v) + 1.0 for v in x], [math.exp(v) for v in x]) < 5


def test_log1p_is_close_to_the_c_library():
    x = np.concatenate([spread(1.0, 4), -spread(1 - 2.0**-24, 5), [math.sqrt(2) - 1, math.sqrt(0.5) - 1]])
    assert max_error_in_units([log1p(v) for v in x], [math.log1p(v) for v in x]) < 5


@pytest.mark.parametrize("tries", [2, 70, 9000, 2**31 - 1])
def test_the_error_of_a_composition_is_within_a_sixth_of_the_margin(tries):
    p = spread(1.0, 6).astype(np.float32).astype(np.float64)
    p = p[p < 1]
    ours = [-expm1(tries * log1p(-v)) for v in p]
    assert max_error_in_units(ours, [-math.expm1(tries * math.log1p(-v)) for v in p]) < 10 < RELATIVE_ERROR / UNIT / 6


def rounding_is_ambiguous(y):
    return np.float32(y - y * RELATIVE_ERROR) != np.float32(y + y * RELATIVE_ERROR)


def test_an_ambiguous_expected_count_is_that_of_the_c_library():
    assert rounding_is_ambiguous(-expm1(25 * log1p(-0.5)))  # 1 - 2**-25
    for p in (0.5, 0.25, 0.75):
        counts = np.array([p], np.float32)
        to_expected_counts(7, 25, counts)
        assert counts[0] == np.float32(-math.expm1(25 * math.log1p(-p)))


@pytest.mark.parametrize(("range_max", "k"), [(3_000_000, 2318273), (10_000_000, 3105400), (10_000_000, 5631772)])
def test_an_ambiguous_probability_is_that_of_the_c_library(range_max, k):
    assert rounding_is_ambiguous(log1p((k + 2.0) / (k + 1.0) - 1.0) / math.log1p(range_max))
    ids, p = np.array([k, k - 1]), np.empty(2, np.float32)
    log_uniform_probabilities(range_max, ids, p)
    for i, got in zip(ids.tolist(), p, strict=True):
        assert got == np.float32(math.log((i + 2.0) / (i + 1.0)) / math.log1p(range_max))


def test_expected_counts_of_extreme_probabilities():
    counts = np.array([0.0, 1.0, 1e-44, 1 - 2.0**-24], np.float32)
    to_expected_counts(3, 4, counts)
    assert counts[0] == 0
    assert counts[1] == 1
    assert counts[2] == np.float32(4 * np.float64(np.float32(1e-44)))
    assert counts[3] == 1

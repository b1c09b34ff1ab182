"""The float32 exponential as a polynomial, against float64 of the C library."""

import math

import numpy as np
import pytest

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0, exp_single


@jit
def _exponentials(x, out):
    for i in range(x.size):
        out[i] = exp_not_above_0(x[i])


def exponentials(x):
    out = np.empty_like(x)
    _exponentials(x, out)
    return out


@pytest.mark.compiled
def test_the_error_is_at_most_1_01_ulp_for_normal_results():
    x = np.concatenate([np.linspace(-87.33, 0, 2_000_001), -np.geomspace(1e-38, 87.33, 500_001)]).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    error = np.abs(exponentials(x) - exact)
    assert (error / np.spacing(exact.astype(np.float32))).max() < 1.01
    assert (error / exact).max() < 8.5e-8  # 0.71 of the rounding unit 2**-23


def test_limits_and_nan():
    x = np.array([0, -0.0, -1e-30, -87.25, -88, -1000, -np.inf, np.nan], np.float32)
    expected = np.array([1, 1, 1, np.exp(-87.25), 0, 0, 0, np.nan], np.float32)
    np.testing.assert_allclose(exponentials(x), expected, rtol=1e-6)
    assert np.isnan(exp_single(np.float32(np.nan)))


def test_results_below_the_normal_range_are_at_most_the_smallest_normal_number():
    x = np.linspace(-110, -87.33, 1001).astype(np.float32)
    assert (exponentials(x) <= 1.2e-38).all()


def test_float64_uses_the_c_library():
    x = np.linspace(-700, 0, 101)
    np.testing.assert_array_equal(exponentials(x), [math.exp(value) for value in x])

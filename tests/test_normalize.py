"""Normalized rows: the kernels against central differences."""

import numpy as np
import pytest

from sampledsoftmax.kernels.linalg.normalize import MIN_NORM, inverse_norm, project_row


def normalized(row):
    return row / np.linalg.norm(row)


@pytest.mark.parametrize("dim", [1, 2, 7, 8, 33])
def test_the_gradient_of_a_row_is_that_of_central_differences(dim):
    rng = np.random.default_rng(dim)
    table, above = rng.normal(size=(3, dim)), rng.normal(size=(2, dim))
    inverse = inverse_norm(table, 1)
    np.testing.assert_allclose(inverse, 1 / np.linalg.norm(table[1]), rtol=1e-14)
    gradient, small = above.copy(), 1e-6
    project_row(gradient, 0, table, 1, inverse)
    for d in range(dim):
        step = np.eye(dim)[d] * small
        change = (normalized(table[1] + step) - normalized(table[1] - step)) @ above[0] / (2 * small)
        np.testing.assert_allclose(gradient[0, d], change, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(gradient[1], above[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_of_zeros_has_cosine_0_and_gradient_0(dtype):
    table, gradient = np.zeros((2, 3), dtype), np.ones((1, 3), dtype)
    table[1, 0] = MIN_NORM / 2
    for row in range(2):
        assert inverse_norm(table, row) == 0
        project_row(gradient, 0, table, row, inverse_norm(table, row))
        np.testing.assert_array_equal(gradient, 0)

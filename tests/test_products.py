"""Matrix products and reductions of packed operands agree with NumPy for any sizes."""

import math

import numba
import numpy as np
import pytest

from sampledsoftmax.kernels.linalg.gemm import gemm_nn, gemm_tn
from sampledsoftmax.kernels.linalg.microkernels import sum_rows
from sampledsoftmax.kernels.linalg.reductions import largest_of_lanes, sum_of_lanes
from sampledsoftmax.runtime.workspace import aligned, panel_width


@numba.njit
def gemm_all_panels(a, top, rows, b, out, add):
    for panel in range(b.shape[0]):
        gemm_nn(a, top, rows, b, panel, a.shape[0], out, add)


@numba.njit
def gemm_transposed(a, first, last, rows, b, out, add):
    gemm_tn(a, first, last, rows, b, out, add)


@numba.njit
def sums_of_rows(a, rows, out, add):
    for panel in range(a.shape[0]):
        sum_rows(a, panel, rows, out, add)


@numba.njit
def reduce_lanes(values, first):
    return sum_of_lanes(values, first), largest_of_lanes(values, first)


def panels(matrix, rows):
    """Return a matrix as panels [panels, rows, width], padded with zeros."""
    width = panel_width(matrix.dtype)
    num_panels = -(-matrix.shape[1] // width)
    padded = np.zeros((rows, num_panels * width), matrix.dtype)
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    out = aligned((num_panels, rows, width), matrix.dtype)
    out[:] = padded.reshape(rows, num_panels, width).transpose(1, 0, 2)
    return out


def matrix(packed, rows, columns):
    """Return the matrix that `panels` has packed."""
    return packed.transpose(1, 0, 2).reshape(packed.shape[1], -1)[:rows, :columns]


def padded_rows(rows):
    return (rows + 3) // 4 * 4


def product(a, b):
    """Return a . b, computed by packing both."""
    a_panels = panels(a, padded_rows(a.shape[0]))
    b_panels = panels(b, a_panels.shape[0] * a_panels.shape[2])
    out = aligned((b_panels.shape[0], a_panels.shape[1], b_panels.shape[2]), a.dtype)
    out[:] = math.nan  # previous contents are not read
    gemm_all_panels(a_panels, 0, a_panels.shape[1], b_panels, out, False)
    return matrix(out, a.shape[0], b.shape[1])


SIZES = [1, 2, 3, 7, 64, 65]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("depth", [1, 5, pytest.param(300, marks=pytest.mark.compiled)])
def test_products_agree_with_numpy_on_ragged_sizes(dtype, rows, depth):
    rng = np.random.default_rng(rows)
    for columns in (1, 7, 65):
        a = rng.integers(-8, 8, (rows, depth)).astype(dtype)  # products of small integers are exact
        b = rng.integers(-8, 8, (depth, columns)).astype(dtype)
        np.testing.assert_array_equal(product(a, b), a @ b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [*SIZES, pytest.param(300, marks=pytest.mark.compiled)])
@pytest.mark.parametrize("add", [False, True])
def test_products_with_a_transpose_agree_with_numpy(dtype, rows, add):
    rng = np.random.default_rng(rows)
    a, b = (rng.integers(-8, 8, (rows, columns)).astype(dtype) for columns in (33, 20))
    a_panels, b_panels = panels(a, padded_rows(rows)), panels(b, padded_rows(rows))
    width = a_panels.shape[2]
    out = aligned((a_panels.shape[0] * width, b_panels.shape[0], width), np.dtype(dtype))
    out[:] = 1 if add else math.nan
    for first in range(a_panels.shape[0]):
        of_panel = out[first * width : (first + 1) * width]
        gemm_transposed(a_panels, first, first + 1, a_panels.shape[1], b_panels, of_panel, add)
    np.testing.assert_array_equal(out.reshape(out.shape[0], -1)[:33, :20], a.T @ b + add)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("add", [False, True])
def test_products_can_be_added_to_the_output(dtype, add):
    rng = np.random.default_rng(0)
    a, b = rng.integers(-8, 8, (9, 300)).astype(dtype), rng.integers(-8, 8, (300, 20)).astype(dtype)
    a_panels = panels(a, 12)
    b_panels = panels(b, a_panels.shape[0] * a_panels.shape[2])
    out = aligned((b_panels.shape[0], 12, b_panels.shape[2]), np.dtype(dtype))
    out[:] = 1 if add else math.nan
    gemm_all_panels(a_panels, 0, 12, b_panels, out, add)
    np.testing.assert_array_equal(matrix(out, 9, 20), a @ b + add)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 4, 12])
@pytest.mark.parametrize("add", [False, True])
def test_sums_of_rows_agree_with_numpy(dtype, rows, add):
    rng = np.random.default_rng(0)
    a = rng.integers(-8, 8, (rows, 21)).astype(dtype)
    a_panels = panels(a, 12)
    a_panels[:, rows:] = math.nan
    out = aligned((a_panels.shape[0], a_panels.shape[2]), np.dtype(dtype))
    out[:] = 1 if add else math.nan
    sums_of_rows(a_panels, rows, out, add)
    np.testing.assert_array_equal(out.ravel()[:21], a.sum(0) + add)


def test_a_product_over_no_rows_is_zero():
    a, b = panels(np.zeros((0, 3), np.float32), 4), panels(np.zeros((0, 5), np.float32), 4)
    out = aligned((a.shape[2], 1, a.shape[2]), np.dtype(np.float32))
    out[:] = math.nan
    gemm_transposed(a, 0, 1, 0, b, out, False)
    assert not out.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_horizontal_sum_and_maximum(dtype):
    width = panel_width(np.dtype(dtype))
    values = np.random.default_rng(0).permutation(3 * width).astype(dtype) - 2 * width
    for first in (0, width, 2 * width):
        row = values[first : first + width]
        assert reduce_lanes(values, first) == (row.sum(), row.max())
    values[width + 1] = -math.inf
    assert reduce_lanes(values, width) == (-math.inf, np.delete(values[width : 2 * width], 1).max())


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_rounding_error_is_within_that_of_a_sequential_sum(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 700)).astype(dtype), rng.normal(size=(700, 33)).astype(dtype)
    wide = a.astype(np.longdouble) @ b.astype(np.longdouble)
    bound = 700 * np.finfo(dtype).eps * (np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64))
    assert (np.abs(product(a, b) - wide) <= bound).all()


@pytest.mark.compiled
def test_a_row_has_the_same_bits_in_any_batch():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(127, 300)).astype(np.float32), rng.normal(size=(300, 40)).astype(np.float32)
    whole = product(a, b)
    for size in (1, 5, 6, 64):
        slices = [product(a[i : i + size], b) for i in range(0, 127, size)]
        np.testing.assert_array_equal(np.concatenate(slices), whole)

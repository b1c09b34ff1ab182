"""Packed rows: copies, dot products and scaled additions agree with NumPy for any number of panels."""

import numba
import numpy as np
import pytest

from sampledsoftmax.kernels.linalg.packed_rows import add_to_panels, add_to_rows, panel_dot
from sampledsoftmax.kernels.linalg.packing import pack_rows, unpack_row
from sampledsoftmax.runtime.workspace import aligned, panel_width

DTYPES = [np.float32, np.float64]
PANELS = [1, 2, 3, 7, 8]


@numba.njit
def dots(a, b, rows, others, out):
    for k in range(rows.size):
        out[k] = panel_dot(a, rows[k], b, others[k])


@numba.njit
def add_panels(out, row, factor, b, other):
    add_to_panels(out, row, factor, b, other)


@numba.njit
def add_rows(out, row, factor, b, other):
    add_to_rows(out, row, factor, b, other)


def integer_panels(shape, dtype, seed=0):
    """Return panels of small integers, whose products and sums are exact in any order."""
    out = aligned((*shape, panel_width(np.dtype(dtype))), np.dtype(dtype))
    out[:] = np.random.default_rng(seed).integers(-8, 8, out.shape)
    return out


def row_of(panels, i):
    return panels[:, i].ravel()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_panels", PANELS)
def test_dot_products_agree_with_numpy(num_panels, dtype):
    a, b = integer_panels((num_panels, 5), dtype, 1), integer_panels((num_panels, 3), dtype, 2)
    rows, others = np.array([0, 4, 2, 4]), np.array([0, 2, 1, 1])
    out = np.zeros(4, dtype)
    dots(a, b, rows, others, out)
    np.testing.assert_array_equal(out, [row_of(a, i) @ row_of(b, j) for i, j in zip(rows, others, strict=True)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_rounding_error_of_a_dot_product_is_within_that_of_a_sequential_sum(dtype):
    rng = np.random.default_rng(0)
    a, b = integer_panels((9, 4), dtype), integer_panels((9, 4), dtype)
    a[:], b[:] = rng.normal(size=a.shape), rng.normal(size=b.shape)
    rows, out = np.arange(4), np.zeros(4, dtype)
    dots(a, b, rows, rows, out)
    for i in rows:
        x, y = row_of(a, i).astype(np.longdouble), row_of(b, i).astype(np.longdouble)
        assert abs(out[i] - x @ y) <= x.size * np.finfo(dtype).eps * (np.abs(x) @ np.abs(y))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_panels", PANELS)
def test_add_to_panels_changes_one_row_only(num_panels, dtype):
    out, b = integer_panels((num_panels, 5), dtype, 1), integer_panels((num_panels, 3), dtype, 2)
    for i, j, factor in ((0, 0, 1), (4, 2, -3), (2, 1, 0)):
        expected = out.copy()
        expected[:, i] += factor * b[:, j]
        add_panels(out, i, dtype(factor), b, j)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_panels", PANELS)
def test_add_to_rows_changes_one_row_only(num_panels, dtype):
    out, b = integer_panels((5, num_panels), dtype, 1), integer_panels((num_panels, 3), dtype, 2)
    for i, j, factor in ((0, 0, 1), (4, 2, -3), (2, 1, 0)):
        expected = out.copy()
        expected[i] += factor * b[:, j]
        add_rows(out, i, dtype(factor), b, j)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_stays_in_its_row(dtype):
    a, out = integer_panels((2, 3), dtype), integer_panels((3, 2), dtype)
    a[1, 1, 2] = np.nan
    dot = np.zeros(1, dtype)
    dots(a, a, np.array([1]), np.array([1]), dot)
    assert np.isnan(dot[0])
    add_rows(out, 0, dtype(1), a, 1)
    assert np.isnan(out).sum() == np.isnan(out[0, 1, 2]) == 1


@numba.njit
def pack(table, ids, top, rows, out):
    pack_rows(table, ids, top, rows, out)


@numba.njit
def unpack(packed, i, table, row):
    unpack_row(packed, i, table, row)


def tables(columns, dtype):
    """Return a table in C order, in Fortran order, and as every third column of another array."""
    table = np.random.default_rng(columns).normal(size=(6, columns)).astype(dtype)
    sparse = np.zeros((6, 3 * columns), dtype)
    sparse[:, ::3] = table
    return table, np.asfortranarray(table), sparse[:, ::3]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 7, 16, 23, 64, 65])
def test_packing_and_unpacking_copy_rows(columns, dtype):
    width = panel_width(np.dtype(dtype))
    ids = np.array([5, 0, 5, 3, 1])
    for table in tables(columns, dtype):
        out = aligned((-(-columns // width), 12, width), np.dtype(dtype))
        out[:] = 7
        pack(table, ids, 2, 5, out)
        rows = out.transpose(1, 0, 2).reshape(12, -1)
        np.testing.assert_array_equal(rows[2:5, :columns], table[ids[2:]])
        assert not rows[2:5, columns:].any(), "columns beyond the last one are zeros"
        assert not rows[5:7].any(), "rows beyond the last id are zeros"
        assert (rows[:2] == 7).all(), "other rows are unchanged"
        assert (rows[7:] == 7).all(), "other rows are unchanged"
        back = np.zeros((4, columns), dtype)
        unpack(out, 3, back, 2)
        np.testing.assert_array_equal(back, [np.zeros(columns), np.zeros(columns), table[3], np.zeros(columns)])

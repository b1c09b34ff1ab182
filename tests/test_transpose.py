"""Transposition of a square block of a panel, at any position; memory around it is not written."""

import numba
import numpy as np
import pytest

from sampledsoftmax.kernels.linalg.packing import transpose_panel
from sampledsoftmax.kernels.linalg.transpose import transpose_square
from sampledsoftmax.runtime.workspace import aligned, panel_width

DTYPES = [np.float32, np.float64]


@numba.njit
def square(a, panel, row, out, out_panel, out_row):
    transpose_square(a, panel, row, out, out_panel, out_row)


@numba.njit
def panel_of(packed_candidates, top, packed_candidates_t, panel):
    transpose_panel(packed_candidates, top, packed_candidates_t, panel)


def distinct(num_panels, rows, dtype):
    """Return panels of distinct numbers."""
    width = panel_width(np.dtype(dtype))
    out = aligned((num_panels, rows, width), np.dtype(dtype))
    out[:] = np.arange(out.size).reshape(out.shape)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("panel", "row"), [(0, 0), (1, 3), (2, 20)])
@pytest.mark.parametrize(("out_panel", "out_row"), [(0, 0), (1, 5), (0, 13)])
def test_rows_become_columns(panel, row, out_panel, out_row, dtype):
    width = panel_width(np.dtype(dtype))
    a, out = distinct(3, 20 + width, dtype), -distinct(2, 13 + width, dtype)
    expected = out.copy()
    expected[out_panel, out_row : out_row + width] = a[panel, row : row + width].T
    square(a, panel, row, out, out_panel, out_row)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_transpose_panel_transposes_all_blocks_of_its_rows(depth, dtype):
    width = panel_width(np.dtype(dtype))
    packed_candidates, packed_candidates_t = distinct(depth, 3 * width + 4, dtype), distinct(3, depth * width, dtype)
    for panel in (2, 0, 1):
        top = panel * width
        expected = packed_candidates_t.copy()
        rows = packed_candidates[:, top : top + width].transpose(1, 0, 2).reshape(width, depth * width)
        expected[panel] = rows.T
        panel_of(packed_candidates, top, packed_candidates_t, panel)
        np.testing.assert_array_equal(packed_candidates_t, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_transposing_twice_restores_every_bit(dtype):
    width = panel_width(np.dtype(dtype))
    a, once, twice = (distinct(1, width, dtype) for _ in range(3))
    a.ravel()[:5] = np.nan, -0.0, np.inf, -np.inf, np.finfo(dtype).tiny
    square(a, 0, 0, once, 0, 0)
    square(once, 0, 0, twice, 0, 0)
    assert a.tobytes() == twice.tobytes() != once.tobytes()

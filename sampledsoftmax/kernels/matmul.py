"""Matrix products on one thread, as loops over tiles: a [M, K] times panels of b [K, N].

Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008: b is packed into panels
that are read from the first cache, a block of rows of a stays in the second. Every sum is added in the
order of k, so an entry's bits depend on its row and its column only.
"""

import numpy as np

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.tile import tile_1, tile_6

_ROWS = 6
_DEPTH_BLOCK = 256  # a panel of 256 x 16 float32 is 16 KB, half of a 32 KB first cache
_ROW_BLOCK = 120  # 120 x 256 float32 of `a` are 123 KB; a multiple of 6


@jit
def pack_rows(b, panels):
    """Copy b [K, N] to panels [ceil(N / width), K, width], zeros behind the last column."""
    width = panels.shape[2]
    for p in range(panels.shape[0]):
        first = p * width
        columns = min(width, b.shape[1] - first)
        for k in range(b.shape[0]):
            for c in range(columns):
                panels[p, k, c] = b[k, first + c]
            for c in range(columns, width):
                panels[p, k, c] = 0


@jit
def pack_columns(b_transposed, panels):
    """As `pack_rows` for b given as its transpose [N, K], whose rows are read one after the other."""
    width = panels.shape[2]
    for p in range(panels.shape[0]):
        first = p * width
        columns = min(width, b_transposed.shape[0] - first)
        for c in range(columns):
            for k in range(b_transposed.shape[1]):
                panels[p, k, c] = b_transposed[first + c, k]
        for k in range(b_transposed.shape[1]):
            for c in range(columns, width):
                panels[p, k, c] = 0


@jit
def _put(tile, rows, out, row, column, adding):
    columns = min(tile.shape[1], out.shape[1] - column)
    for r in range(rows):
        for c in range(columns):
            if adding:
                out[row + r, column + c] += tile[r, c]
            else:
                out[row + r, column + c] = tile[r, c]


@jit
def multiply(a, panels, out):
    """Write a [M, K] times the packed b [K, N] to out [M, N]."""
    width = panels.shape[2]
    tile = np.empty((_ROWS, width), a.dtype)
    for first in range(0, a.shape[1], _DEPTH_BLOCK):
        last = min(first + _DEPTH_BLOCK, a.shape[1])
        for top in range(0, a.shape[0], _ROW_BLOCK):
            bottom = min(top + _ROW_BLOCK, a.shape[0])
            for p in range(panels.shape[0]):
                row = top
                while row + _ROWS <= bottom:
                    tile_6(a, row, panels, p, first, last, tile)
                    _put(tile, _ROWS, out, row, p * width, first > 0)
                    row += _ROWS
                while row < bottom:
                    tile_1(a, row, panels, p, first, last, tile)
                    _put(tile, 1, out, row, p * width, first > 0)
                    row += 1

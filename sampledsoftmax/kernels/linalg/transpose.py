"""A square of a panel, rows turned into columns, in vector registers.

Row by row each number would be stored by itself, as many stores as numbers. Here a vector of each row is loaded, and
rows one apart change numbers, then rows two apart, then four, and so on until a register holds a column (Eklundh, "A
fast computer method for matrix transposing", 1972).
"""

from typing import Any

from llvmlite import ir
from numba import types

from sampledsoftmax.jit.simd_width import VECTOR_BYTES
from sampledsoftmax.kernels.linalg.microkernels import VECTORS, Array, Tile, choose

__all__ = ["transpose_square"]


def _typed(context, a, panel, row, out, out_panel, out_row):
    del context, panel, row, out_panel, out_row
    n = types.intp
    return types.void(a, n, n, out, n, n), _emit


def _emit(context, builder, signature, arguments):
    a, panel, row, out, out_panel, out_row = arguments
    a_at = Array(context, builder, signature.args[0], a)
    out_at = Array(context, builder, signature.args[3], out)
    tile = Tile(builder, a_at, 0)
    source, target = a_at.address(panel, row), out_at.address(out_panel, out_row)
    for i in range(VECTORS):
        for j in range(VECTORS):
            _emit_square(builder, tile, a_at, (source, i, j), (target, j, i))
    return context.get_dummy_value()


def _emit_square(builder, tile, array, source, target):
    """Transpose square (i, j) of squares one vector wide."""
    lanes = array.lanes
    rows = [tile.load(tile.vector, source[0], _bytes_to(source, r, array)) for r in range(lanes)]
    apart = 1
    while apart < lanes:
        rows = _exchange(builder, rows, apart)
        apart *= 2
    for r in range(lanes):
        pointer = tile.pointer(tile.vector, target[0], _bytes_to(target, r, array))
        builder.store(rows[r], pointer, align=array.itemsize)


def _bytes_to(square: tuple[Any, int, int], row: int, array: Any) -> int:
    return int((square[1] * array.lanes + row) * array.row_bytes + square[2] * VECTOR_BYTES)


def _exchange(builder, rows, apart):
    """Let row i and row i + apart change the numbers that stand on the other's side of the diagonal."""
    lanes = len(rows)
    upper = [j if j & apart == 0 else lanes + j - apart for j in range(lanes)]
    lower = [j + apart if j & apart == 0 else lanes + j for j in range(lanes)]
    out = list(rows)
    for i in range(lanes):
        if i & apart == 0:
            pair = rows[i], rows[i + apart]
            out[i] = builder.shuffle_vector(*pair, _mask(upper))
            out[i + apart] = builder.shuffle_vector(*pair, _mask(lower))
    return out


def _mask(places: list[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)


def _plain(a, panel, row, out, out_panel, out_row):
    """Write out[out_panel, out_row + c, r] = a[panel, row + r, c] for all rows r and columns c of a square."""
    for c in range(a.shape[2]):
        for r in range(a.shape[2]):
            out[out_panel, out_row + c, r] = a[panel, row + r, c]


transpose_square = choose(_typed, _plain, _plain)

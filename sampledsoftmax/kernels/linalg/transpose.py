"""Transposition of a square block of a panel in vector registers.

A scalar loop would take a store per entry. Here each row is loaded as a vector; rows at distance 1 exchange entries,
then rows at distance 2, 4 and so on, until each register holds a column (Eklundh, "A fast computer method for matrix
transposing", 1972).
"""

from typing import Any

from llvmlite import ir
from numba import types

from sampledsoftmax.jit.simd_width import VECTOR_BYTES
from sampledsoftmax.kernels.linalg.llvm_tile import NR_VECTORS, Array, Tile, select_path

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
    for i in range(NR_VECTORS):
        for j in range(NR_VECTORS):
            _emit_square(builder, tile, a_at, (source, i, j), (target, j, i))
    return context.get_dummy_value()


def _emit_square(builder, tile, array, source, target):
    """Transpose square (i, j) of squares one vector wide."""
    lanes = array.lanes
    rows = [tile.load(tile.vector, source[0], _bytes_to(source, r, array)) for r in range(lanes)]
    distance = 1
    while distance < lanes:
        rows = _exchange(builder, rows, distance)
        distance *= 2
    for r in range(lanes):
        pointer = tile.pointer(tile.vector, target[0], _bytes_to(target, r, array))
        builder.store(rows[r], pointer, align=array.itemsize)


def _bytes_to(square: tuple[Any, int, int], row: int, array: Any) -> int:  # pragma: no cover - writes LLVM IR
    return int((square[1] * array.lanes + row) * array.row_bytes + square[2] * VECTOR_BYTES)


def _exchange(builder, rows, distance):
    """Exchange, for all pairs of rows i and i + distance, the entries on the far sides of the diagonal."""
    lanes = len(rows)
    upper = [j if j & distance == 0 else lanes + j - distance for j in range(lanes)]
    lower = [j + distance if j & distance == 0 else lanes + j for j in range(lanes)]
    out = list(rows)
    for i in range(lanes):
        if i & distance == 0:
            pair = rows[i], rows[i + distance]
            out[i] = builder.shuffle_vector(*pair, _mask(upper))
            out[i + distance] = builder.shuffle_vector(*pair, _mask(lower))
    return out


def _mask(lanes: list[int]) -> Any:  # pragma: no cover - as above
    return ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)


def _plain(a, panel, row, out, out_panel, out_row):
    """Write out[out_panel, out_row + c, r] = a[panel, row + r, c] for all rows r and columns c of a square."""
    for c in range(a.shape[2]):
        for r in range(a.shape[2]):
            out[out_panel, out_row + c, r] = a[panel, row + r, c]


transpose_square = select_path(_typed, _plain, _plain)

"""Micro-kernels: products of a few rows by one panel, with the sums in vector registers.

Operands are packed in panels [number of panels, rows, width]: panel p holds columns p * width and on of a matrix,
padded with zeros beyond the last column. In the terms of BLIS, a tile is MR rows by NR = width columns.

The terms of every sum are added in the order of k, one at a time: an entry has the same bits in any tile.
"""

from typing import Any

from numba import types

from sampledsoftmax.jit.simd_width import MR, MR_TAIL, VECTOR_BYTES
from sampledsoftmax.kernels.linalg.llvm_tile import NR_VECTORS, Array, Tile, select_path

_K_UNROLL = 4  # rows of every operand are padded to a multiple of this

__all__ = [
    "add_biases_subtract_log_q",
    "gemm_nn_mr",
    "gemm_nn_tail",
    "gemm_tn_mr",
    "gemm_tn_tail",
    "sum_rows",
]


def _gemm_nn(rows: int) -> Any:
    """Return the micro-kernel (a, row, b, panel, first, last, out, add) for `rows` rows of a product a . b.

    It writes out[panel, row + r]: the sum over p in [first, last) and c of a[p, row + r, c] * b[panel, p * width + c];
    with `add`, it adds that to out.
    """

    def typed(context, a, row, b, panel, first, last, out, add):
        del context, row, panel, first, last, add
        n = types.intp
        return types.void(a, n, b, n, n, n, out, types.boolean), _emit_gemm_nn(rows)

    def plain(a, row, b, panel, first, last, out, add):
        width = out.shape[2]
        if not add:
            for r in range(rows):
                for v in range(width):
                    out[panel, row + r, v] = 0
        for p in range(first, last):
            for c in range(width):
                for r in range(rows):
                    for v in range(width):
                        out[panel, row + r, v] += a[p, row + r, c] * b[panel, p * width + c, v]

    def in_numpy(a, row, b, panel, first, last, out, add):
        width = out.shape[2]
        left = a[first:last, row : row + rows].transpose(1, 0, 2).reshape(rows, -1)
        before = out[panel, row : row + rows] if add else 0
        out[panel, row : row + rows] = before + left @ b[panel, first * width : last * width]

    return select_path(typed, plain, in_numpy)


def _gemm_tn(columns: int) -> Any:
    """Return the micro-kernel for `columns` rows of a product a^T . b.

    Its arguments are (a, panel, column, b, b_panel, first, last, out, out_row, add). It writes the sum over k in
    [first, last) of a[panel, k, column + r] * b[b_panel, k] to out[out_row + r, b_panel]; with `add`, it adds that
    to out, [rows, panels, width].
    """

    def typed(context, a, panel, column, b, b_panel, first, last, out, out_row, add):
        del context, panel, column, b_panel, first, last, out_row, add
        n = types.intp
        return types.void(a, n, n, b, n, n, n, out, n, types.boolean), _emit_gemm_tn(columns)

    def plain(a, panel, column, b, b_panel, first, last, out, out_row, add):
        if not add:
            for r in range(columns):
                for v in range(out.shape[2]):
                    out[out_row + r, b_panel, v] = 0
        for k in range(first, last):
            for r in range(columns):
                for v in range(out.shape[2]):
                    out[out_row + r, b_panel, v] += a[panel, k, column + r] * b[b_panel, k, v]

    def in_numpy(a, panel, column, b, b_panel, first, last, out, out_row, add):
        left = a[panel, first:last, column : column + columns].T
        before = out[out_row : out_row + columns, b_panel] if add else 0
        out[out_row : out_row + columns, b_panel] = before + left @ b[b_panel, first:last]

    return select_path(typed, plain, in_numpy)


def _emit_gemm_nn(rows: int) -> Any:
    def emit(context, builder, signature, arguments):
        a, row, b, panel, first, last, out, add = arguments
        a_at = Array(context, builder, signature.args[0], a)
        b_at = Array(context, builder, signature.args[2], b)
        out_at = Array(context, builder, signature.args[6], out)
        width = a_at.constant(NR_VECTORS * a_at.lanes)
        tile = Tile(builder, a_at, rows)

        def body(p):
            a_row = a_at.address(p, row)
            b_row = b_at.address(panel, builder.mul(p, width))

            def steps(k):
                for step in range(_K_UNROLL):
                    kk = builder.add(k, a_at.constant(step))
                    tile.multiply_add(a_row, kk, a_at.row_bytes, a_at.itemsize, b_row, b_at.row_bytes)

            tile.loop(a_at.constant(0), width, _K_UNROLL, steps)

        tile.loop(first, last, 1, body)
        tile.write(out_at.address(panel, row), out_at.row_bytes, add)
        return context.get_dummy_value()

    return emit


def _emit_gemm_tn(columns: int) -> Any:
    def emit(context, builder, signature, arguments):
        a, panel, column, b, b_panel, first, last, out, out_row, add = arguments
        a_at = Array(context, builder, signature.args[0], a)
        b_at = Array(context, builder, signature.args[3], b)
        out_at = Array(context, builder, signature.args[7], out)
        tile = Tile(builder, a_at, columns)
        zero = a_at.constant(0)
        a_column = builder.add(a_at.address(panel, zero), builder.mul(column, a_at.constant(a_at.itemsize)))
        b_row = b_at.address(b_panel, zero)

        def steps(k):
            for step in range(_K_UNROLL):
                kk = builder.add(k, a_at.constant(step))
                tile.multiply_add(a_column, kk, a_at.itemsize, a_at.row_bytes, b_row, b_at.row_bytes)

        tile.loop(first, last, _K_UNROLL, steps)
        tile.write(out_at.address(out_row, b_panel), out_at.strides[0], add)
        return context.get_dummy_value()

    return emit


def _typed_sum_rows(context, a, panel, rows, out, add):
    del context, panel, rows, add
    n = types.intp
    return types.void(a, n, n, out, types.boolean), _emit_sum_rows


def _emit_sum_rows(context, builder, signature, arguments):
    a, panel, rows, out, add = arguments
    a_at = Array(context, builder, signature.args[0], a)
    out_at = Array(context, builder, signature.args[3], out)
    tile = Tile(builder, a_at, _K_UNROLL)  # independent sums: no addition waits for another
    base = a_at.address(panel, a_at.constant(0))

    def steps(k):
        at = builder.add(base, builder.mul(k, a_at.constant(a_at.row_bytes)))
        for r, row in enumerate(tile.sums):
            for v, accumulator in enumerate(row):
                value = tile.load(tile.vector, at, r * a_at.row_bytes + v * VECTOR_BYTES)
                builder.store(builder.fadd(builder.load(accumulator), value), accumulator)

    tile.loop(a_at.constant(0), rows, _K_UNROLL, steps)
    for v in range(NR_VECTORS):
        first, second, third, fourth = (builder.load(row[v]) for row in tile.sums)
        total = builder.fadd(builder.fadd(first, second), builder.fadd(third, fourth))
        with_before = builder.fadd(tile.load(tile.vector, out_at.address_2d(panel), v * VECTOR_BYTES), total)
        tile.store(builder.select(add, with_before, total), out_at.address_2d(panel), v * VECTOR_BYTES)
    return context.get_dummy_value()


def _plain_sum_rows(a, panel, rows, out, add):
    """Write the sum of the first `rows` rows of a[panel], a multiple of 4, to out[panel]; with `add`, add it."""
    for c in range(a.shape[2]):
        out[panel, c] = out[panel, c] if add else 0
    for k in range(rows):
        for c in range(a.shape[2]):
            out[panel, c] += a[panel, k, c]


def _typed_add_subtract(context, panels, panel, top, rows, plus, minus):
    del context, panel, top, rows
    n = types.intp
    return types.void(panels, n, n, n, plus, minus), _emit_add_subtract


def _emit_add_subtract(context, builder, signature, arguments):
    panels, panel, top, rows, plus, minus = arguments
    panels_at = Array(context, builder, signature.args[0], panels)
    constant_rows = [
        Array(context, builder, kind, array) for kind, array in zip(signature.args[4:], (plus, minus), strict=True)
    ]
    tile = Tile(builder, panels_at, 0)
    constants = [
        [tile.load(tile.vector, array.address_2d(panel), v * VECTOR_BYTES) for v in range(NR_VECTORS)]
        for array in constant_rows
    ]
    base = panels_at.address(panel, top)

    def body(row):
        at = builder.add(base, builder.mul(row, panels_at.constant(panels_at.row_bytes)))
        for v in range(NR_VECTORS):
            value = builder.fadd(tile.load(tile.vector, at, v * VECTOR_BYTES), constants[0][v])
            tile.store(builder.fsub(value, constants[1][v]), at, v * VECTOR_BYTES)

    tile.loop(panels_at.constant(0), rows, 1, body)
    return context.get_dummy_value()


def _plain_add_subtract(panels, panel, top, rows, plus, minus):
    """Add plus[panel] to each of rows top .. top + rows of panels[panel], then subtract minus[panel]."""
    for b in range(top, top + rows):
        for c in range(panels.shape[2]):
            panels[panel, b, c] = panels[panel, b, c] + plus[panel, c] - minus[panel, c]


add_biases_subtract_log_q = select_path(_typed_add_subtract, _plain_add_subtract, _plain_add_subtract)
gemm_nn_mr, gemm_nn_tail = _gemm_nn(MR), _gemm_nn(MR_TAIL)
gemm_tn_mr, gemm_tn_tail = _gemm_tn(MR), _gemm_tn(MR_TAIL)
sum_rows = select_path(_typed_sum_rows, _plain_sum_rows, _plain_sum_rows)

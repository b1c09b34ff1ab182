"""Kernels on single rows of packed operands: copies from and to tables, dot products, scaled additions.

A row of a table has any number of columns, so a loop over it has a prologue and a scalar remainder; for 100 columns
these take longer than the vector loop. A packed row consists of whole vectors.
"""

from typing import Any

from llvmlite import ir
from numba import types

from sampledsoftmax.jit.simd_width import VECTOR_BYTES
from sampledsoftmax.kernels.linalg.llvm_tile import NR_VECTORS, Array, Tile, select_path
from sampledsoftmax.kernels.linalg.reductions import fold

__all__ = ["add_to_panels", "add_to_rows", "panel_dot", "panels_to_row", "row_to_panels"]


def _typed_dot(context, a, i, b, j):
    del context, i, j
    return a.dtype(a, types.intp, b, types.intp), _emit_dot


def _emit_dot(context, builder, signature, arguments):
    a, i, b, j = arguments
    a_at = Array(context, builder, signature.args[0], a)
    b_at = Array(context, builder, signature.args[2], b)
    tile = Tile(builder, a_at, 1)
    zero = a_at.constant(0)

    def body(p):
        at = a_at.address(p, i), b_at.address(p, j)
        for v, accumulator in enumerate(tile.sums[0]):
            left, right = (tile.load(tile.vector, address, v * VECTOR_BYTES) for address in at)
            product = builder.fmul(left, right, flags=("contract",))
            builder.store(builder.fadd(builder.load(accumulator), product, flags=("contract",)), accumulator)

    tile.loop(zero, a_at.shape[0], 1, body)
    first, second = (builder.load(accumulator) for accumulator in tile.sums[0])
    return fold(builder, builder.fadd(first, second), a_at.lanes, builder.fadd)


def _adder(panels_first: bool) -> Any:
    """Return the kernel (out, i, factor, b, j): add factor times row j of the panels b to row i of `out`.

    `out` is [panels, rows, width] or [rows, panels, width]. Products are rounded before they are added: a fused step
    has the bits of the gradients that the loss functions return.
    """

    def typed(context, out, i, factor, b, j):
        del context, i, j
        return types.void(out, types.intp, out.dtype, b, types.intp), emit

    def emit(context, builder, signature, arguments):
        out, i, factor, b, j = arguments
        out_at = Array(context, builder, signature.args[0], out)
        b_at = Array(context, builder, signature.args[3], b)
        tile = Tile(builder, out_at, 0)
        factors = tile.broadcast(factor)

        def body(p):
            target = out_at.address(p, i) if panels_first else out_at.address(i, p)
            source = b_at.address(p, j)
            for v in range(NR_VECTORS):
                product = builder.fmul(tile.load(tile.vector, source, v * VECTOR_BYTES), factors)
                before = tile.load(tile.vector, target, v * VECTOR_BYTES)
                tile.store(builder.fadd(before, product), target, v * VECTOR_BYTES)

        tile.loop(out_at.constant(0), b_at.shape[0], 1, body)
        return context.get_dummy_value()

    def plain(out, i, factor, b, j):
        for p in range(b.shape[0]):
            for c in range(b.shape[2]):
                if panels_first:
                    out[p, i, c] += factor * b[p, j, c]
                else:
                    out[i, p, c] += factor * b[p, j, c]

    def in_numpy(out, i, factor, b, j):
        target = out[:, i] if panels_first else out[i]
        target += factor * b[:, j]

    return select_path(typed, plain, in_numpy)


def _typed_row_to_panels(context, table, row, panels, i):
    del context, row, i
    return types.void(table, types.intp, panels, types.intp), _emit_row_to_panels


def _emit_row_to_panels(context, builder, signature, arguments):
    table, row, panels, i = arguments
    table_at = Array(context, builder, signature.args[0], table)
    panels_at = Array(context, builder, signature.args[2], panels)
    tile = Tile(builder, panels_at, 0)
    source = table_at.address_2d(row)

    def body(p):
        target = panels_at.address(p, i)
        for v in range(NR_VECTORS):
            tile.store(_load_row_vector(tile, table_at, source, p, v), target, v * VECTOR_BYTES)

    tile.loop(table_at.constant(0), _full_panels(builder, table_at), 1, body)
    return context.get_dummy_value()


def _load_row_vector(tile, table, row, p, v):
    """Return vector v of panel p of a row, whose columns may be strided."""
    builder = tile.builder
    if table.is_contiguous:
        return tile.load(
            tile.vector, builder.add(row, builder.mul(p, table.constant(table.row_bytes))), v * VECTOR_BYTES
        )
    vector = ir.Constant(tile.vector, ir.Undefined)
    first = builder.mul(p, table.constant(NR_VECTORS * table.lanes))
    for lane in range(table.lanes):
        column = builder.add(first, table.constant(v * table.lanes + lane))
        value = tile.load(table.scalar, builder.add(row, builder.mul(column, table.strides[1])), 0)
        vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), lane))
    return vector


def _full_panels(builder, table):
    """Return the number of panels without padding in a row of a table."""
    return builder.sdiv(table.shape[1], table.constant(NR_VECTORS * table.lanes))


def _plain_row_to_panels(table, row, panels, i):
    """Copy a row of a table to row i of its panels without padding."""
    width = panels.shape[2]
    for p in range(table.shape[1] // width):
        for c in range(width):
            panels[p, i, c] = table[row, p * width + c]


def _typed_panels_to_row(context, panels, i, table, row):
    del context, i, row
    return types.void(panels, types.intp, table, types.intp), _emit_panels_to_row


def _emit_panels_to_row(context, builder, signature, arguments):
    panels, i, table, row = arguments
    panels_at = Array(context, builder, signature.args[0], panels)
    table_at = Array(context, builder, signature.args[2], table)
    if not table_at.is_contiguous:
        raise TypeError("panels_to_row writes to C-contiguous tables")
    tile = Tile(builder, panels_at, 0)
    start = table_at.address_2d(row)

    def body(p):
        source = panels_at.address(p, i)
        target = builder.add(start, builder.mul(p, panels_at.constant(panels_at.row_bytes)))
        for v in range(NR_VECTORS):
            tile.store(tile.load(tile.vector, source, v * VECTOR_BYTES), target, v * VECTOR_BYTES)

    tile.loop(table_at.constant(0), _full_panels(builder, table_at), 1, body)
    return context.get_dummy_value()


def _plain_panels_to_row(panels, i, table, row):
    """Copy row i of the panels without padding to a row of a table."""
    width = panels.shape[2]
    for p in range(table.shape[1] // width):
        for c in range(width):
            table[row, p * width + c] = panels[p, i, c]


def _plain_dot(a, i, b, j):
    """Return the sum over panels p and columns c of a[p, i, c] * b[p, j, c]."""
    total = a[0, i, 0] * b[0, j, 0]
    for p in range(a.shape[0]):
        for c in range(1 if p == 0 else 0, a.shape[2]):
            total += a[p, i, c] * b[p, j, c]
    return total


row_to_panels = select_path(_typed_row_to_panels, _plain_row_to_panels, _plain_row_to_panels)
panels_to_row = select_path(_typed_panels_to_row, _plain_panels_to_row, _plain_panels_to_row)
panel_dot = select_path(_typed_dot, _plain_dot, _plain_dot)
add_to_panels, add_to_rows = _adder(True), _adder(False)

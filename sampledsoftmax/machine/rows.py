"""Single rows of panels: their dot product, and adding one times a number to another.

A row of a table has a width of its own, so a loop over it begins with tests and ends with the numbers that fill no
vector; for 100 numbers that takes longer than the numbers do. A row of panels is whole vectors.
"""

from typing import Any

from llvmlite import ir
from numba.core import types

from sampledsoftmax.machine.tile import VECTORS, Array, Tile, choose
from sampledsoftmax.machine.vectors import VECTOR_BYTES

__all__ = ["add_to_panels", "add_to_rows", "panel_dot"]


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
        for v, slot in enumerate(tile.sums[0]):
            left, right = (tile.load(tile.vector, address, v * VECTOR_BYTES) for address in at)
            product = builder.fmul(left, right, flags=("contract",))
            builder.store(builder.fadd(builder.load(slot), product, flags=("contract",)), slot)

    tile.loop(zero, _num_panels(builder, signature.args[0], a, context), 1, body)
    first, second = (builder.load(slot) for slot in tile.sums[0])
    return _sum_of_lanes(builder, builder.fadd(first, second), a_at.lanes)


def _sum_of_lanes(builder, vector, lanes):
    """Add the upper half of the lanes to the lower one until one is left."""
    index = ir.IntType(32)
    while lanes > 1:
        lanes //= 2
        halves = [
            builder.shuffle_vector(
                vector, vector, ir.Constant(ir.VectorType(index, lanes), list(range(first, first + lanes)))
            )
            for first in (0, lanes)
        ]
        vector = builder.fadd(*halves)
    return builder.extract_element(vector, ir.Constant(index, 0))


def _adder(panels_first: bool) -> Any:
    """Return add(out, i, factor, b, j); `out` is panels, or rows of panels."""

    def typed(context, out, i, factor, b, j):
        del context, i, j
        return types.void(out, types.intp, out.dtype, b, types.intp), emit

    def emit(context, builder, signature, arguments):
        out, i, factor, b, j = arguments
        out_at = Array(context, builder, signature.args[0], out)
        b_at = Array(context, builder, signature.args[3], b)
        tile = Tile(builder, out_at, 0)
        factors = tile.in_all_lanes(factor)

        def body(p):
            target = out_at.address(p, i) if panels_first else out_at.address(i, p)
            source = b_at.address(p, j)
            for v in range(VECTORS):
                product = builder.fmul(tile.load(tile.vector, source, v * VECTOR_BYTES), factors, flags=("contract",))
                pointer = tile.pointer(tile.vector, target, v * VECTOR_BYTES)
                total = builder.fadd(builder.load(pointer, align=out_at.itemsize), product, flags=("contract",))
                builder.store(total, pointer, align=out_at.itemsize)

        tile.loop(out_at.constant(0), _num_panels(builder, signature.args[3], b, context), 1, body)
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

    return choose(typed, plain, in_numpy)


def _num_panels(builder, array_type, array, context):
    struct = context.make_array(array_type)(context, builder, value=array)
    return builder.extract_value(struct.shape, 0)


def _plain_dot(a, i, b, j):
    """Return the sum over panels p and columns c of a[p, i, c] * b[p, j, c]."""
    total = a[0, i, 0] * b[0, j, 0]
    for p in range(a.shape[0]):
        for c in range(1 if p == 0 else 0, a.shape[2]):
            total += a[p, i, c] * b[p, j, c]
    return total


panel_dot = choose(_typed_dot, _plain_dot, _plain_dot)
add_to_panels, add_to_rows = _adder(True), _adder(False)

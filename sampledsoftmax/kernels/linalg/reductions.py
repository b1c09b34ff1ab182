"""The sum and the largest of as many numbers as a panel is wide.

One after the other, each addition or comparison would wait for the one before. Here halves are put together until one
number is left.
"""

from typing import Any

from llvmlite import ir
from numba import types

from sampledsoftmax.jit.simd_width import VECTOR_BYTES
from sampledsoftmax.kernels.linalg.microkernels import VECTORS, Array, Tile, choose

__all__ = ["fold", "largest_of_lanes", "sum_of_lanes"]


def fold(builder: Any, vector: Any, lanes: int, put_together: Any) -> Any:
    """Return one number: put_together(lower half, upper half) of the lanes until one is left."""
    index = ir.IntType(32)
    while lanes > 1:
        lanes //= 2
        halves = [
            builder.shuffle_vector(
                vector, vector, ir.Constant(ir.VectorType(index, lanes), list(range(first, first + lanes)))
            )
            for first in (0, lanes)
        ]
        vector = put_together(*halves)
    return builder.extract_element(vector, ir.Constant(index, 0))


def _folded(operation: Any) -> Any:
    """Return typed(context, values, first) for put_together = operation(builder)."""

    def emit(context, builder, signature, arguments):
        values, first = arguments
        array = Array(context, builder, signature.args[0], values)
        tile = Tile(builder, array, 0)
        at = builder.add(array.base, builder.mul(first, array.constant(array.itemsize)))
        put_together = operation(builder)
        vectors = [tile.load(tile.vector, at, v * VECTOR_BYTES) for v in range(VECTORS)]
        return fold(builder, put_together(*vectors), array.lanes, put_together)

    def typed(context, values, first):
        del context, first
        return values.dtype(values, types.intp), emit

    return typed


def _larger(builder):
    return lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _plain_sum(values, first):
    """Return the sum of the numbers of a panel's row from values[first] on."""
    total = values[first]
    for i in range(first + 1, first + VECTORS * VECTOR_BYTES // values.itemsize):
        total += values[i]
    return total


def _plain_largest(values, first):
    """Return the largest number of a panel's row from values[first] on; where one is NaN, any number."""
    largest = values[first]
    for i in range(first + 1, first + VECTORS * VECTOR_BYTES // values.itemsize):
        largest = values[i] if values[i] > largest else largest
    return largest


sum_of_lanes = choose(_folded(lambda builder: builder.fadd), _plain_sum, _plain_sum)
largest_of_lanes = choose(_folded(_larger), _plain_largest, _plain_largest)

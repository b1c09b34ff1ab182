"""Reductions: horizontal sum and maximum of a row of a panel, by halving, and maxima over panels, lane by lane."""

import math
from typing import Any

from llvmlite import ir
from numba import types

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.simd_width import VECTOR_BYTES
from sampledsoftmax.kernels.linalg.llvm_tile import NR_VECTORS, Array, Tile, select_path

__all__ = ["fold", "lane_max", "largest_of_lanes", "sum_of_lanes"]


def fold(builder: Any, vector: Any, lanes: int, combine: Any) -> Any:
    """Reduce a vector to a scalar: combine the lower and the upper half of its lanes until one lane is left."""
    index = ir.IntType(32)
    while lanes > 1:
        lanes //= 2
        halves = [
            builder.shuffle_vector(
                vector, vector, ir.Constant(ir.VectorType(index, lanes), list(range(first, first + lanes)))
            )
            for first in (0, lanes)
        ]
        vector = combine(*halves)
    return builder.extract_element(vector, ir.Constant(index, 0))


def _folded(operation: Any) -> Any:
    """Return the typed function of a reduction whose combine function is operation(builder)."""

    def emit(context, builder, signature, arguments):
        values, first = arguments
        array = Array(context, builder, signature.args[0], values)
        tile = Tile(builder, array, 0)
        at = builder.add(array.base, builder.mul(first, array.constant(array.itemsize)))
        combine = operation(builder)
        vectors = [tile.load(tile.vector, at, v * VECTOR_BYTES) for v in range(NR_VECTORS)]
        return fold(builder, combine(*vectors), array.lanes, combine)

    def typed(context, values, first):
        del context, first
        return values.dtype(values, types.intp), emit

    return typed


def _larger(builder):
    return lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _plain_sum(values, first):
    """Return the sum of the row of a panel that starts at values[first]."""
    total = values[first]
    for i in range(first + 1, first + NR_VECTORS * VECTOR_BYTES // values.itemsize):
        total += values[i]
    return total


def _plain_largest(values, first):
    """Return the maximum of the row of a panel that starts at values[first]; unspecified if an entry is NaN."""
    largest = values[first]
    for i in range(first + 1, first + NR_VECTORS * VECTOR_BYTES // values.itemsize):
        largest = values[i] if values[i] > largest else largest
    return largest


sum_of_lanes = select_path(_folded(lambda builder: builder.fadd), _plain_sum, _plain_sum)
largest_of_lanes = select_path(_folded(_larger), _plain_largest, _plain_largest)


@jit
def lane_max(panels, first, size, num_panels, maxima):
    """Write the maxima over panels [num_panels, rows * width] of lanes first .. first + size; unspecified with NaN.

    Two panels per iteration: LLVM does not vectorize a loop over a single panel.
    """
    for i in range(size):
        maxima[i] = -math.inf
    for p in range(0, num_panels, 2):
        entries = panels[p, first : first + size]
        others = panels[min(p + 1, num_panels - 1), first : first + size]
        for i in range(size):
            largest = maxima[i]
            largest = largest if largest > entries[i] else entries[i]
            largest = largest if largest > others[i] else others[i]
            maxima[i] = largest

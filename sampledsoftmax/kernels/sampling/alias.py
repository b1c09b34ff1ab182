"""Draws from any fixed distribution in constant time, by an alias table.

Walker, "An efficient method for generating discrete random variables with general distributions", ACM
TOMS 3, 1977; built in O(V) as in Vose, "A linear algorithm for generating random numbers with a given
distribution", IEEE TSE 17, 1991. A draw picks one of V equally likely columns, i, and returns i with
probability keep[i], else alias[i]. Columns are paired in the order of TensorFlow's DistributionSampler,
which decides the alias of each: tensorflow/core/lib/random/distribution_sampler.cc.
"""

import math

import numpy as np

from sampledsoftmax.jit.decorators import jit, jit_with_memory
from sampledsoftmax.kernels.sampling.philox import LARGEST_32, least_fair, next_fair_pairs

_ALIAS_BITS = 32  # an id fits: columns are drawn with 32-bit words
_ALIAS = (1 << _ALIAS_BITS) - 1
_LOW_23 = np.uint64((1 << 23) - 1)
_SHIFT_32 = np.uint64(32)
_HEIGHTS = 2.0**23


@jit
def distort(weights, distortion):
    """Raise float32 `weights` to the power `distortion`, in place, with the C library's powf."""
    for i in range(weights.size):
        weights[i] = weights[i] ** distortion


@jit_with_memory
def build_alias_table(weights, keep, alias):
    """Fill float32 keep[V] and int64 alias[V] for float32 weights[V]."""
    share = np.empty(weights.size, np.float64)
    _column_heights(weights, share)
    stack = np.empty(weights.size, np.int64)
    num_low, first_high = _split(share, stack)
    for i in range(alias.size):
        alias[i] = i
    while num_low > 0 and first_high < stack.size:
        low, high = stack[num_low - 1], stack[first_high]
        alias[low] = high
        share[high] -= 1.0 - share[low]
        if share[high] < 1.0:
            stack[num_low - 1] = high
            first_high += 1
        else:
            num_low -= 1
    _keep_the_rest(stack, num_low, first_high, share)
    for i in range(keep.size):
        keep[i] = share[i]


@jit
def _column_heights(weights, share):
    """Set share[i] = V * weights[i] / total: the product in float32, the rest in float64."""
    total = 0.0
    for i in range(weights.size):
        total += weights[i]
    num_columns = np.float32(weights.size)
    for i in range(weights.size):
        share[i] = np.float64(np.float32(weights[i] * num_columns)) / total


@jit
def _split(share, stack):
    """Stack the columns below 1 from the left, the others from the right, the last id on top."""
    num_low, first_high = 0, stack.size
    for i in range(share.size):
        if share[i] < 1.0:
            stack[num_low] = i
            num_low += 1
        else:
            first_high -= 1
            stack[first_high] = i
    return num_low, first_high


@jit
def _keep_the_rest(stack, num_low, first_high, share):
    """Set the share of columns that rounding left unpaired to 1."""
    for i in range(num_low):
        share[stack[i]] = 1.0
    for i in range(first_high, stack.size):
        share[stack[i]] = 1.0


@jit
def pack_alias_table(keep, alias, table):
    """Fill int64 table[V], so that a draw reads one entry: alias[i] in the low half, above it ceil(keep[i] * 2**23).

    A draw of 23 bits is below keep[i] * 2**23 exactly if it is below that number rounded up.
    """
    for i in range(keep.size):
        table[i] = (np.int64(math.ceil(keep[i] * _HEIGHTS)) << _ALIAS_BITS) | alias[i]


@jit
def draw_alias(cursor, table, out):
    """Fill `out` with the next draws: a height of 23 bits, then an unbiased word modulo V, the column."""
    draws = out.view(np.uint64)
    num_columns = np.uint64(table.size)
    next_fair_pairs(cursor, least_fair(LARGEST_32, num_columns), draws)
    for i in range(out.size):
        height, column = np.int64(draws[i] & _LOW_23), np.int64((draws[i] >> _SHIFT_32) % num_columns)
        entry = table[column]
        out[i] = column if height < entry >> _ALIAS_BITS else entry & _ALIAS

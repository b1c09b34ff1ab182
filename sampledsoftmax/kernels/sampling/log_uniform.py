"""The log-uniform (Zipfian) distribution over [0, range_max): draws and probabilities."""

import math

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg import expm1_log1p
from sampledsoftmax.kernels.linalg.expm1_log1p import RELATIVE_ERROR
from sampledsoftmax.kernels.sampling.philox import mantissa, next_pairs, unit_double

_TO_WHOLE = 1.5 * 2.0**52  # adding it leaves the nearest whole number in the low bits
_TO_WHOLE_BITS = np.float64(_TO_WHOLE).view(np.int64)


@jit
def draw_log_uniform(cursor, range_max, out):
    """Fill `out` with the next draws: int(exp(u * log(1 + range_max))) - 1, modulo range_max.

    The modulo matters only where rounding takes the exponential up to range_max + 1. A draw closer to a whole number
    than the error of the fast exponential is first left as the complement of its bits, then computed with the
    exponential of the C library.
    """
    pairs = out.view(np.uint64)
    next_pairs(cursor, pairs)
    log_range = math.log1p(range_max)
    num_unsure = 0
    for i in range(out.size):
        bits = mantissa(pairs[i])
        y = expm1_log1p.expm1(unit_double(bits) * log_range) + 1.0
        shifted = y + _TO_WHOLE
        away = y - (shifted - _TO_WHOLE)
        k = np.float64(shifted).view(np.int64) - _TO_WHOLE_BITS - (2 if away < 0.0 else 1)
        unsure = abs(away) <= y * RELATIVE_ERROR
        num_unsure += unsure
        out[i] = ~np.int64(bits) if unsure else k if k < range_max else k - range_max
    for i in range(out.size if num_unsure > 0 else 0):
        if out[i] < 0:
            u = unit_double(np.uint64(~out[i]))
            out[i] = (np.int64(math.exp(u * log_range)) - 1) % range_max


@jit
def log_uniform_probabilities(range_max, ids, out):
    """Set float32 out[i] = log((k + 2) / (k + 1)) / log(1 + range_max), where k = ids[i]."""
    log_range = math.log1p(range_max)
    num_unsure = 0
    for i in range(ids.size):
        p = expm1_log1p.log1p((ids[i] + 2.0) / (ids[i] + 1.0) - 1.0) / log_range
        out[i] = p - p * RELATIVE_ERROR
        num_unsure += out[i] != np.float32(p + p * RELATIVE_ERROR)
    for i in range(ids.size if num_unsure > 0 else 0):
        out[i] = math.log((ids[i] + 2.0) / (ids[i] + 1.0)) / log_range

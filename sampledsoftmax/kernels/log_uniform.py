"""Draws of the log-uniform (Zipfian) distribution over [0, range_max)."""

import math

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.philox import next_double


@jit
def draw_log_uniform(cursor, range_max, out):
    """Fill `out` with the next draws: int(exp(u * log(1 + range_max))) - 1, modulo range_max.

    The modulo matters only where rounding takes the exponential up to range_max + 1.
    """
    log_range = math.log1p(range_max)
    for i in range(out.size):
        out[i] = (int(math.exp(next_double(cursor) * log_range)) - 1) % range_max

"""Draws of the uniform distribution over [0, range_max)."""

import numpy as np

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.philox import next_below


@jit
def draw_uniform(cursor, range_max, out):
    """Fill `out` with the next draws."""
    n = np.uint64(range_max)
    for i in range(out.size):
        out[i] = next_below(cursor, n)

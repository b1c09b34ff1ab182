"""Draws of the uniform distribution over [0, range_max)."""

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sampling.philox import LARGEST_64, least_fair, next_pairs


@jit
def draw_uniform(cursor, range_max, out):
    """Fill `out` with the next draws: pairs of words modulo range_max, without those that are not fair."""
    n = np.uint64(range_max)
    least = least_fair(LARGEST_64, n)
    filled = 0
    while filled < out.size:
        pairs = out[filled:].view(np.uint64)
        next_pairs(cursor, pairs)
        for pair in pairs:
            if pair >= least:
                out[filled] = np.int64(pair % n)
                filled += 1

"""Sampling without replacement: the draws that have not been seen before."""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.hash_table import probe


@jit
def keep_new(draws, keys, out, filled):
    """Append to out[filled:] the draws that are not in the hash table `keys`, until `out` is full.

    `draws` may be out[filled:] itself. Returns the new number of entries of `out`, and the number of draws read.
    """
    size = keys.size
    tries = 0
    for value in draws:
        i, held = probe(keys, size, value)
        keys[i] = value
        out[filled] = value  # unconditionally: the next draw overwrites one that is not new
        filled += held < 0
        tries += 1
        if filled == out.size:
            break
    return filled, tries

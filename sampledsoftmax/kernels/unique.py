"""The set of ids already drawn, by open addressing: constant time an id, memory for the sample only."""

import numpy as np

from sampledsoftmax.kernels.jit import jit

_LOW_32 = np.uint64(0xFFFFFFFF)
_SHIFT_32 = np.uint64(32)
_SHIFT_16 = np.uint64(16)
_FIBONACCI = np.uint64(0x9E3779B1)  # 2**32 / golden ratio, odd: Knuth, TAOCP vol. 3, section 6.4


def empty_slots(num_sampled: int) -> np.ndarray:
    """Return a table for `num_sampled` ids that is never more than half full; -1 is an empty slot."""
    return np.full(1 << (2 * num_sampled - 1).bit_length(), -1, dtype=np.int64)


@jit
def _insert(slots, value):
    """Put `value` into the set; return whether it is new."""
    bits = np.uint64(value)
    mixed = (bits & _LOW_32) * _FIBONACCI + (bits >> _SHIFT_32)
    i = np.int64((mixed >> _SHIFT_16) & np.uint64(slots.size - 1))
    while slots[i] != -1:
        if slots[i] == value:
            return False
        i = (i + 1) & (slots.size - 1)
    slots[i] = value
    return True


@jit
def keep_new(draws, slots, out, filled):
    """Append to out[filled:] the draws not seen before, until it is full.

    Returns the new fill and how many draws were looked at.
    """
    tries = 0
    while tries < draws.size and filled < out.size:
        if _insert(slots, draws[tries]):
            out[filled] = draws[tries]
            filled += 1
        tries += 1
    return filled, tries

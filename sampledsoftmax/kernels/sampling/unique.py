"""The set of ids already drawn, by open addressing: constant time an id, memory for the sample only."""

import numpy as np

from sampledsoftmax.jit.decorators import jit

_LOW_32 = np.uint64(0xFFFFFFFF)
_SHIFT_32 = np.uint64(32)
_ONE = np.uint64(1)
_SHIFT_16 = np.uint64(16)
_FIBONACCI = np.uint64(0x9E3779B1)  # 2**32 / golden ratio, odd: Knuth, TAOCP vol. 3, section 6.4


def num_slots(num_sampled: int) -> int:
    """Return the size of a table for `num_sampled` ids: a power of two, so that at most a quarter of it is taken."""
    return 1 << (4 * num_sampled - 1).bit_length()


def empty_slots(num_sampled: int) -> np.ndarray:
    """Return a table for `num_sampled` ids; -1 is an empty slot."""
    return np.full(num_slots(num_sampled), -1, dtype=np.int64)


@jit
def keep_new(draws, slots, out, filled):
    """Append to out[filled:] the draws not seen before, until it is full.

    `draws` may be out[filled:] itself. Returns the new fill and how many draws were looked at.
    """
    last = np.uint64(slots.size - 1)
    tries = 0
    for value in draws:
        bits = np.uint64(value)
        i = (((bits & _LOW_32) * _FIBONACCI + (bits >> _SHIFT_32)) >> _SHIFT_16) & last
        held = slots[i]
        # No branch on whether the slot is empty or holds the same id, which cannot be foreseen: both end the loop
        # by one comparison, and a draw that is not new is written over by the next one.
        while (~held & -(held ^ value)) < 0:  # held >= 0 and held != value
            i = (i + _ONE) & last
            held = slots[i]
        slots[i] = value
        out[filled] = value
        filled += held < 0
        tries += 1
        if filled == out.size:
            break
    return filled, tries

"""A hash table of ids: open addressing with linear probing, in an int64 array; -1 marks an empty bucket.

The number of buckets is a power of two. Results do not depend on the hash, only the time does.
"""

import numpy as np

from sampledsoftmax.jit.decorators import jit

EMPTY = -1
_LOW_32 = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_SHIFT_32 = np.uint64(32)
_SHIFT_16 = np.uint64(16)
_FIBONACCI = np.uint64(0x9E3779B1)  # 2**32 / golden ratio, odd: Knuth, TAOCP vol. 3, section 6.4


def num_buckets(num_ids: int) -> int:
    """Return the size of a sparse table for `num_ids` ids: a power of two, at most a quarter of it in use."""
    return 1 << (4 * num_ids - 1).bit_length()


def empty_table(num_ids: int) -> np.ndarray:
    """Return a sparse table for `num_ids` ids, int64 [num_buckets(num_ids)]."""
    return np.full(num_buckets(num_ids), EMPTY, dtype=np.int64)


@jit
def clear(keys, num_ids):
    """Empty as many buckets as `num_ids` ids need; return that number: a power of two, at most half of it in use."""
    size = 4
    while size < 2 * num_ids:
        size *= 2
    for i in range(size):
        keys[i] = EMPTY
    return size


@jit
def probe(keys, size, wanted):
    """Return the bucket of an id, 0 or more, among the first `size` buckets, and the content of that bucket.

    The content is the id, or -1 where the id is not in the table: then this is the bucket to put it in.
    """
    bits, last = np.uint64(wanted), np.uint64(size - 1)
    i = (((bits & _LOW_32) * _FIBONACCI + (bits >> _SHIFT_32)) >> _SHIFT_16) & last
    held = keys[i]
    # One comparison for "not empty and not the id": which of the two ends the loop is unpredictable for a branch.
    while (~held & -(held ^ wanted)) < 0:
        i = (i + _ONE) & last
        held = keys[i]
    return i, held  # unsigned: a signed index is compared with 0 first

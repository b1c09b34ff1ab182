"""Ids of any size to small numbers: a hash table that numbers the distinct ids of a corpus, and counts them.

The table is open addressing. A bucket holds an id and 1 + its number, side by side, so that a look-up reads one cache
line; 0 in the place of the number marks an empty bucket, so any 64 bits are an id. Results do not depend on the hash,
only the time does.
"""

import numpy as np

from sampledsoftmax.jit.decorators import jit

_FIBONACCI = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: Knuth, TAOCP vol. 3, section 6.4
_HALF = np.uint64(32)
_ONE = np.uint64(1)


@jit
def number_ids(ids, first, buckets, known, counts, num_known, numbers):
    """Write the numbers of the ids from `first` on; an id that is not in the table gets the next number.

    Stops before a new id if the table is full.

    Parameters
    ----------
    ids : uint64 [num_tokens]
    first : int
    buckets : uint64 [a power of two, at least 2 * max_ids; 2]
        Modified, as are the next two: `known` uint64 [max_ids], the id of each number; `counts` int64 [max_ids].
    num_known : int
        Ids in the table.
    numbers : int32 [num_tokens]

    Returns
    -------
    next_token, num_known : int
    """
    for token in range(first, ids.size):
        wanted = ids[token]
        bucket = _bucket_of(wanted, buckets)
        number = np.int64(buckets[bucket, 1]) - 1
        if number < 0:
            if num_known == known.size:
                return token, num_known
            number = num_known
            buckets[bucket, 0] = wanted
            buckets[bucket, 1] = np.uint64(number + 1)
            known[number] = wanted
            num_known += 1
        counts[number] += 1
        numbers[token] = number
    return ids.size, num_known


@jit
def fill_id_buckets(known, num_known, buckets):
    """Insert distinct ids into empty buckets."""
    for number in range(num_known):
        bucket = _bucket_of(known[number], buckets)
        buckets[bucket, 0] = known[number]
        buckets[bucket, 1] = np.uint64(number + 1)


@jit
def _bucket_of(wanted, buckets):
    """Return the bucket of an id, or the empty one to put it in."""
    mask = np.uint64(len(buckets) - 1)
    # A product carries upwards only: its low bits do not depend on the high bits of its factors, so those are folded in
    # before and after.
    mixed = (wanted ^ (wanted >> _HALF)) * _FIBONACCI
    bucket = (mixed ^ (mixed >> _HALF)) & mask
    while buckets[bucket, 1] != 0 and buckets[bucket, 0] != wanted:
        bucket = (bucket + _ONE) & mask
    return bucket

"""A tree of prefix sums: draws by counts, and additions to counts, in O(log V).

Counts are in groups of 16, one cache line. A group holds running sums: entry j is the sum of its first j + 1
counts. The sums of whole groups are the counts of the next level, in groups of 16 again, up to a level of one
group. A search reads one cache line per level, and adding to a count writes one.

A tree is one int32 array, the level of the ids first; groups are padded with counts of 0. For V ids, level l has
((V - 1) >> 4 (l + 1)) + 1 groups.
"""

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.sampling.philox import LARGEST_32, least_fair, next_fair_words

GROUP = 16
_BITS = 4
_HALF = np.uint64(32)
_ZERO, _ONE, _GROUP = np.uint64(0), np.uint64(1), np.uint64(GROUP)
_STEPS = (np.uint64(8), np.uint64(4), np.uint64(2), np.uint64(1))
MAX_TOTAL = 2**31 - 1  # TensorFlow's total is an int32


def tree_size(num_ids: int) -> int:
    """Return the number of entries of a tree."""
    size = 0
    while True:
        num_ids = ceil_div(num_ids, GROUP)
        size += GROUP * num_ids
        if num_ids == 1:
            return size


@jit
def build_tree(counts, tree):
    """Fill int32 tree[tree_size(V)] for int64 counts[V]."""
    tree[:] = 0
    for i in range(counts.size):
        tree[i] = counts[i]
    first, size = 0, counts.size
    while first < tree.size:
        size = (size - 1) // GROUP + 1
        above = first + GROUP * size
        for group in range(size):
            start = first + GROUP * group
            for i in range(start + 1, start + GROUP):
                tree[i] += tree[i - 1]
            if above < tree.size:
                tree[above + group] = tree[start + GROUP - 1]
        first = above


@jit
def add_to_counts(tree, num_ids, ids):
    """Add 1 to the count of each id of an array of any shape, until the total is MAX_TOTAL."""
    for i in ids.flat:
        if tree[-1] == MAX_TOTAL:
            break
        first, size, entry = 0, num_ids, i
        while first < tree.size:
            group, place = np.uint64(first + entry // GROUP * GROUP), entry % GROUP
            for j in range(GROUP):  # all 16 entries, so that it vectorizes
                tree[group + np.uint64(j)] += np.int32(j >= place)
            entry //= GROUP
            size = (size - 1) // GROUP + 1
            first += GROUP * size


@jit
def draw_counts(cursor, tree, num_ids, out):
    """Fill `out` with the next draws: for t in [0, total), the first id whose cumulative count exceeds t.

    All draws descend one level before the next, so that their memory reads overlap.
    """
    draws, total = out.view(np.uint64), np.uint64(tree[-1])
    next_fair_words(cursor, least_fair(LARGEST_32, total), draws)
    for i in range(draws.size):
        draws[i] %= total
    level = 0
    while (num_ids - 1) >> (_BITS * (level + 1)) > 0:
        level += 1
    first = tree.size - GROUP
    while first >= 0:
        _descend(tree, np.uint64(first), draws)
        first -= GROUP * (((num_ids - 1) >> (_BITS * level)) + 1)
        level -= 1
    for i in range(draws.size):
        draws[i] >>= _HALF


@jit
def _descend(tree, first, draws):
    """Take each draw one level down, to the level that begins at `first`.

    A draw holds its group in the high half and the rest of t in the low half. Indices are unsigned, so that Numba
    omits the check for indices from the end.
    """
    for i in range(draws.size):
        group, left = first + _GROUP * (draws[i] >> _HALF), np.int64(draws[i] & LARGEST_32)
        passed = _ZERO  # number of running sums that are not above t
        for step in _STEPS:
            passed += step * np.uint64(tree[group + passed + step - _ONE] <= left)
        any_passed = passed > _ZERO
        left -= np.int64(any_passed) * tree[group + passed - np.uint64(any_passed)]  # a branch would be mispredicted
        draws[i] = (_GROUP * (draws[i] >> _HALF) + passed) << _HALF | np.uint64(left)

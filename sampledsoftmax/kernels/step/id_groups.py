"""Groups of equal ids: which group an id belongs to, and a linked list of the occurrences of each group.

A hash table maps an id to its group: keys[bucket] is the id, values[bucket] the group.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.hash_table import EMPTY, probe


@jit
def insert_candidates(candidates, keys, values, size, previous_copy):
    """Insert candidate s with the value s; of equal ones the last one stays.

    previous_copy[s] is the copy of the same id before s, or -1.
    """
    for s in range(candidates.size):
        i, held = probe(keys, size, candidates[s])
        previous_copy[s] = -1 if held == EMPTY else values[i]
        keys[i] = candidates[s]
        values[i] = s


@jit
def look_up_groups(ids, keys, values, size, group_of):
    """Write the group of each id, -1 where the id is not in the table."""
    for i in range(ids.size):
        bucket, held = probe(keys, size, ids[i])
        group_of[i] = -1 if held == EMPTY else values[bucket]


@jit
def group_equal_ids(ids, keys, values, size, num_groups, group_of, groups):
    """Write the group of each id and link the occurrences of equal ids in increasing order.

    The first `num_groups` groups are in the table already; further ids get new ones. Group u has the id groups.ids[u]
    and the occurrences groups.head[u], groups.next[groups.head[u]], ... until -1. Returns the number of groups.
    """
    id_of, head, next_of, tail = groups.ids, groups.head, groups.next, groups.tail
    for u in range(num_groups):
        head[u] = -1
    for i in range(ids.size):
        bucket, held = probe(keys, size, ids[i])
        if held == EMPTY:
            keys[bucket] = ids[i]
            values[bucket] = num_groups
            id_of[num_groups] = ids[i]
            head[num_groups] = -1
            num_groups += 1
        u = values[bucket]
        group_of[i] = u
        next_of[i] = -1
        if head[u] == -1:
            head[u] = i
        else:
            next_of[tail[u]] = i
        tail[u] = i
    return num_groups

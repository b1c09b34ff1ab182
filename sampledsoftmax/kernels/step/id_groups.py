"""Ids and the places where they come: which slot an id has, and the chain of its places.

A hash table of open addressing maps an id to its slot. keys [n] holds ids, -1 where empty, slots [n] their slots;
n is a power of two.
"""

import numpy as np

from sampledsoftmax.jit.decorators import jit

_LOW_32 = np.uint64(0xFFFFFFFF)
_SHIFT_32 = np.uint64(32)
_SHIFT_15 = np.uint64(15)
_FIBONACCI = np.uint64(0x9E3779B1)  # 2**32 / golden ratio, odd: Knuth, TAOCP vol. 3, section 6.4


@jit
def clear_table(keys, num_ids):
    """Empty as much of the table as `num_ids` ids need; return its size: a power of two above twice as many."""
    size = 4
    while size < 2 * num_ids:
        size *= 2
    for i in range(size):
        keys[i] = -1
    return size


@jit
def probe(keys, size, wanted):
    """Return the place of an id in the table, or the empty place where it belongs."""
    bits = np.uint64(wanted)
    mixed = (bits & _LOW_32) * _FIBONACCI + (bits >> _SHIFT_32)
    i = np.int64((mixed >> _SHIFT_15) & np.uint64(size - 1))
    while keys[i] != -1 and keys[i] != wanted:
        i = (i + 1) & (size - 1)
    return i


@jit
def insert_candidates(candidates, keys, slots, size, earlier):
    """Enter candidate s under slot s; of equal ones the last, and earlier[s] is the copy before s, or -1."""
    for s in range(candidates.size):
        i = probe(keys, size, candidates[s])
        earlier[s] = -1 if keys[i] == -1 else slots[i]
        keys[i] = candidates[s]
        slots[i] = s


@jit
def look_up_groups(ids, keys, slots, size, slot_of):
    """Write the slot of each id to `slot_of`, -1 where it is not in the table."""
    for i in range(ids.size):
        at = probe(keys, size, ids[i])
        slot_of[i] = -1 if keys[at] == -1 else slots[at]


@jit
def group_equal_ids(ids, keys, slots, size, num_slots, slot_of, groups):
    """Give each id a slot, new ones from `num_slots` on, and chain the places of equal ids in their order.

    Group u has the id groups.ids[u] and the places groups.head[u], groups.next[that], ... until -1. The slots
    below `num_slots` are in the table already. Returns the number of slots.
    """
    entries, first, following, last = groups.ids, groups.head, groups.next, groups.tail
    for u in range(num_slots):
        first[u] = -1
    for i in range(ids.size):
        at = probe(keys, size, ids[i])
        if keys[at] == -1:
            keys[at] = ids[i]
            slots[at] = num_slots
            entries[num_slots] = ids[i]
            first[num_slots] = -1
            num_slots += 1
        u = slots[at]
        slot_of[i] = u
        following[i] = -1
        if first[u] == -1:
            first[u] = i
        else:
            following[last[u]] = i
        last[u] = i
    return num_slots

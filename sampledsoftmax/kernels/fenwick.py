"""Counts that are drawn from and added to in O(log V): a Fenwick tree.

Fenwick, "A new data structure for cumulative frequency tables", Software: Practice and Experience 24,
1994. Node i of tree[1:] holds the sum of the counts of the i & -i ids that end at id i - 1; tree[0],
which the tree itself does not use, holds the total.
"""

import numpy as np

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.philox import next_below_32


@jit
def build_tree(counts, tree):
    """Fill int64 tree[V + 1] for int64 counts[V]."""
    tree[0] = 0
    tree[1:] = counts
    for i in range(1, tree.size):
        tree[0] += counts[i - 1]
        parent = i + (i & -i)
        if parent < tree.size:
            tree[parent] += tree[i]


@jit
def add_to_counts(counts, tree, ids, largest_total):
    """Add 1 to the count of each id, as far as the total stays within `largest_total`."""
    for i in range(min(ids.size, largest_total - tree[0])):
        counts[ids[i]] += 1
        tree[0] += 1
        node = ids[i] + 1
        while node < tree.size:
            tree[node] += 1
            node += node & -node


@jit
def draw_counts(cursor, tree, out):
    """Fill `out` with the next draws: of t in [0, total), the first id whose cumulative count exceeds t."""
    total = np.uint64(tree[0])
    top = 1
    while 2 * top < tree.size:
        top *= 2
    for i in range(out.size):
        rest = np.int64(next_below_32(cursor, total))
        node, step = 0, top
        while step > 0:
            if node + step < tree.size and tree[node + step] <= rest:
                node += step
                rest -= tree[node]
            step //= 2
        out[i] = node

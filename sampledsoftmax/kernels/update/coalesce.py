"""Rows of a table: gather them, add their gradients up."""

from sampledsoftmax.jit.decorators import jit


@jit
def gather_rows(table, ids, out):
    """Copy row ids[i] of `table` [num_classes, dim] to out[i]."""
    for i in range(ids.size):
        row = ids[i]
        for d in range(table.shape[1]):
            out[i, d] = table[row, d]


@jit
def sum_duplicate_rows(values, order, starts, sums):
    """Add into sums[u] the rows of `values` that order[starts[u]:starts[u + 1]] names, in that order."""
    for u in range(starts.size):
        end = starts[u + 1] if u + 1 < starts.size else order.size
        for i in range(starts[u], end):
            for d in range(values.shape[1]):
                sums[u, d] += values[order[i], d]

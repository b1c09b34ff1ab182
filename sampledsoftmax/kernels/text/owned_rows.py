"""Which thread updates which row of a table: every row has one owner, however many shards have a gradient of it."""

from typing import Any

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit

# Sixteen adjacent rows have one owner: threads that write to one cache line wait for it.
_OWNED_ROWS_LOG2 = 4


class OwnedRows(ArrayStruct):
    """The gradients of a shard by the owners of their rows, as linked lists that end with -1.

    Attributes
    ----------
    head : int64 [threads]
        Index of the first gradient of each thread.
    next : int64 [gradients]
        Index of the next one of the same thread.
    """

    head: Any
    next: Any


@jit
def list_owned_rows(num_threads, ids, owned):
    """Give the gradients of rows `ids` to the owners of the rows; -1 stands for no row.

    One thread does this for a shard, or each of many threads would search the ids of all shards for its own.
    """
    head, next_of = owned.head, owned.next
    for thread_id in range(num_threads):
        head[thread_id] = -1
    for u in range(ids.size - 1, -1, -1):
        if ids[u] >= 0:
            owner = (ids[u] >> _OWNED_ROWS_LOG2) % num_threads
            next_of[u] = head[owner]
            head[owner] = u

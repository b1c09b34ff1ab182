"""Top k without some classes of each example, such as the items that a user has seen."""

import math
from typing import Any, NamedTuple

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.full.logits import num_chunks_of, pack_block, rows_of, write_logits
from sampledsoftmax.kernels.full.top_k import add_chunk
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, barrier, next_chunk


class Excluded(NamedTuple):
    """The classes that each example leaves out.

    Attributes
    ----------
    classes : int64 [any size]
        Ids, ascending within an example.
    first, last : int64 [batch_size]
        Those of example b are `classes[first[b]:last[b]]`.
    """

    classes: Any
    first: Any
    last: Any


@jit
def run_top_k_unseen(thread_id, num_threads, shared, block, panels, buffers, excluded, best):
    """Insert the classes of a block into the heaps, excluded ones with a logit of -inf."""
    pack_block(thread_id, num_threads, block, panels)
    if not barrier(shared, num_threads):
        return
    splits, num_chunks = best.ids.shape[0], num_chunks_of(block, panels)
    index = next_chunk(shared, CLASS_CHUNKS)
    while index < panels.inputs.shape[0] * splits:
        for chunk in range(index % splits, num_chunks, splits):
            logits, flat_logits = buffers.logits[thread_id], buffers.flat_logits[thread_id]
            num_panels = write_logits(index // splits, chunk, block, panels, logits, flat_logits)
            _exclude(index // splits, chunk, block, panels, excluded, logits)
            add_chunk(index // splits, chunk, num_panels, index % splits, thread_id, block, panels, buffers, best)
        index = next_chunk(shared, CLASS_CHUNKS)
    barrier(shared, num_threads)


@jit
def _exclude(group, chunk, block, panels, excluded, logits):
    """Write -inf over the logits [panels, rows, width] of the excluded classes of a chunk."""
    top, rows, _ = rows_of(group, panels)
    width = logits.shape[2]
    first = chunk * panels.chunk_panels * width
    columns = min(panels.chunk_panels * width, block.weights.shape[0] - first)
    start = block.first + first
    for b in range(rows):
        last = excluded.last[top + b]
        i = _lower_bound(excluded.classes, excluded.first[top + b], last, start)
        while i < last and excluded.classes[i] < start + columns:
            column = excluded.classes[i] - start
            logits[column // width, b, column % width] = -math.inf
            i += 1


@jit
def _lower_bound(values, first, last, least):
    """Return the first index in [first, last) whose value is at least `least`, `last` if there is none."""
    while first < last:
        middle = (first + last) // 2
        if values[middle] < least:
            first = middle + 1
        else:
            last = middle
    return first

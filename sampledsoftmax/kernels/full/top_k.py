"""Top k: the k largest logits of each example, in heaps whose root is the worst entry kept.

Entries are ordered by logit, then by smaller id: no two are equal, so a heap holds the same entries for any order of
insertion.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.full.logits import num_chunks_of, pack_block, rows_of, write_logits, write_row_max
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, barrier, next_chunk

NO_CLASS = np.iinfo(np.int64).max  # with a logit of -inf, worse than any class


class Best(NamedTuple):
    """Heaps, one per example and split: the chunks of a block are dealt out to the splits.

    Attributes
    ----------
    logits, ids : float and int64 [splits, batch_size, k]
    has_nan : bool [splits, batch_size]
        Whether a logit of the example is NaN.
    """

    logits: Any
    ids: Any
    has_nan: Any


@jit
def run_top_k(thread_id, num_threads, shared, block, panels, buffers, best):
    """Insert the classes of a block into the heaps."""
    pack_block(thread_id, num_threads, block, panels)
    if not barrier(shared, num_threads):
        return
    splits, num_chunks = best.ids.shape[0], num_chunks_of(block, panels)
    index = next_chunk(shared, CLASS_CHUNKS)
    while index < panels.inputs.shape[0] * splits:
        for chunk in range(index % splits, num_chunks, splits):
            logits, flat_logits = buffers.logits[thread_id], buffers.flat_logits[thread_id]
            num_panels = write_logits(index // splits, chunk, block, panels, logits, flat_logits)
            add_chunk(index // splits, chunk, num_panels, index % splits, thread_id, block, panels, buffers, best)
        index = next_chunk(shared, CLASS_CHUNKS)
    barrier(shared, num_threads)


@jit
def run_merge(thread_id, num_threads, shared, best):
    """Merge the splits of each example into the first one, and sort it in descending order."""
    for b in range(thread_id, best.ids.shape[1], num_threads):
        logits, ids = best.logits[0, b], best.ids[0, b]
        for split in range(1, best.ids.shape[0]):
            for i in range(ids.size):
                _offer(logits, ids, best.logits[split, b, i], best.ids[split, b, i])
        for last in range(ids.size - 1, 0, -1):
            logit, class_id = logits[last], ids[last]
            logits[last], ids[last] = logits[0], ids[0]
            _replace_root(logits, ids, last, logit, class_id)
    barrier(shared, num_threads)


@jit
def add_chunk(group, chunk, num_panels, split, thread_id, block, panels, buffers, best):
    """Insert the logits of a chunk, in this thread's buffers, into the heaps of a group of examples."""
    logits, flat, row_max, row_sums = (
        buffers.logits[thread_id],
        buffers.flat_logits[thread_id],
        buffers.row_max[thread_id],
        buffers.row_sums[thread_id],
    )
    top, rows, padded = rows_of(group, panels)
    width = logits.shape[2]
    write_row_max(flat, num_panels, padded * width, width, row_max)
    _write_row_sums(flat, num_panels, padded * width, row_sums)
    first = chunk * panels.chunk_panels * width
    columns = min(num_panels * width, block.weights.shape[0] - first)
    for b in range(rows):
        heap, ids = best.logits[split, top + b], best.ids[split, top + b]
        if row_max[b * width] > heap[0] or ids[0] == NO_CLASS:
            _offer_row(logits[:, b], columns, block.first + first, heap, ids)
        if _has_nan(logits[:, b], columns, row_sums[b * width : (b + 1) * width]):
            best.has_nan[split, top + b] = True


@jit
def _write_row_sums(logits, num_panels, size, sums):
    """Write the sums of logits [num_panels, rows * width] lane by lane; a NaN makes its sum NaN."""
    for i in range(size):
        sums[i] = 0
    for p in range(num_panels):
        entries = logits[p, :size]
        for i in range(size):
            sums[i] += entries[i]


@jit
def _has_nan(row, columns, sums):
    """Return whether one of the first `columns` entries of row [panels, width] is NaN, given the sums of its lanes."""
    total = sums[0]
    for c in range(1, sums.size):
        total += sums[c]
    found = False
    if math.isnan(total):  # or infinities of both signs were added
        for i in range(columns):
            found |= math.isnan(row[i // row.shape[1], i % row.shape[1]])
    return found


@jit
def _offer_row(row, columns, first_class, heap, ids):
    """Offer the first `columns` entries of row [panels, width], logits of consecutive classes, to a heap."""
    width = row.shape[1]
    for p in range(ceil_div(columns, width)):
        entries = row[p]
        for c in range(min(width, columns - p * width)):
            if entries[c] >= heap[0]:
                _offer(heap, ids, entries[c], first_class + p * width + c)


@jit
def _offer(heap, ids, logit, class_id):
    if _is_worse(heap[0], ids[0], logit, class_id):
        _replace_root(heap, ids, ids.size, logit, class_id)


@jit
def _replace_root(heap, ids, size, logit, class_id):
    """Replace the root of a heap of `size` entries."""
    parent, child = 0, 1
    while child < size:
        if child + 1 < size and _is_worse(heap[child + 1], ids[child + 1], heap[child], ids[child]):
            child += 1
        if not _is_worse(heap[child], ids[child], logit, class_id):
            break
        heap[parent], ids[parent] = heap[child], ids[child]
        parent, child = child, 2 * child + 1
    heap[parent], ids[parent] = logit, class_id


@jit
def _is_worse(logit, class_id, other, other_id):
    return logit < other or (logit == other and class_id > other_id)

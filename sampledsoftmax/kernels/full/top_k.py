"""The k largest logits of each example, in heaps whose root is the worst entry kept.

A heap of entries that are all different holds the same entries whatever the order in which they came. Entries
differ in their ids, and of equal logits the smaller id is better.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.full.logits import num_pieces_of, pack_block, rows_of, write_logits, write_maxima
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, barrier, next_chunk

NO_CLASS = np.iinfo(np.int64).max  # with a logit of -inf, worse than any class


class Best(NamedTuple):
    """Heaps: one for each example and share of the pieces of a block.

    Attributes
    ----------
    logits, ids : float and int64 [shares, batch_size, k]
    has_nan : bool [shares, batch_size]
        Whether a logit of the example is NaN.
    """

    logits: Any
    ids: Any
    has_nan: Any


@jit
def run_top_k(thread_id, num_threads, shared, block, panels, buffers, best):
    """Put the classes of a block into the heaps."""
    pack_block(thread_id, num_threads, block, panels)
    if not barrier(shared, num_threads):
        return
    shares, num_pieces = best.ids.shape[0], num_pieces_of(block, panels)
    task = next_chunk(shared, CLASS_CHUNKS)
    while task < panels.inputs.shape[0] * shares:
        for piece in range(task % shares, num_pieces, shares):
            logits, flat_logits = buffers.logits[thread_id], buffers.flat_logits[thread_id]
            num_panels = write_logits(task // shares, piece, block, panels, logits, flat_logits)
            _add_piece(task // shares, piece, num_panels, task % shares, thread_id, block, panels, buffers, best)
        task = next_chunk(shared, CLASS_CHUNKS)
    barrier(shared, num_threads)


@jit
def run_join(thread_id, num_threads, shared, best):
    """Join the shares of each example in the first one, and sort it: best first."""
    for b in range(thread_id, best.ids.shape[1], num_threads):
        logits, ids = best.logits[0, b], best.ids[0, b]
        for share in range(1, best.ids.shape[0]):
            for i in range(ids.size):
                _offer(logits, ids, best.logits[share, b, i], best.ids[share, b, i])
        for last in range(ids.size - 1, 0, -1):
            logit, class_id = logits[last], ids[last]
            logits[last], ids[last] = logits[0], ids[0]
            _replace_root(logits, ids, last, logit, class_id)
    barrier(shared, num_threads)


@jit
def _add_piece(group, piece, num_panels, share, thread_id, block, panels, buffers, best):
    logits, flat, maxima, sums = (
        buffers.logits[thread_id],
        buffers.flat_logits[thread_id],
        buffers.maxima[thread_id],
        buffers.sums[thread_id],
    )
    top, rows, padded = rows_of(group, panels)
    width = logits.shape[2]
    write_maxima(flat, num_panels, padded * width, width, maxima)
    _write_sums(flat, num_panels, padded * width, sums)
    first = piece * panels.piece_panels * width
    columns = min(num_panels * width, block.weights.shape[0] - first)
    for b in range(rows):
        heap, ids = best.logits[share, top + b], best.ids[share, top + b]
        if maxima[b * width] > heap[0] or ids[0] == NO_CLASS:
            _offer_row(logits[:, b], columns, block.first + first, heap, ids)
        if _has_nan(logits[:, b], columns, sums[b * width : (b + 1) * width]):
            best.has_nan[share, top + b] = True


@jit
def _write_sums(logits, num_panels, size, sums):
    """Write the sums of logits [num_panels, rows * width] lane by lane: a NaN is in its sum."""
    for i in range(size):
        sums[i] = 0
    for p in range(num_panels):
        entries = logits[p, :size]
        for i in range(size):
            sums[i] += entries[i]


@jit
def _has_nan(row, columns, sums):
    """Return whether one of the first `columns` entries of row [panels, width] is NaN, when lanes add up to `sums`."""
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
    """Offer the first `columns` entries of row [panels, width], which are logits of classes in their order."""
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
    """Put an entry into a heap of `size` in place of its root."""
    place, child = 0, 1
    while child < size:
        if child + 1 < size and _is_worse(heap[child + 1], ids[child + 1], heap[child], ids[child]):
            child += 1
        if not _is_worse(heap[child], ids[child], logit, class_id):
            break
        heap[place], ids[place] = heap[child], ids[child]
        place, child = child, 2 * child + 1
    heap[place], ids[place] = logit, class_id


@jit
def _is_worse(logit, class_id, other, other_id):
    return logit < other or (logit == other and class_id > other_id)

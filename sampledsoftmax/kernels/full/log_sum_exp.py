"""log sum exp over all classes: the largest logit and the sum of exponentials of each piece, then of all of them.

Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018, algorithm 3.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.kernels.full.logits import num_pieces_of, pack_block, rows_of, write_logits, write_maxima
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, barrier, next_chunk


class Normalizer(NamedTuple):
    """What the classes up to now add up to, by example.

    Attributes
    ----------
    labels : int64 [batch_size, num_true]
    true_logits : float [batch_size, num_true]
        Taken out of the pieces.
    largest, sums : float [batch_size] and float64 [batch_size]
        Largest logit, and the sum of exp(logit - largest).
    piece_largest, piece_sums : float [pieces, batch_size] and float64 [pieces, batch_size]
        The same of the pieces of a block.
    """

    labels: Any
    true_logits: Any
    largest: Any
    sums: Any
    piece_largest: Any
    piece_sums: Any


@jit
def run_log_sum_exp(thread_id, num_threads, shared, block, panels, buffers, normalizer):
    """Add a block of classes to the normalizer of every example."""
    pack_block(thread_id, num_threads, block, panels)
    if not barrier(shared, num_threads):
        return
    num_pieces = num_pieces_of(block, panels)
    task = next_chunk(shared, CLASS_CHUNKS)
    while task < panels.inputs.shape[0] * num_pieces:
        group, piece = task // num_pieces, task % num_pieces
        num_panels = write_logits(
            group, piece, block, panels, buffers.logits[thread_id], buffers.flat_logits[thread_id]
        )
        _add_piece(group, piece, num_panels, thread_id, block, panels, buffers, normalizer)
        task = next_chunk(shared, CLASS_CHUNKS)
    if not barrier(shared, num_threads):
        return
    for b in range(thread_id, panels.batch_size, num_threads):
        _add_to_example(b, num_pieces, normalizer)
    barrier(shared, num_threads)


@jit
def _add_piece(group, piece, num_panels, thread_id, block, panels, buffers, normalizer):
    logits, flat, maxima, sums = (
        buffers.logits[thread_id],
        buffers.flat_logits[thread_id],
        buffers.maxima[thread_id],
        buffers.sums[thread_id],
    )
    top, rows, padded = rows_of(group, panels)
    width = logits.shape[2]
    first_class = block.first + piece * panels.piece_panels * width
    _pick_labels(top, rows, first_class, num_panels, logits, normalizer.labels, normalizer.true_logits)
    write_maxima(flat, num_panels, padded * width, width, maxima)
    largest, totals = normalizer.piece_largest[piece], normalizer.piece_sums[piece]
    for b in range(rows):
        largest[top + b] = maxima[b * width]
    _sum_exponentials(flat, num_panels, padded * width, maxima, sums)
    for b in range(rows):
        total = np.float64(0)
        for c in range(width):
            total += sums[b * width + c]
        totals[top + b] = total


@jit
def _pick_labels(top, rows, first_class, num_panels, logits, labels, true_logits):
    width = logits.shape[2]
    for b in range(rows):
        for t in range(labels.shape[1]):
            column = labels[top + b, t] - first_class
            if 0 <= column < num_panels * width:
                true_logits[top + b, t] = logits[column // width, b, column % width]


@jit_fused
def _sum_exponentials(logits, num_panels, size, maxima, sums):
    """Write the sums of exp(logit - largest of the row), lane by lane; where all are -inf, 0."""
    for i in range(size):
        sums[i] = 0
        maxima[i] = 0 if maxima[i] == -math.inf else maxima[i]
    for p in range(num_panels):
        entries = logits[p, :size]
        for i in range(size):
            sums[i] += exp_not_above_0(entries[i] - maxima[i])


@jit
def _add_to_example(b, num_pieces, normalizer):
    """Add the pieces to the sum of an example, in their order."""
    largest, total = normalizer.largest[b], normalizer.sums[b]
    for piece in range(num_pieces):
        of_piece, added = normalizer.piece_largest[piece, b], normalizer.piece_sums[piece, b]
        if of_piece > largest:
            total = total * math.exp(np.float64(largest - of_piece)) + added
            largest = of_piece
        elif of_piece != -math.inf:  # or there is nothing to add
            total += added * math.exp(np.float64(of_piece - largest))
    normalizer.largest[b], normalizer.sums[b] = largest, total

"""Log-sum-exp over all classes: maximum and sum of exponentials of each chunk, merged in order.

Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018, algorithm 3.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.kernels.full.logits import num_chunks_of, pack_block, rows_of, write_logits, write_row_max
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, barrier, next_chunk


class Normalizer(NamedTuple):
    """Running log-sum-exp of each example over the blocks so far.

    Attributes
    ----------
    labels : int64 [batch_size, num_true]
    true_logits : float [batch_size, num_true]
        Copied from the logits of the chunks.
    largest, sum_exp : float [batch_size] and float64 [batch_size]
        Largest logit, and the sum of exp(logit - largest).
    chunk_largest, chunk_sum_exp : float [chunks, batch_size] and float64 [chunks, batch_size]
        The same for each chunk of a block.
    """

    labels: Any
    true_logits: Any
    largest: Any
    sum_exp: Any
    chunk_largest: Any
    chunk_sum_exp: Any


@jit
def run_log_sum_exp(thread_id, num_threads, shared, block, panels, buffers, normalizer):
    """Add a block of classes to the normalizer of every example."""
    pack_block(thread_id, num_threads, block, panels)
    if not barrier(shared, num_threads):
        return
    num_chunks = num_chunks_of(block, panels)
    index = next_chunk(shared, CLASS_CHUNKS)
    while index < panels.inputs.shape[0] * num_chunks:
        group, chunk = index // num_chunks, index % num_chunks
        num_panels = write_logits(
            group, chunk, block, panels, buffers.logits[thread_id], buffers.flat_logits[thread_id]
        )
        _add_chunk(group, chunk, num_panels, thread_id, block, panels, buffers, normalizer)
        index = next_chunk(shared, CLASS_CHUNKS)
    if not barrier(shared, num_threads):
        return
    for b in range(thread_id, panels.batch_size, num_threads):
        _add_to_example(b, num_chunks, normalizer)
    barrier(shared, num_threads)


@jit
def _add_chunk(group, chunk, num_panels, thread_id, block, panels, buffers, normalizer):
    logits, flat, row_max, row_sums = (
        buffers.logits[thread_id],
        buffers.flat_logits[thread_id],
        buffers.row_max[thread_id],
        buffers.row_sums[thread_id],
    )
    top, rows, padded = rows_of(group, panels)
    width = logits.shape[2]
    first_class = block.first + chunk * panels.chunk_panels * width
    _pick_labels(top, rows, first_class, num_panels, logits, normalizer.labels, normalizer.true_logits)
    write_row_max(flat, num_panels, padded * width, width, row_max)
    largest, totals = normalizer.chunk_largest[chunk], normalizer.chunk_sum_exp[chunk]
    for b in range(rows):
        largest[top + b] = row_max[b * width]
    _sum_exponentials(flat, num_panels, padded * width, row_max, row_sums)
    for b in range(rows):
        total = np.float64(0)
        for c in range(width):
            total += row_sums[b * width + c]
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
def _sum_exponentials(logits, num_panels, size, row_max, row_sums):
    """Write the sums of exp(logit - largest of the row), lane by lane; 0 where all logits are -inf."""
    for i in range(size):
        row_sums[i] = 0
        row_max[i] = 0 if row_max[i] == -math.inf else row_max[i]
    for p in range(num_panels):
        entries = logits[p, :size]
        for i in range(size):
            row_sums[i] += exp_not_above_0(entries[i] - row_max[i])


@jit
def _add_to_example(b, num_chunks, normalizer):
    """Merge the chunks into the log-sum-exp of an example, in order."""
    largest, total = normalizer.largest[b], normalizer.sum_exp[b]
    for chunk in range(num_chunks):
        of_chunk, added = normalizer.chunk_largest[chunk, b], normalizer.chunk_sum_exp[chunk, b]
        if of_chunk > largest:
            total = total * math.exp(np.float64(largest - of_chunk)) + added
            largest = of_chunk
        elif of_chunk != -math.inf:  # -inf: nothing to add
            total += added * math.exp(np.float64(of_chunk - largest))
    normalizer.largest[b], normalizer.sum_exp[b] = largest, total

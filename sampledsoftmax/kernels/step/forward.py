"""A block of examples: logits, loss, gradients of the logits and of the inputs."""

import math

from sampledsoftmax.jit.decorators import jit, jit_sum
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.gemm import KC, gemm_nn, gemm_nn_block
from sampledsoftmax.kernels.linalg.microkernels import add_biases_subtract_log_q
from sampledsoftmax.kernels.linalg.packing import pack_rows, unpack_row, width_of
from sampledsoftmax.kernels.loss import sigmoid, softmax
from sampledsoftmax.kernels.structs import ForLogits, ForNCE, ForSampledSoftmax
from sampledsoftmax.kernels.sync.atomics import prefetch_read
from sampledsoftmax.kernels.sync.barrier import EXAMPLE_CHUNKS, next_chunk
from sampledsoftmax.kernels.sync.schedule import (
    BLOCK_ROWS,
    CHUNKS_PER_THREAD,
    chunk_examples,
    chunk_size,
    static_examples,
)

_PREFETCH_DISTANCE = 4  # rows asked for before they are needed, against the latency of memory


@jit
def run_examples(thread_id, num_threads, shared, operands, settings, scratch, buffers):
    """Do everything for this thread's examples, but the gradients of classes."""
    maxima, sums, batch_size = buffers.maxima[thread_id], buffers.sums[thread_id], operands.input_ids.size
    multiplications = (
        operands.sampled_ids.size * scratch.packed_candidates.shape[0] * width_of(scratch.packed_candidates)
    )
    piece = chunk_size(num_threads, batch_size, multiplications)
    first, end = static_examples(thread_id, num_threads, batch_size, piece)
    for top in range(first, end, BLOCK_ROWS):
        _run_block(top, min(BLOCK_ROWS, end - top), operands, settings, scratch, maxima, sums)
    num_pieces = num_threads * CHUNKS_PER_THREAD if piece > 0 else 0
    task = next_chunk(shared, EXAMPLE_CHUNKS)
    while task < num_pieces:
        top, end = chunk_examples(task, num_threads, batch_size, piece)
        _run_block(top, end - top, operands, settings, scratch, maxima, sums)
        task = next_chunk(shared, EXAMPLE_CHUNKS)


@jit
def _run_block(top, rows, operands, settings, scratch, maxima, sums):
    num_panels = ceil_div(operands.sampled_ids.size, width_of(scratch.packed_candidates))
    padded = round_up(rows, MR_TAIL)
    pack_rows(operands.inputs, operands.input_ids, top, padded, scratch.inputs)
    _true_logits(top, rows, operands, settings, scratch)
    sampled_logits(top, padded, num_panels, scratch)
    if settings.remove_hits:
        _leave_out_hits(top, rows, operands.sampled_ids.size, settings, scratch)
    _losses(settings, top, rows, padded, num_panels, scratch, maxima, sums)
    if settings.gradients:
        _input_gradients(top, rows, padded, num_panels, operands, sums, settings, scratch)


@dispatch
def _losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    """Turn the logits of a block into losses and gradients."""


@_losses.register(ForSampledSoftmax)
@jit
def _softmax_losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    softmax.block(top, rows, padded, num_panels, settings.num_true, scratch, maxima, sums)


@_losses.register(ForNCE)
@jit
def _sigmoid_losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    sigmoid.block(top, rows, padded, num_panels, settings.num_true, scratch, maxima, sums)


@_losses.register(ForLogits)
@jit
def _no_losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    pass


@jit_sum
def dot(a, b):
    """Return the dot product of two rows."""
    total = a.dtype.type(0)
    for d in range(a.size):
        total += a[d] * b[d]
    return total


@jit
def _true_logits(top, rows, operands, settings, scratch):
    inputs, weights, biases = operands.inputs, operands.true_weights, operands.true_biases
    input_ids, true_ids, logits = operands.input_ids, operands.true_ids, scratch.true_logits
    counts, real = scratch.true_counts, scratch.losses.dtype.type
    last = (top + rows) * settings.num_true
    for b in range(top, top + rows):
        features = inputs[input_ids[b]]
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            if i + _PREFETCH_DISTANCE < last:
                prefetch_read(weights, true_ids[i + _PREFETCH_DISTANCE])
            logits[i] = dot(features, weights[true_ids[i]]) + biases[true_ids[i]]
            if settings.subtract_log_q:
                logits[i] -= math.log(real(counts[i]))


@jit
def sampled_logits(top, padded, num_panels, scratch):
    """Write (dot product + bias) - log count: one rounding of the size of the logit, as NumPy has it."""
    inputs, packed_candidates_t, logits = scratch.inputs, scratch.packed_candidates_t, scratch.exponentials
    biases, log_q = scratch.biases, scratch.log_q
    for panel in range(num_panels):
        gemm_nn(inputs, top, padded, packed_candidates_t, panel, inputs.shape[0], logits, False)
        add_biases_subtract_log_q(logits, panel, top, padded, biases, log_q)


@jit
def _leave_out_hits(top, rows, num_sampled, settings, scratch):
    group_of_label, earlier, logits = scratch.group_of_label, scratch.earlier, scratch.exponentials
    width = width_of(logits)
    for b in range(top, top + rows):
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            s = group_of_label[i]
            while 0 <= s < num_sampled:
                logits[s // width, b, s % width] = -math.inf
                s = -1 if settings.last_copy_only else earlier[s]


@jit
def _scale_exponentials(top, padded, first, last, scales, scratch):
    width = width_of(scales)
    for p in range(first, last):
        entries = scratch.flat_exponentials[p, top * width : (top + padded) * width]
        for i in range(padded * width):
            entries[i] *= scales[i]


@jit
def input_sums(top, padded, num_panels, scales, scratch):
    """Write gradients of the logits . sampled weights: the candidates' part of the gradients of the inputs.

    The exponentials become gradients of the logits: times `scales`, which are in all lanes of a row.

    Some candidates at a time, for all of the inputs' columns: of many candidates, the exponentials of the block are
    more than the second cache holds, and are fetched once.
    """
    sums, exponentials, packed_candidates = scratch.input_sums, scratch.exponentials, scratch.packed_candidates
    step = KC // width_of(exponentials)
    for first in range(0, num_panels, step):
        last = min(first + step, num_panels)
        _scale_exponentials(top, padded, first, last, scales, scratch)
        for q in range(packed_candidates.shape[0]):
            gemm_nn_block(exponentials, top, padded, packed_candidates, q, first, last, sums, first > 0)


@jit
def _input_gradients(top, rows, padded, num_panels, operands, scales, settings, scratch):
    input_sums(top, padded, num_panels, scales, scratch)
    sums, out = scratch.input_sums, scratch.input_grad
    factors, weights, true_ids = scratch.true_logits, operands.true_weights, operands.true_ids
    for b in range(top, top + rows):
        unpack_row(sums, b, out, b)
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            factor, row = factors[i], true_ids[i]
            for d in range(out.shape[1]):
                out[b, d] += factor * weights[row, d]

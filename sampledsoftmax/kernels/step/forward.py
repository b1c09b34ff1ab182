"""The forward pass of a batch, block by block: logits, losses, gradients of the logits and of the inputs."""

import math

import sampledsoftmax.kernels.loss  # noqa: F401 - registers the kernels of the objectives
from sampledsoftmax.jit.decorators import jit, jit_sum
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.gemm import KC, gemm_nn, gemm_nn_block
from sampledsoftmax.kernels.linalg.microkernels import add_biases_subtract_log_q
from sampledsoftmax.kernels.linalg.packing import pack_rows, unpack_row, width_of
from sampledsoftmax.kernels.linalg.similarity import by_class, by_input, input_gradient, scale_inputs
from sampledsoftmax.kernels.loss.objectives import block_loss, corrects_labels
from sampledsoftmax.kernels.structs import Block
from sampledsoftmax.kernels.sync.atomics import prefetch_read
from sampledsoftmax.kernels.sync.barrier import EXAMPLE_CHUNKS, barrier, next_chunk
from sampledsoftmax.kernels.sync.schedule import (
    BLOCK_ROWS,
    CHUNKS_PER_THREAD,
    chunk_examples,
    chunk_size,
    static_examples,
)

_PREFETCH_DISTANCE = 4  # rows, to hide the latency of memory


@jit
def run_examples(thread_id, num_threads, shared, operands, settings, scratch, buffers):
    """Phase 3: losses and gradients of this thread's examples, a static range first, then chunks while there are any.

    Ends with a barrier; returns False if the run was aborted.
    """
    batch_size = operands.input_ids.size
    multiplications = (
        operands.sampled_ids.size * scratch.packed_candidates.shape[0] * width_of(scratch.packed_candidates)
    )
    chunk = chunk_size(num_threads, batch_size, multiplications)
    first, end = static_examples(thread_id, num_threads, batch_size, chunk)
    for top in range(first, end, BLOCK_ROWS):
        _run_block(top, min(BLOCK_ROWS, end - top), operands, settings, scratch, buffers, thread_id)
    num_chunks = num_threads * CHUNKS_PER_THREAD if chunk > 0 else 0
    taken = next_chunk(shared, EXAMPLE_CHUNKS)
    while taken < num_chunks:
        top, end = chunk_examples(taken, num_threads, batch_size, chunk)
        _run_block(top, end - top, operands, settings, scratch, buffers, thread_id)
        taken = next_chunk(shared, EXAMPLE_CHUNKS)
    return barrier(shared, num_threads)


@jit
def block_of(top, rows, num_sampled, scratch):
    """Return the block of examples top .. top + rows."""
    num_panels = ceil_div(num_sampled, width_of(scratch.packed_candidates))
    return Block(top, rows, round_up(rows, MR_TAIL), num_panels, num_sampled)


@jit
def _run_block(top, rows, operands, settings, scratch, buffers, thread_id):
    block = block_of(top, rows, operands.sampled_ids.size, scratch)
    pack_rows(operands.inputs, operands.input_ids, top, block.padded, scratch.inputs)
    scale_inputs(settings.similarity, operands.inputs, operands.input_ids, top, block.padded, scratch.inputs)
    _true_logits(block, operands, settings, scratch)
    sampled_logits(block, scratch)
    if settings.remove_hits:
        _remove_hits(block, settings, scratch)
    block_loss(settings.objective, block, settings, scratch, buffers, thread_id)
    if settings.gradients:
        _input_gradients(block, operands, buffers.row_scales[thread_id], settings, scratch)


@jit_sum
def dot(a, b):
    """Return the dot product of two rows."""
    total = a.dtype.type(0)
    for d in range(a.size):
        total += a[d] * b[d]
    return total


@jit
def _true_logits(block, operands, settings, scratch):
    """Write dot product or cosine / temperature + bias - log Q of the labels."""
    inputs, weights, biases = operands.inputs, operands.true_weights, operands.true_biases
    input_ids, true_ids, logits = operands.input_ids, operands.true_ids, scratch.true_logits
    counts, real = scratch.true_counts, scratch.losses.dtype.type
    end = (block.top + block.rows) * settings.num_true
    for b in range(block.top, block.top + block.rows):
        features = inputs[input_ids[b]]
        factor = by_input(settings.similarity, real(1), inputs, input_ids[b])
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            if i + _PREFETCH_DISTANCE < end:
                prefetch_read(weights, true_ids[i + _PREFETCH_DISTANCE])
            product = dot(features, weights[true_ids[i]]) * by_class(settings.similarity, factor, weights, true_ids[i])
            logits[i] = product + biases[true_ids[i]]
            if settings.subtract_log_q and corrects_labels(settings.objective):
                logits[i] -= math.log(real(counts[i]))


@jit
def sampled_logits(block, scratch):
    """Write (dot product + bias) - log Q of the candidates: one rounding of the size of the logit, as in NumPy."""
    inputs, packed, logits = scratch.inputs, scratch.packed_candidates_t, scratch.sampled_logits
    for panel in range(block.num_panels):
        gemm_nn(inputs, block.top, block.padded, packed, panel, inputs.shape[0], logits, False)
        add_biases_subtract_log_q(logits, panel, block.top, block.padded, scratch.biases, scratch.log_q)


@jit
def _remove_hits(block, settings, scratch):
    """Set the logits of accidental hits to -inf."""
    group_of_label, previous_copy, logits = scratch.group_of_label, scratch.previous_copy, scratch.sampled_logits
    width = width_of(logits)
    for b in range(block.top, block.top + block.rows):
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            s = group_of_label[i]
            while 0 <= s < block.num_sampled:
                logits[s // width, b, s % width] = -math.inf
                s = -1 if settings.last_copy_only else previous_copy[s]


@jit
def _scale_rows(block, first, end, row_scales, scratch):
    """Turn exponentials of panels first .. end into gradients of the logits: multiply rows by their scales."""
    width = width_of(row_scales)
    for p in range(first, end):
        entries = scratch.sampled_exp[p, block.top * width : (block.top + block.padded) * width]
        for i in range(block.padded * width):
            entries[i] *= row_scales[i]


@jit
def input_sums(block, row_scales, scratch):
    """Write gradients of the logits . sampled weights: the candidates' part of the gradients of the inputs.

    The exponentials become gradients of the logits: each row is multiplied by its number in `row_scales`.

    A few panels of candidates at a time, for all columns of the inputs: the exponentials of a block with many
    candidates exceed L2, and are read once this way.
    """
    sums, grad, packed = scratch.input_sums, scratch.sampled_grad, scratch.packed_candidates
    step = KC // width_of(grad)
    for first in range(0, block.num_panels, step):
        end = min(first + step, block.num_panels)
        _scale_rows(block, first, end, row_scales, scratch)
        for q in range(packed.shape[0]):
            gemm_nn_block(grad, block.top, block.padded, packed, q, first, end, sums, first > 0)


@jit
def _input_gradients(block, operands, row_scales, settings, scratch):
    input_sums(block, row_scales, scratch)
    sums, out = scratch.input_sums, scratch.input_grad
    true_grad, weights, true_ids = scratch.true_grad, operands.true_weights, operands.true_ids
    for b in range(block.top, block.top + block.rows):
        unpack_row(sums, b, out, b)
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            row = true_ids[i]
            factor = by_class(settings.similarity, true_grad[i], weights, row)
            for d in range(out.shape[1]):
                out[b, d] += factor * weights[row, d]
        input_gradient(settings.similarity, out, b, operands.inputs, operands.input_ids[b])

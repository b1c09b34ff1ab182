"""The third phase of a step, block by block of examples: logits, losses, gradients of the logits and of the inputs."""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.gemm import KC, gemm_nn_block
from sampledsoftmax.kernels.linalg.packed_rows import add_to_panels, panel_dot
from sampledsoftmax.kernels.linalg.packing import unpack_row, width_of
from sampledsoftmax.kernels.ragged.loss import (
    common_shift,
    exponentials_below_maximum,
    label_losses,
    leave_out,
    shifted_exponentials,
)
from sampledsoftmax.kernels.ragged.rows import inverse_of, scale_row
from sampledsoftmax.kernels.step.forward import block_of
from sampledsoftmax.kernels.sync.barrier import EXAMPLE_CHUNKS, barrier, next_chunk
from sampledsoftmax.kernels.sync.schedule import (
    BLOCK_ROWS,
    CHUNKS_PER_THREAD,
    chunk_examples,
    chunk_size,
    static_examples,
)


@jit
def run_examples(thread_id, num_threads, shared, batch_size, share, settings, scratch, buffers, examples):
    """Compute this thread's examples, a static range first, then chunks while there are any.

    Ends with a barrier; returns False if the run was aborted.
    """
    shift = common_shift(settings, scratch, examples, batch_size)
    depth = scratch.packed_candidates.shape[0] * width_of(scratch.packed_candidates)
    chunk = chunk_size(num_threads, batch_size, scratch.candidates.size * depth)
    first, end = static_examples(thread_id, num_threads, batch_size, chunk)
    for top in range(first, end, BLOCK_ROWS):
        _run_block(top, min(BLOCK_ROWS, end - top), shift, share, settings, scratch, buffers, examples, thread_id)
    num_chunks = num_threads * CHUNKS_PER_THREAD if chunk > 0 else 0
    taken = next_chunk(shared, EXAMPLE_CHUNKS)
    while taken < num_chunks:
        top, end = chunk_examples(taken, num_threads, batch_size, chunk)
        _run_block(top, end - top, shift, share, settings, scratch, buffers, examples, thread_id)
        taken = next_chunk(shared, EXAMPLE_CHUNKS)
    return barrier(shared, num_threads)


@jit
def _run_block(top, rows, shift, share, settings, scratch, buffers, examples, thread_id):
    block = block_of(top, rows, scratch.candidates.size, scratch)
    shifts, row_sums = buffers.row_max[thread_id], buffers.row_scales[thread_id]
    _true_logits(block, scratch, examples)
    if shift < math.inf:
        shifted_exponentials(block, shifts.dtype.type(shift), scratch, shifts)
        leave_out(block, 0.0, scratch, examples)
    else:
        exponentials_below_maximum(block, scratch, examples, shifts, row_sums)
    _sum_candidates(block, row_sums, scratch)
    label_losses(block, share, shifts, row_sums, scratch, examples)
    _input_gradients(block, settings, scratch, examples)


@jit
def _true_logits(block, scratch, examples):
    inputs, packed, logits = scratch.inputs, scratch.packed_candidates, scratch.true_logits
    groups, starts, offsets = scratch.group_of_label, examples.starts, examples.offsets
    for b in range(block.top, block.top + block.rows):
        for i in range(starts[b], starts[b + 1]):
            logits[i] = panel_dot(inputs, b, packed, groups[i]) + offsets[groups[i]]


@jit
def _sum_candidates(block, row_sums, scratch):
    """Sum the exponentials of each row lane by lane, and the rows of the candidates times them to `input_sums`.

    A few panels at a time: the exponentials are read once for both.
    """
    sums, entries, packed = scratch.input_sums, scratch.sampled_grad, scratch.packed_candidates
    width = width_of(entries)
    step, size = KC // width, block.padded * width
    for i in range(size):
        row_sums[i] = 0
    for first in range(0, block.num_panels, step):
        end = min(first + step, block.num_panels)
        for p in range(first, end):
            row = scratch.sampled_exp[p, block.top * width : block.top * width + size]
            for i in range(size):
                row_sums[i] += row[i]
        for q in range(packed.shape[0]):
            gemm_nn_block(entries, block.top, block.padded, packed, q, first, end, sums, first > 0)


@jit
def _input_gradients(block, settings, scratch, examples):
    """Write the gradients of the inputs, then the inputs times their scales to `input_sums`.

    With an input x that is packed as x^ / temperature, x^ = x / |x|, the gradient is g / |x| less its part along x.
    """
    sums, inputs, packed, groups = scratch.input_sums, scratch.inputs, scratch.packed_candidates, scratch.group_of_label
    scales, starts, factors = examples.scales, examples.starts, scratch.true_grad
    for b in range(block.top, block.top + block.rows):
        scale_row(sums, b, scales[b])
        for i in range(starts[b], starts[b + 1]):
            add_to_panels(sums, b, factors[i], packed, groups[i])
        factor = settings.inverse_temperature
        if settings.normalize:
            along = panel_dot(sums, b, inputs, b) * settings.temperature * settings.temperature
            add_to_panels(sums, b, -along, inputs, b)
            factor *= inverse_of(examples.input_norms[b], sums)
        scale_row(sums, b, factor)
        unpack_row(sums, b, scratch.input_grad, b)
    for b in range(block.top, block.top + block.padded):
        for q in range(sums.shape[0]):
            for c in range(width_of(sums)):
                sums[q, b, c] = scales[b] * inputs[q, b, c]

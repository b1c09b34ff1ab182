"""The third phase of a step, block by block of examples: logits, losses, gradients of the logits and of the inputs."""

import math

from sampledsoftmax.jit.decorators import jit, jit_sum
from sampledsoftmax.kernels.linalg.gemm import KC, gemm_nn_block
from sampledsoftmax.kernels.linalg.normalize import project_row
from sampledsoftmax.kernels.linalg.packed_rows import add_to_panels, panel_dot
from sampledsoftmax.kernels.linalg.packing import unpack_row, width_of
from sampledsoftmax.kernels.linalg.reductions import sum_of_lanes
from sampledsoftmax.kernels.ragged.loss import (
    common_shift,
    exponentials_below_maximum,
    label_losses,
    leave_out,
    shifted_exponentials,
)
from sampledsoftmax.kernels.ragged.rows import inverse_of, scale_row
from sampledsoftmax.kernels.step.forward import block_of
from sampledsoftmax.kernels.sync.atomics import prefetch_read
from sampledsoftmax.kernels.sync.barrier import EXAMPLE_CHUNKS, barrier, next_chunk
from sampledsoftmax.kernels.sync.schedule import (
    BLOCK_ROWS,
    CHUNKS_PER_THREAD,
    chunk_examples,
    chunk_size,
    static_examples,
)

_PREFETCH_DISTANCE = 8  # rows, to hide the latency of memory


@jit
def run_examples(thread_id, num_threads, shared, operands, share, settings, scratch, buffers, examples):
    """Compute this thread's examples, a static range first, then chunks while there are any.

    Ends with a barrier; returns False if the run was aborted.
    """
    batch_size = operands.input_ids.size
    shift = common_shift(settings, scratch, examples, batch_size)
    depth = scratch.packed_candidates.shape[0] * width_of(scratch.packed_candidates)
    chunk = chunk_size(num_threads, batch_size, scratch.candidates.size * depth)
    first, end = static_examples(thread_id, num_threads, batch_size, chunk)
    for top in range(first, end, BLOCK_ROWS):
        _run_block(
            top, min(BLOCK_ROWS, end - top), shift, share, operands, settings, scratch, buffers, examples, thread_id
        )
    num_chunks = num_threads * CHUNKS_PER_THREAD if chunk > 0 else 0
    taken = next_chunk(shared, EXAMPLE_CHUNKS)
    while taken < num_chunks:
        top, end = chunk_examples(taken, num_threads, batch_size, chunk)
        _run_block(top, end - top, shift, share, operands, settings, scratch, buffers, examples, thread_id)
        taken = next_chunk(shared, EXAMPLE_CHUNKS)
    return barrier(shared, num_threads)


@jit
def _run_block(top, rows, shift, share, operands, settings, scratch, buffers, examples, thread_id):
    block = block_of(top, rows, scratch.candidates.size, scratch)
    shifts, row_sums = buffers.row_max[thread_id], buffers.row_scales[thread_id]
    if shift < math.inf:
        shifted_exponentials(block, shifts.dtype.type(shift), scratch, shifts)
        leave_out(block, 0.0, scratch, examples)
    else:
        exponentials_below_maximum(block, scratch, examples, shifts, row_sums)
    _sum_candidates(block, row_sums, scratch)
    width, scales = width_of(row_sums), examples.scales
    for b in range(top, top + rows):
        _true_logits(b, operands, settings, scratch, examples)
        lane = (b - top) * width
        scales[b] = label_losses(b, shifts[lane], sum_of_lanes(row_sums, lane), share, scratch, examples)
        _input_gradient(b, operands, settings, scratch, examples)
    for b in range(top + rows, top + block.padded):
        scales[b] = 0
    _scale_inputs(block, scratch, examples)


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


@jit_sum
def _dot(a, i, b, j):
    """Return the dot product of row i of a and row j of b."""
    total = a.dtype.type(0)
    for d in range(a.shape[1]):
        total += a[i, d] * b[j, d]
    return total


@jit
def _true_logits(b, operands, settings, scratch, examples):
    """Write the logits of the labels of example b, whose packed row is in scratch.input_grad as well."""
    inputs, packed, logits, rows = scratch.inputs, scratch.packed_candidates, scratch.true_logits, scratch.input_grad
    groups, starts, offsets, norms = scratch.group_of_label, examples.starts, examples.offsets, examples.norms
    weights, labels, num_sampled = operands.weights, operands.labels, scratch.candidates.size
    for i in range(starts[b], starts[b + 1]):
        if i + _PREFETCH_DISTANCE < labels.size:
            prefetch_read(weights, labels[i + _PREFETCH_DISTANCE])
        u = groups[i]
        if u < num_sampled:
            logits[i] = panel_dot(inputs, b, packed, u) + offsets[u]
        else:
            product = _dot(rows, b, weights, labels[i])
            if settings.normalize:
                norms[u] = math.sqrt(_dot(weights, labels[i], weights, labels[i]))
                product *= inverse_of(norms[u], logits)
            logits[i] = product + offsets[u]


@jit
def _input_gradient(b, operands, settings, scratch, examples):
    """Write the gradient of the input of example b, through temperature and normalization, to scratch.input_grad."""
    sums, packed, out = scratch.input_sums, scratch.packed_candidates, scratch.input_grad
    groups, starts, norms, factors = scratch.group_of_label, examples.starts, examples.norms, scratch.true_grad
    weights, labels, num_sampled = operands.weights, operands.labels, scratch.candidates.size
    scale_row(sums, b, examples.scales[b])
    for i in range(starts[b], starts[b + 1]):
        if groups[i] < num_sampled:
            add_to_panels(sums, b, factors[i], packed, groups[i])
    unpack_row(sums, b, out, b)
    for i in range(starts[b], starts[b + 1]):
        if groups[i] >= num_sampled:
            factor, row = factors[i], labels[i]
            if settings.normalize:
                factor *= inverse_of(norms[groups[i]], out)
            for d in range(out.shape[1]):
                out[b, d] += factor * weights[row, d]
    for d in range(out.shape[1]):
        out[b, d] *= settings.inverse_temperature
    if settings.normalize:
        project_row(out, b, operands.inputs, operands.input_ids[b], inverse_of(examples.input_norms[b], out))


@jit
def _scale_inputs(block, scratch, examples):
    """Write the packed inputs times their scales to `input_sums`: the operand of the gradients of the candidates."""
    sums, inputs, scales = scratch.input_sums, scratch.inputs, examples.scales
    for q in range(sums.shape[0]):
        for b in range(block.top, block.top + block.padded):
            for c in range(width_of(sums)):
                sums[q, b, c] = scales[b] * inputs[q, b, c]

"""Losses of objectives that see one row of logits at a time: the default of every objective without block kernels."""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.loss.objectives import block_loss, label_block_loss, row_loss
from sampledsoftmax.kernels.loss.softmax import in_all_lanes, zero_scales


@block_loss.default
@jit
def _block_by_row(objective, block, settings, scratch, buffers, thread_id):
    num_true, num_sampled = settings.num_true, block.num_sampled
    row, gradient = buffers.row_logits[thread_id], buffers.row_grad[thread_id]
    columns = num_true + num_sampled
    for b in range(block.top, block.top + block.rows):
        for i in range(num_true):
            row[i] = scratch.true_logits[b * num_true + i]
        _read_candidates(b, num_sampled, scratch, row, num_true)
        scratch.losses[b] = row_loss(objective, row[:columns], num_true, gradient[:columns])
        for i in range(num_true):
            scratch.true_grad[b * num_true + i] = scratch.loss_grad[b] * gradient[i]
        _write_candidates(b, block, scratch, gradient, num_true)
        in_all_lanes(buffers.row_scales[thread_id], b - block.top, scratch.loss_grad[b])
    _clear_padding(block, scratch, buffers.row_scales[thread_id])


@label_block_loss.default
@jit
def _label_block_by_row(objective, block, settings, starts, scratch, buffers, thread_id):
    row, gradient, total = buffers.row_logits[thread_id], buffers.row_grad[thread_id], buffers.label_grad[thread_id]
    num_sampled, columns = block.num_sampled, 1 + block.num_sampled
    for b in range(block.top, block.top + block.rows):
        loss = scratch.losses.dtype.type(0)
        for s in range(num_sampled):
            total[s] = 0
        for i in range(starts[b], starts[b + 1]):
            row[0], hit = scratch.true_logits[i], scratch.group_of_label[i]
            _read_candidates(b, num_sampled, scratch, row, 1)
            if settings.remove_hits and hit < num_sampled:
                row[1 + hit] = -math.inf
            loss += row_loss(objective, row[:columns], 1, gradient[:columns])
            scratch.true_grad[i] = gradient[0]
            for s in range(num_sampled):
                total[s] += gradient[1 + s]
        scratch.losses[b] = loss
        _write_candidates(b, block, scratch, total, 0)
        in_all_lanes(buffers.row_scales[thread_id], b - block.top, 1)
    _clear_padding(block, scratch, buffers.row_scales[thread_id])


@jit
def _read_candidates(b, num_sampled, scratch, row, first):
    """Copy the logits of the candidates of example b to row[first:]."""
    logits = scratch.sampled_logits
    width = width_of(logits)
    for s in range(num_sampled):
        row[first + s] = logits[s // width, b, s % width]


@jit
def _write_candidates(b, block, scratch, gradient, first):
    """Write gradient[first:] as the gradients of the candidates of example b; padding columns get 0."""
    grad = scratch.sampled_grad
    width = width_of(grad)
    for s in range(block.num_panels * width):
        grad[s // width, b, s % width] = gradient[first + s] if s < block.num_sampled else 0


@jit
def _clear_padding(block, scratch, row_scales):
    """Set the padding rows of a block to zeros: the products read them."""
    for b in range(block.top + block.rows, block.top + block.padded):
        for p in range(block.num_panels):
            for c in range(width_of(scratch.sampled_grad)):
                scratch.sampled_grad[p, b, c] = 0
    zero_scales(row_scales, block.rows, block.padded)

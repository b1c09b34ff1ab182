"""Softmax cross-entropy over the true and the sampled columns of a block of rows, and its gradient.

The target probability of each of the num_true true columns is 1 / num_true. A sampled column of -inf is left
out: its exponential is 0, in the sum and in the gradient.
"""

import math

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.linalg.reductions import lane_max, largest_of_lanes, sum_of_lanes
from sampledsoftmax.kernels.loss.objectives import SoftmaxCrossEntropy, block_loss


@block_loss.register(SoftmaxCrossEntropy)
@jit
def _softmax_block_loss(objective, block, settings, scratch, buffers, thread_id):
    row_max, row_sums = buffers.row_max[thread_id], buffers.row_scales[thread_id]
    width = width_of(row_sums)
    first, size = block.top * width, block.padded * width
    lane_max(scratch.sampled_exp, first, size, block.num_panels, row_max)
    row_maximum(scratch.true_logits, block.top, block.rows, block.padded, settings.num_true, row_max)
    exponentials(scratch.sampled_exp, first, size, block.num_panels, row_max, row_sums)
    _losses(scratch, block.top, block.rows, settings.num_true, row_max, row_sums)
    zero_scales(row_sums, block.rows, block.padded)


@jit
def row_maximum(true_logits, top, rows, padded, num_true, row_max):
    """Reduce the maxima of the lanes of a row to one, in all its lanes; the first `rows` rows include true logits."""
    width = width_of(row_max)
    for b in range(padded):
        largest = largest_of_lanes(row_max, b * width)
        if b < rows:
            for i in range((top + b) * num_true, (top + b + 1) * num_true):
                largest = max(largest, true_logits[i])
        in_all_lanes(row_max, b, largest)


@jit_fused
def exponentials(panels, first, size, num_panels, row_max, row_sums):
    """Replace logits by exp(logit - largest of the row) and sum them lane by lane.

    Two panels per iteration: the dependency chains of two exponentials overlap.
    """
    for i in range(size):
        row_sums[i] = 0
    for p in range(1, num_panels, 2):
        entries, others = panels[p - 1, first : first + size], panels[p, first : first + size]
        for i in range(size):
            one, other = exp_not_above_0(entries[i] - row_max[i]), exp_not_above_0(others[i] - row_max[i])
            entries[i] = one
            others[i] = other
            row_sums[i] += one + other
    if num_panels % 2 == 1:
        entries = panels[num_panels - 1, first : first + size]
        for i in range(size):
            one = exp_not_above_0(entries[i] - row_max[i])
            entries[i] = one
            row_sums[i] += one


@jit
def _losses(scratch, top, rows, num_true, row_max, row_sums):
    """Write losses and gradients of the true logits; replace the sums of a row by loss_grad / normalizer."""
    true_logits, true_grad = scratch.true_logits, scratch.true_grad
    loss_grad, losses, width = scratch.loss_grad, scratch.losses, width_of(row_sums)
    for b in range(top, top + rows):
        largest = row_max[(b - top) * width]
        normalizer = sum_of_lanes(row_sums, (b - top) * width)
        total = losses.dtype.type(0)
        for i in range(b * num_true, (b + 1) * num_true):
            distance = true_logits[i] - largest
            true_grad[i] = exp_not_above_0(distance)
            normalizer += true_grad[i]
            total += distance
        losses[b] = math.log(normalizer) - total / num_true
        target = losses.dtype.type(1) / num_true
        for i in range(b * num_true, (b + 1) * num_true):
            true_grad[i] = loss_grad[b] * (true_grad[i] / normalizer - target)
        in_all_lanes(row_sums, b - top, loss_grad[b] / normalizer)


@jit
def zero_scales(row_scales, first, end):
    """Set the scales of the padding rows of a block to 0."""
    for b in range(first, end):
        in_all_lanes(row_scales, b, row_scales.dtype.type(0))


@jit
def in_all_lanes(rows, row, number):
    """Write a number to all lanes of a row."""
    width = width_of(rows)
    lanes = rows[row * width : (row + 1) * width]
    for c in range(width):
        lanes[c] = number

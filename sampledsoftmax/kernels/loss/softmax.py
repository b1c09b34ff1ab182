"""Softmax cross-entropy over the true and the sampled columns of a block of rows, and its gradient.

The target probability of each of the num_true true columns is 1 / num_true. A sampled column of -inf is left
out: its exponential is 0, in the sum and in the gradient.
"""

import math

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.linalg.reductions import largest_of_lanes, sum_of_lanes
from sampledsoftmax.kernels.linalg.row_max import lane_max


@jit
def block(top, rows, padded, num_panels, num_true, scratch, maxima, sums):
    """Turn logits of rows top .. top + rows into losses and gradients; `padded` rows are computed.

    The sampled columns are left as exponentials; what gradients are these times, loss_grad / sum of the row, is
    written to all lanes of the row in `sums`.
    """
    width = width_of(sums)
    first, size = top * width, padded * width
    lane_max(scratch.flat_exponentials, first, size, num_panels, maxima)
    row_maximum(scratch.true_logits, top, rows, padded, num_true, maxima)
    exponentials(scratch.flat_exponentials, first, size, num_panels, maxima, sums)
    _losses(scratch.true_logits, scratch.loss_grad, top, rows, num_true, maxima, sums, scratch.losses)
    no_scales(sums, rows, padded)


@jit
def row_maximum(true_logits, top, rows, padded, num_true, maxima):
    """Write the largest logit of a row to all its lanes, in the first `rows` rows with the true ones."""
    width = width_of(maxima)
    for b in range(padded):
        largest = largest_of_lanes(maxima, b * width)
        if b < rows:
            for i in range((top + b) * num_true, (top + b + 1) * num_true):
                largest = max(largest, true_logits[i])
        in_all_lanes(maxima, b, largest)


@jit_fused
def exponentials(panels, first, size, num_panels, maxima, sums):
    """Replace logits by exp(logit - largest of the row) and add them up lane by lane.

    Panels are taken by two: one exponential is begun while the steps of the other wait for one another.
    """
    for i in range(size):
        sums[i] = 0
    for p in range(1, num_panels, 2):
        entries, others = panels[p - 1, first : first + size], panels[p, first : first + size]
        for i in range(size):
            one, other = exp_not_above_0(entries[i] - maxima[i]), exp_not_above_0(others[i] - maxima[i])
            entries[i] = one
            others[i] = other
            sums[i] += one + other
    if num_panels % 2 == 1:
        entries = panels[num_panels - 1, first : first + size]
        for i in range(size):
            one = exp_not_above_0(entries[i] - maxima[i])
            entries[i] = one
            sums[i] += one


@jit
def _losses(true_logits, loss_grad, top, rows, num_true, maxima, sums, losses):
    width = width_of(sums)
    for b in range(top, top + rows):
        largest = maxima[(b - top) * width]
        normalizer = sum_of_lanes(sums, (b - top) * width)
        total = losses.dtype.type(0)
        for i in range(b * num_true, (b + 1) * num_true):
            distance = true_logits[i] - largest
            true_logits[i] = exp_not_above_0(distance)
            normalizer += true_logits[i]
            total += distance
        losses[b] = math.log(normalizer) - total / num_true
        target = losses.dtype.type(1) / num_true
        for i in range(b * num_true, (b + 1) * num_true):
            true_logits[i] = loss_grad[b] * (true_logits[i] / normalizer - target)
        in_all_lanes(sums, b - top, loss_grad[b] / normalizer)


@jit
def no_scales(scales, first, last):
    """Set what the rows behind the last example are multiplied with to 0."""
    for b in range(first, last):
        in_all_lanes(scales, b, 0)


@jit
def in_all_lanes(lanes, row, number):
    """Write a number to all lanes of a row."""
    width = width_of(lanes)
    of_row = lanes[row * width : (row + 1) * width]
    for c in range(width):
        of_row[c] = number

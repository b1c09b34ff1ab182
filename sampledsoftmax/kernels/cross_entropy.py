"""Softmax cross-entropy over the true and the sampled columns of a block of rows, and its gradient.

The target probability of each of the num_true true columns is 1 / num_true. A sampled column of -inf is left
out: its exponential is 0, in the sum and in the gradient. Exponentials are never divided by their sum: the
rows that they are multiplied with are scaled by loss_grad / sum instead, which are fewer numbers.
"""

import math

from sampledsoftmax.kernels.exponential import exp_not_above_0
from sampledsoftmax.kernels.jit import jit_fused, jit_inner
from sampledsoftmax.kernels.maxima import lane_maxima
from sampledsoftmax.kernels.panels import width_of


@jit_inner
def block(top, rows, padded, num_panels, num_true, scratch, maxima, sums):
    """Turn logits of rows top .. top + rows into losses, scales and gradients; `padded` rows are computed."""
    width = width_of(scratch.scales)
    first, size = top * width, padded * width
    lane_maxima(scratch.flat_exponentials, first, size, num_panels, maxima)
    row_maxima(scratch.true_logits, top, rows, padded, num_true, maxima)
    exponentials(scratch.flat_exponentials, first, size, num_panels, maxima, sums)
    _losses(scratch.true_logits, scratch.loss_grad, top, rows, num_true, maxima, sums, scratch.losses, scratch.scales)
    no_scales(scratch.scales, top + rows, top + padded)


@jit_inner
def row_maxima(true_logits, top, rows, padded, num_true, maxima):
    """Write the largest logit of a row to all its lanes, in the first `rows` rows with the true ones."""
    width = width_of(maxima)
    for b in range(padded):
        lanes = maxima[b * width : (b + 1) * width]
        largest = lanes[0]
        for c in range(1, width):
            largest = lanes[c] if lanes[c] > largest else largest
        if b < rows:
            for i in range((top + b) * num_true, (top + b + 1) * num_true):
                largest = max(largest, true_logits[i])
        for c in range(width):
            lanes[c] = largest


@jit_fused
def exponentials(panels, first, size, num_panels, maxima, sums):
    """Replace logits by exp(logit - largest of the row) and add them up lane by lane."""
    for i in range(size):
        sums[i] = 0
    for p in range(num_panels):
        entries = panels[p, first : first + size]
        for i in range(size):
            exponential = exp_not_above_0(entries[i] - maxima[i])
            entries[i] = exponential
            sums[i] += exponential


@jit_inner
def _losses(true_logits, loss_grad, top, rows, num_true, maxima, sums, losses, scales):
    width = width_of(scales)
    for b in range(top, top + rows):
        lanes = sums[(b - top) * width : (b - top + 1) * width]
        largest = maxima[(b - top) * width]
        normalizer = lanes[0]
        for c in range(1, width):
            normalizer += lanes[c]
        total = losses.dtype.type(0)
        for i in range(b * num_true, (b + 1) * num_true):
            normalizer += math.exp(true_logits[i] - largest)
            total += true_logits[i] - largest
        losses[b] = math.log(normalizer) - total / num_true
        scale = loss_grad[b] / normalizer
        target = losses.dtype.type(1) / num_true
        for i in range(b * num_true, (b + 1) * num_true):
            true_logits[i] = loss_grad[b] * (math.exp(true_logits[i] - largest) / normalizer - target)
        for c in range(width):
            scales[0, b, c] = scale


@jit_inner
def no_scales(scales, first, last):
    """Set the scales of rows behind the last example to 0."""
    for b in range(first, last):
        for c in range(width_of(scales)):
            scales[0, b, c] = 0

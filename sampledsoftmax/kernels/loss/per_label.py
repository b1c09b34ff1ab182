"""Losses of examples with several labels, where each label has a loss of its own over the same candidates.

An example is the sum of its pairs (input, label), and its pairs share the logits of the candidates: products and
exponentials are computed once per example. Pairs differ only in the true logit, and in the candidate that is excluded
because it is the label. The gradient with respect to the candidates' logits is one row times the sum of the scales of
the pairs.

Softmax: with accidental hits removed, a label that was drawn has the same corrected logit in the true column and in
the excluded column. Its normalizer is therefore exactly that of the candidates alone; nothing is subtracted.
"""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.linalg.reductions import lane_max, sum_of_lanes
from sampledsoftmax.kernels.loss.objectives import SigmoidCrossEntropy, SoftmaxCrossEntropy, label_block_loss
from sampledsoftmax.kernels.loss.sigmoid import loss_of_candidates, sigmoid, sigmoids, softplus
from sampledsoftmax.kernels.loss.softmax import exponentials, in_all_lanes, row_maximum, zero_scales

_MAX_PRODUCT = 1e200  # the logarithm of a product of normalizers is taken before it overflows


@label_block_loss.register(SoftmaxCrossEntropy)
@jit
def _softmax_labels(objective, block, settings, starts, scratch, buffers, thread_id):
    row_max, row_sums = buffers.row_max[thread_id], buffers.row_scales[thread_id]
    width = width_of(row_sums)
    first, size = block.top * width, block.padded * width
    lane_max(scratch.sampled_exp, first, size, block.num_panels, row_max)
    row_maximum(scratch.true_logits, block.top, 0, block.padded, 1, row_max)
    exponentials(scratch.sampled_exp, first, size, block.num_panels, row_max, row_sums)
    true_logits, true_grad = scratch.true_logits, scratch.true_grad
    group_of_label, losses = scratch.group_of_label, scratch.losses
    zero, one = losses.dtype.type(0), losses.dtype.type(1)
    for b in range(block.top, block.top + block.rows):
        largest, of_candidates = row_max[(b - block.top) * width], sum_of_lanes(row_sums, (b - block.top) * width)
        total, product, scale = 0.0, 1.0, zero
        for i in range(starts[b], starts[b + 1]):
            distance = true_logits[i] - largest
            if settings.remove_hits and group_of_label[i] < block.num_sampled:
                product *= of_candidates
                total -= distance
                scale += one / of_candidates
                true_grad[i] = -one
            elif distance <= 0:
                normalizer = of_candidates + exp_not_above_0(distance)
                product *= normalizer
                total -= distance
                scale += one / normalizer
                true_grad[i] = -of_candidates / normalizer
            else:  # relative to the true logit, which is the largest of this pair
                e = exp_not_above_0(-distance)
                normalizer = of_candidates * e + one
                product *= normalizer
                scale += e / normalizer
                true_grad[i] = -of_candidates * e / normalizer
                total += distance - distance  # NaN where the logit is infinite, or its loss would be 0
            if product > _MAX_PRODUCT:
                total += math.log(product)
                product = 1.0
        losses[b] = total + math.log(product)
        in_all_lanes(row_sums, b - block.top, scale)
    zero_scales(row_sums, block.rows, block.padded)


@label_block_loss.register(SigmoidCrossEntropy)
@jit
def _sigmoid_labels(objective, block, settings, starts, scratch, buffers, thread_id):
    linear, products = buffers.row_max[thread_id], buffers.row_scales[thread_id]
    sigmoids(block.top, block.padded, block.num_panels, scratch, linear, products)
    true_logits, true_grad, losses = scratch.true_logits, scratch.true_grad, scratch.losses
    for b in range(block.top, block.top + block.rows):
        num_labels = starts[b + 1] - starts[b]
        total = num_labels * loss_of_candidates(b - block.top, linear, products)
        for i in range(starts[b], starts[b + 1]):
            logit = true_logits[i]
            total += softplus(-logit) + (logit - logit)  # NaN where the logit is infinite, or its loss would be 0
            if settings.remove_hits and scratch.group_of_label[i] < block.num_sampled:
                total -= softplus(logit)
                _leave_out(b, i, starts, scratch)
            true_grad[i] = -sigmoid(-logit)
        losses[b] = total
        in_all_lanes(products, b - block.top, num_labels)
    zero_scales(products, block.rows, block.padded)


@jit
def _leave_out(b, i, starts, scratch):
    """Remove the share of label i from the column of the candidate that it equals: one of those still counted there."""
    group_of_label, sigmoids_of = scratch.group_of_label, scratch.sampled_grad
    s, left = group_of_label[i], starts[b + 1] - starts[b]
    for earlier in range(starts[b], i):
        left -= group_of_label[earlier] == s
    panel, column = s // width_of(sigmoids_of), s % width_of(sigmoids_of)
    sigmoids_of[panel, b, column] *= sigmoids_of.dtype.type((left - 1) / left)

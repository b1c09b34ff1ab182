"""Cross-entropy of examples with several labels, each of which has a loss of its own over the same candidates.

An example is the sum of its pairs (input, label), and the logits of the candidates are the same for all of them: so
products and exponentials are made once an example. Of the pairs only the true logit differs, and the candidate that is
left out because it is the label. The gradient of the logits of the candidates is one row times the sum of what
the pairs scale it with.

Softmax: with accidental hits removed, a label that was drawn has the same corrected logit in the true column and in
the column that is left out. So its normalizer is that of the candidates alone, exactly; nothing is subtracted.
"""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.linalg.reductions import sum_of_lanes
from sampledsoftmax.kernels.linalg.row_max import lane_max
from sampledsoftmax.kernels.loss.sigmoid import loss_of_candidates, sigmoid, sigmoids, softplus
from sampledsoftmax.kernels.loss.softmax import exponentials, in_all_lanes, no_scales, row_maximum
from sampledsoftmax.kernels.structs import ForNCE, ForSampledSoftmax

_MOST = 1e200  # a product of normalizers is put into the sum of logarithms before it overflows


@dispatch
def block(settings, top, rows, padded, num_panels, starts, num_sampled, scratch, maxima, sums):
    """Turn logits of rows top .. top + rows into losses and gradients, as cross_entropy.block does.

    The labels of example b are starts[b] .. starts[b + 1]; scratch.group_of_label says which candidate they are.
    """


@block.register(ForSampledSoftmax)
@jit
def _softmax_block(settings, top, rows, padded, num_panels, starts, num_sampled, scratch, maxima, sums):
    width = width_of(sums)
    first, size = top * width, padded * width
    lane_max(scratch.flat_exponentials, first, size, num_panels, maxima)
    row_maximum(scratch.true_logits, top, 0, padded, 1, maxima)
    exponentials(scratch.flat_exponentials, first, size, num_panels, maxima, sums)
    true_logits, group_of_label, losses = scratch.true_logits, scratch.group_of_label, scratch.losses
    zero, one = losses.dtype.type(0), losses.dtype.type(1)
    for b in range(top, top + rows):
        largest, of_candidates = maxima[(b - top) * width], sum_of_lanes(sums, (b - top) * width)
        total, product, scale = 0.0, 1.0, zero
        for i in range(starts[b], starts[b + 1]):
            distance = true_logits[i] - largest
            if settings.remove_hits and group_of_label[i] < num_sampled:
                product *= of_candidates
                total -= distance
                scale += one / of_candidates
                true_logits[i] = -one
            elif distance <= 0:
                normalizer = of_candidates + exp_not_above_0(distance)
                product *= normalizer
                total -= distance
                scale += one / normalizer
                true_logits[i] = -of_candidates / normalizer
            else:  # relative to the true logit, which is the largest of this pair
                e = exp_not_above_0(-distance)
                normalizer = of_candidates * e + one
                product *= normalizer
                scale += e / normalizer
                true_logits[i] = -of_candidates * e / normalizer
                total += distance - distance  # NaN where the logit is infinite, or its loss would be 0
            if product > _MOST:
                total += math.log(product)
                product = 1.0
        losses[b] = total + math.log(product)
        in_all_lanes(sums, b - top, scale)
    no_scales(sums, rows, padded)


@block.register(ForNCE)
@jit
def _sigmoid_block(settings, top, rows, padded, num_panels, starts, num_sampled, scratch, linear, products):
    sigmoids(top, padded, num_panels, scratch, linear, products)
    true_logits, losses = scratch.true_logits, scratch.losses
    for b in range(top, top + rows):
        num_labels = starts[b + 1] - starts[b]
        total = num_labels * loss_of_candidates(b - top, linear, products)
        for i in range(starts[b], starts[b + 1]):
            logit = true_logits[i]
            total += softplus(-logit) + (logit - logit)  # NaN where the logit is infinite, or its loss would be 0
            if settings.remove_hits and scratch.group_of_label[i] < num_sampled:
                total -= softplus(logit)
                _leave_out(b, i, starts, scratch)
            true_logits[i] = -sigmoid(-logit)
        losses[b] = total
        in_all_lanes(products, b - top, num_labels)
    no_scales(products, rows, padded)


@jit
def _leave_out(b, i, starts, scratch):
    """Take the share of label i out of the column that it was drawn as: 1 of the labels that still count there."""
    slots, sigmoids_of = scratch.group_of_label, scratch.exponentials
    s, left = slots[i], starts[b + 1] - starts[b]
    for earlier in range(starts[b], i):
        left -= slots[earlier] == s
    column = s // width_of(sigmoids_of), s % width_of(sigmoids_of)
    sigmoids_of[column[0], b, column[1]] *= sigmoids_of.dtype.type((left - 1) / left)

"""Cross-entropy of examples with several labels, each of which has a loss of its own over the same candidates.

An example is the sum of its pairs (input, label), and the logits of the candidates are the same for all of them: so
products and exponentials are made once an example. Of the pairs only the true logit differs, and the candidate that is
left out because it is the label. The gradient of the logits of the candidates is one row times the sum of what
the pairs scale it with.

Softmax: with accidental hits removed, a label that was drawn has the same corrected logit in the true column and in
the column that is left out. So its normalizer is that of the candidates alone, exactly; nothing is subtracted.
"""

import math

from sampledsoftmax.kernels.bundles import ForNCE, ForSampledSoftmax
from sampledsoftmax.kernels.by_class import by_class
from sampledsoftmax.kernels.cross_entropy import exponentials, in_all_lanes, no_scales, row_maxima
from sampledsoftmax.kernels.exponential import exp_not_above_0
from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.maxima import lane_maxima
from sampledsoftmax.kernels.panels import width_of
from sampledsoftmax.kernels.sigmoid_cross_entropy import loss_of_candidates, sigmoid, sigmoids, softplus
from sampledsoftmax.machine.lanes import sum_of_lanes

_MOST = 1e200  # a product of normalizers is put into the sum of logarithms before it overflows


@by_class
def block(settings, top, rows, padded, num_panels, starts, num_sampled, scratch, maxima, sums):
    """Turn logits of rows top .. top + rows into losses and gradients, as cross_entropy.block does.

    The labels of example b are starts[b] .. starts[b + 1]; scratch.slot_of_label says which candidate they are.
    """


@block.of(ForSampledSoftmax)
@jit
def _softmax_block(settings, top, rows, padded, num_panels, starts, num_sampled, scratch, maxima, sums):
    width = width_of(sums)
    first, size = top * width, padded * width
    lane_maxima(scratch.flat_exponentials, first, size, num_panels, maxima)
    row_maxima(scratch.true_logits, top, 0, padded, 1, maxima)
    exponentials(scratch.flat_exponentials, first, size, num_panels, maxima, sums)
    true_logits, slot_of_label, losses = scratch.true_logits, scratch.slot_of_label, scratch.losses
    zero, one = losses.dtype.type(0), losses.dtype.type(1)
    for b in range(top, top + rows):
        largest, of_candidates = maxima[(b - top) * width], sum_of_lanes(sums, (b - top) * width)
        total, product, scale = 0.0, 1.0, zero
        for i in range(starts[b], starts[b + 1]):
            distance = true_logits[i] - largest
            if settings.remove_hits and slot_of_label[i] < num_sampled:
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


@block.of(ForNCE)
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
            if settings.remove_hits and scratch.slot_of_label[i] < num_sampled:
                total -= softplus(logit)
                _leave_out(b, i, starts, scratch)
            true_logits[i] = -sigmoid(-logit)
        losses[b] = total
        in_all_lanes(products, b - top, num_labels)
    no_scales(products, rows, padded)


@jit
def _leave_out(b, i, starts, scratch):
    """Take the share of label i out of the column that it was drawn as: 1 of the labels that still count there."""
    slots, sigmoids_of = scratch.slot_of_label, scratch.exponentials
    s, left = slots[i], starts[b + 1] - starts[b]
    for earlier in range(starts[b], i):
        left -= slots[earlier] == s
    column = s // width_of(sigmoids_of), s % width_of(sigmoids_of)
    sigmoids_of[column[0], b, column[1]] *= sigmoids_of.dtype.type((left - 1) / left)

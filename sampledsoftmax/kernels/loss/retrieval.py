"""Losses of retrieval models: log Q of 2025, the bilateral softmax loss, and calibrated sigmoid cross-entropy.

The first two are a softmax over the candidates alone: the label is compared with their sum and is no part of it.
"""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.linalg.reductions import lane_max, largest_of_lanes, sum_of_lanes
from sampledsoftmax.kernels.loss.objectives import (
    BilateralSoftmax,
    CalibratedSigmoid,
    LogQ2025,
    block_loss,
    corrects_labels,
    row_loss,
)
from sampledsoftmax.kernels.loss.sigmoid import loss_of_candidates, sigmoid, sigmoids, softplus
from sampledsoftmax.kernels.loss.softmax import exponentials, in_all_lanes, zero_scales


@corrects_labels.register(LogQ2025)
@jit
def _no_label(objective):
    return False


@jit
def one_minus_share(logit, log_others):
    """Return 1 - P, where P = exp(logit) / (exp(logit) + exp(log_others)); never of a large exponential."""
    distance = logit - log_others
    e = math.exp(-abs(distance))
    return e / (1 + e) if distance > 0 else 1 / (1 + e)


@jit
def maximum_of_rows(padded, row_max):
    """Reduce the maxima of the lanes of a row to one, in all its lanes; 0 where all logits are -inf."""
    width = width_of(row_max)
    for b in range(padded):
        largest = largest_of_lanes(row_max, b * width)
        in_all_lanes(row_max, b, row_max.dtype.type(0) if largest == -math.inf else largest)


@jit
def _exponentials_of_block(block, scratch, row_max, row_sums):
    width = width_of(row_max)
    first, size = block.top * width, block.padded * width
    lane_max(scratch.sampled_exp, first, size, block.num_panels, row_max)
    maximum_of_rows(block.padded, row_max)
    exponentials(scratch.sampled_exp, first, size, block.num_panels, row_max, row_sums)


@block_loss.register(LogQ2025)
@jit
def _log_q_2025_block(objective, block, settings, scratch, buffers, thread_id):
    row_max, row_sums, num_true = buffers.row_max[thread_id], buffers.row_scales[thread_id], settings.num_true
    _exponentials_of_block(block, scratch, row_max, row_sums)
    width, true_logits, true_grad = width_of(row_max), scratch.true_logits, scratch.true_grad
    for b in range(block.top, block.top + block.rows):
        lane, loss, weights = (b - block.top) * width, 0.0, 0.0
        total = sum_of_lanes(row_sums, lane)
        log_sum = row_max[lane] + (math.log(total) if total != 0 else -math.inf)
        for i in range(b * num_true, (b + 1) * num_true):
            weight = one_minus_share(true_logits[i], log_sum) / num_true
            if total != 0:  # else the weight is 0 and the logarithm infinite
                loss += weight * (log_sum - true_logits[i])
            weights += weight
            true_grad[i] = -scratch.loss_grad[b] * weight
        scratch.losses[b] = loss
        in_all_lanes(row_sums, b - block.top, scratch.loss_grad[b] * weights / total if total != 0 else 0.0)
    zero_scales(row_sums, block.rows, block.padded)


@block_loss.register(BilateralSoftmax)
@jit
def _bilateral_block(objective, block, settings, scratch, buffers, thread_id):
    row_max, row_sums, num_true = buffers.row_max[thread_id], buffers.row_scales[thread_id], settings.num_true
    _exponentials_of_block(block, scratch, row_max, row_sums)
    width, true_logits, true_grad = width_of(row_max), scratch.true_logits, scratch.true_grad
    for b in range(block.top, block.top + block.rows):
        lane, above = (b - block.top) * width, scratch.loss_grad[b]
        total = sum_of_lanes(row_sums, lane)
        share = 0.0 if total == 0 else 1.0 / num_true
        loss = 0.0 if total == 0 else objective.exponent * (row_max[lane] + math.log(total / block.num_sampled))
        for i in range(b * num_true, (b + 1) * num_true):
            if total != 0:
                loss -= share * true_logits[i]
            true_grad[i] = -above * share
        scratch.losses[b] = loss
        in_all_lanes(row_sums, b - block.top, above * objective.exponent / total if total != 0 else 0.0)
    zero_scales(row_sums, block.rows, block.padded)


@block_loss.register(CalibratedSigmoid)
@jit
def _calibrated_block(objective, block, settings, scratch, buffers, thread_id):
    linear, products, num_true = buffers.row_max[thread_id], buffers.row_scales[thread_id], settings.num_true
    sigmoids(block.top, block.padded, block.num_panels, scratch, linear, products)
    true_logits, true_grad = scratch.true_logits, scratch.true_grad
    share = 1.0 / (block.num_sampled + 1)
    beta = label_weight(objective, block.num_sampled) * share / num_true
    for b in range(block.top, block.top + block.rows):
        loss, above = share * loss_of_candidates(b - block.top, linear, products), scratch.loss_grad[b]
        for i in range(b * num_true, (b + 1) * num_true):
            loss += beta * softplus(-true_logits[i])
            true_grad[i] = -above * beta * sigmoid(-true_logits[i])
        scratch.losses[b] = loss
        in_all_lanes(products, b - block.top, above * share)
    zero_scales(products, block.rows, block.padded)


@jit
def label_weight(objective, num_sampled):
    """Return what the loss of the label is multiplied by: 1 - calibration * (1 - share of the classes that are drawn).

    That is the formula of the paper, a (t (1 - 1/a) + 1/a) with a = num_sampled / (num_classes - 1), multiplied out.
    """
    drawn = min(1.0, num_sampled / (objective.num_classes - 1))
    return 1.0 - objective.calibration * (1.0 - drawn)


@jit
def _softmax_of_candidates(logits, num_true, gradient):
    """Write the softmax of the candidates to their part of the gradient; return its log-sum-exp.

    Where all candidates are left out it is -inf, and the whole gradient is zeros.
    """
    largest, total = -math.inf, 0.0
    for c in range(num_true, logits.size):
        largest = max(largest, logits[c])
    for c in range(logits.size):
        gradient[c] = 0
    if largest == -math.inf:
        return largest
    for c in range(num_true, logits.size):
        gradient[c] = math.exp(logits[c] - largest)
        total += gradient[c]
    for c in range(num_true, logits.size):
        gradient[c] /= total
    return largest + math.log(total)


@row_loss.register(LogQ2025)
@jit
def _log_q_2025_row(objective, logits, num_true, gradient):
    log_sum = _softmax_of_candidates(logits, num_true, gradient)
    loss, weights = 0.0, 0.0
    for i in range(num_true):
        if log_sum != -math.inf:
            weight = one_minus_share(logits[i], log_sum) / num_true
            loss += weight * (log_sum - logits[i])
            weights += weight
            gradient[i] = -weight
    for c in range(num_true, logits.size):
        gradient[c] *= weights
    return loss


@row_loss.register(BilateralSoftmax)
@jit
def _bilateral_row(objective, logits, num_true, gradient):
    log_sum = _softmax_of_candidates(logits, num_true, gradient)
    if log_sum == -math.inf:
        return 0.0
    loss = objective.exponent * (log_sum - math.log(logits.size - num_true))
    for i in range(num_true):
        loss -= logits[i] / num_true
        gradient[i] = -1.0 / num_true
    for c in range(num_true, logits.size):
        gradient[c] *= objective.exponent
    return loss


@row_loss.register(CalibratedSigmoid)
@jit
def _calibrated_row(objective, logits, num_true, gradient):
    num_sampled = logits.size - num_true
    share, loss = 1.0 / (num_sampled + 1), 0.0
    beta = label_weight(objective, num_sampled) * share / num_true
    for i in range(num_true):
        loss += beta * softplus(-logits[i])
        gradient[i] = -beta * sigmoid(-logits[i])
    for c in range(num_true, logits.size):
        loss += share * softplus(logits[c])
        gradient[c] = share * sigmoid(logits[c])
    return loss

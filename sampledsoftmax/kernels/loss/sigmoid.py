"""Sigmoid cross-entropy, summed over the columns of a row; true columns have target 1 / num_true.

A sampled column of -inf is left out: its loss and its gradient are 0. The loss of a logit x is
max(x, 0) + log(1 + exp(-|x|)). A sum of logarithms is computed as one logarithm of the product. The product is kept as
q = product - 1, so that small terms are not lost: (1 + q) * (1 + e) - 1 = q + e + q * e.
"""

import math

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.loss.objectives import SigmoidCrossEntropy, block_loss
from sampledsoftmax.kernels.loss.softmax import in_all_lanes, zero_scales

# Factors are at most 2: 31 of them in each of up to 32 lanes of a row stay below the largest float64, 2**1024.
_FACTORS = 31


@jit
def softplus(x):
    """Return log(1 + exp(x)) without overflow: log1p is exact where exp(-|x|) is small."""
    return (x if x > 0 else 0.0) + math.log1p(math.exp(-abs(x)))


@jit
def sigmoid(x):
    """Return 1 / (1 + exp(-x)); the argument of the exponential is never above 0."""
    e = math.exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


@block_loss.register(SigmoidCrossEntropy)
@jit
def _sigmoid_block_loss(objective, block, settings, scratch, buffers, thread_id):
    linear, products, num_true = buffers.row_max[thread_id], buffers.row_scales[thread_id], settings.num_true
    sigmoids(block.top, block.padded, block.num_panels, scratch, linear, products)
    true_logits, true_grad = scratch.true_logits, scratch.true_grad
    loss_grad, losses = scratch.loss_grad, scratch.losses
    for b in range(block.top, block.top + block.rows):
        total = loss_of_candidates(b - block.top, linear, products)
        for i in range(b * num_true, (b + 1) * num_true):
            logit = true_logits[i]
            # For one label that is certain, both linear terms are the logit, which would swamp the rest.
            total += (max(logit, 0) - logit / num_true) + math.log1p(math.exp(-abs(logit)))
            true_grad[i] = loss_grad[b] * (sigmoid(logit) - 1 / num_true)
        losses[b] = total
        in_all_lanes(products, b - block.top, loss_grad[b])
    zero_scales(products, block.rows, block.padded)


@jit
def sigmoids(top, padded, num_panels, scratch, linear, products):
    """Replace sampled logits by their sigmoids; accumulate both terms of the losses lane by lane."""
    panels, width = scratch.sampled_exp, width_of(linear)
    first, size = top * width, padded * width
    for i in range(size):
        linear[i] = 0
        products[i] = 0
    for p in range(0, num_panels, _FACTORS):
        if p > 0:
            _take_logarithms(size, linear, products)
        _sigmoids_of_panels(panels, first, size, p, min(p + _FACTORS, num_panels), linear, products)


@jit
def loss_of_candidates(row, linear, products):
    """Return the loss of the sampled columns of a row of the block."""
    width = width_of(linear)
    total, product = 0.0, 0.0
    for i in range(row * width, (row + 1) * width):
        total += linear[i]
        factor = float(products[i])
        product += factor + product * factor
    return total + math.log1p(product)


@jit_fused
def _sigmoids_of_panels(panels, first, size, start, end, linear, products):
    one = panels.dtype.type(1)
    for p in range(start, end):
        entries = panels[p, first : first + size]
        for i in range(size):
            x = entries[i]
            e = exp_not_above_0(x if x < 0 else -x)
            linear[i] += x if x > 0 else panels.dtype.type(0)
            products[i] += e + products[i] * e
            entries[i] = (one if x >= 0 else e) / (one + e)


@jit
def _take_logarithms(size, linear, products):
    for i in range(size):
        linear[i] += math.log1p(products[i])
        products[i] = 0

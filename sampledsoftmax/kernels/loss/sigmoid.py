"""Sigmoid cross-entropy, summed over the columns of a row; true columns have target 1 / num_true.

A sampled column of -inf is left out: its loss and its gradient are 0. The loss of a logit x is
max(x, 0) + log(1 + exp(-|x|)); of a sum of logarithms only one is taken, that of the product. It is kept as
q = product - 1, so that small terms are not lost: (1 + q) * (1 + e) - 1 = q + e + q * e.
"""

import math

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.loss.softmax import in_all_lanes, no_scales

# Factors are at most 2: so many of them, in each of up to 32 lanes of a row, stay below the largest float64 (2**1024).
_FACTORS = 31


@jit
def softplus(x):
    """Return log(1 + exp(x)) without overflow: log1p is exact where exp(-|x|) is small."""
    return (x if x > 0 else 0.0) + math.log1p(math.exp(-abs(x)))


@jit
def sigmoid(x):
    """Return 1 / (1 + exp(-x)); the exponential is taken of a number that is not above 0."""
    e = math.exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


@jit
def block(top, rows, padded, num_panels, num_true, scratch, linear, products):
    """Turn logits of rows top .. top + rows into losses and gradients; `padded` rows are computed.

    The sampled columns are left as sigmoids; what gradients are these times is written to all lanes of `products`.
    """
    sigmoids(top, padded, num_panels, scratch, linear, products)
    true_logits, loss_grad, losses = scratch.true_logits, scratch.loss_grad, scratch.losses
    for b in range(top, top + rows):
        total = loss_of_candidates(b - top, linear, products)
        for i in range(b * num_true, (b + 1) * num_true):
            logit = true_logits[i]
            # Of one label that is sure, both linear terms are the logit, beside which the rest would be lost.
            total += (max(logit, 0) - logit / num_true) + math.log1p(math.exp(-abs(logit)))
            true_logits[i] = loss_grad[b] * (sigmoid(logit) - 1 / num_true)
        losses[b] = total
        in_all_lanes(products, b - top, loss_grad[b])
    no_scales(products, rows, padded)


@jit
def sigmoids(top, padded, num_panels, scratch, linear, products):
    """Replace sampled logits by their sigmoids, and leave what the losses of the rows are made of, lane by lane."""
    panels, width = scratch.flat_exponentials, width_of(linear)
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

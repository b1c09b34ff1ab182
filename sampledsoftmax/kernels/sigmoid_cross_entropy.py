"""Sigmoid cross-entropy, summed over the columns of a row; true columns have target 1 / num_true.

A sampled column of -inf is left out: its loss and its gradient are 0.
"""

import math

from sampledsoftmax.kernels.jit import jit_inner


@jit_inner
def _softplus(x):
    """Return log(1 + exp(x)) without overflow: log1p is exact where exp(-|x|) is small."""
    return (x if x > 0 else 0.0) + math.log1p(math.exp(-abs(x)))


@jit_inner
def _sigmoid(x):
    """Return 1 / (1 + exp(-x)); the exponential is taken of a number that is not above 0."""
    e = math.exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


@jit_inner
def block(top, rows, padded, num_panels, num_true, scratch):
    """Turn logits of rows top .. top + rows into losses and gradients; `padded` rows are computed."""
    true_logits, loss_grad, losses = scratch.true_logits, scratch.loss_grad, scratch.losses
    logits, scales = scratch.exponentials, scratch.scales
    for b in range(top, top + padded):
        total = 0.0
        for p in range(num_panels):
            for c in range(logits.shape[2]):
                total += _softplus(logits[p, b, c])
                logits[p, b, c] = _sigmoid(logits[p, b, c])
        scale = loss_grad.dtype.type(0)
        if b < top + rows:
            scale = loss_grad[b]
            for i in range(b * num_true, (b + 1) * num_true):
                logit = true_logits[i]
                total += _softplus(logit) - logit / num_true
                true_logits[i] = scale * (_sigmoid(logit) - 1 / num_true)
            losses[b] = total
        for c in range(logits.shape[2]):
            scales[0, b, c] = scale

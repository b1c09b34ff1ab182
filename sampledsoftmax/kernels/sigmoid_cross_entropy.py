"""Sigmoid cross-entropy, summed over the columns of a row; true columns have target 1 / num_true.

A sampled column of -inf is left out: its loss and its gradient are 0.
"""

import math

from sampledsoftmax.kernels.jit import jit


@jit
def _softplus(x):
    """Return log(1 + exp(x)) without overflow: log1p is exact where exp(-|x|) is small."""
    return (x if x > 0 else 0.0) + math.log1p(math.exp(-abs(x)))


@jit
def _sigmoid(x):
    """Return 1 / (1 + exp(-x)); the exponential is taken of a number that is not above 0."""
    e = math.exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


@jit
def row_losses(true, sampled, losses):
    """Write the sum over the columns of log(1 + exp(x)) - target * x to losses[b]."""
    for b in range(true.shape[0]):
        total = 0.0
        for t in range(true.shape[1]):
            total += _softplus(true[b, t]) - true[b, t] / true.shape[1]
        for s in range(sampled.shape[1]):
            total += _softplus(sampled[b, s])
        losses[b] = total


@jit
def logit_gradients(true, sampled, loss_grad):
    """Replace the logits of row b by loss_grad[b] * (sigmoid(x) - target), in place."""
    for b in range(true.shape[0]):
        for t in range(true.shape[1]):
            true[b, t] = loss_grad[b] * (_sigmoid(true[b, t]) - 1 / true.shape[1])
        for s in range(sampled.shape[1]):
            sampled[b, s] = loss_grad[b] * _sigmoid(sampled[b, s])

"""Softmax cross-entropy over the true and the sampled columns of a row, in two halves around one exp.

The target probability of each of the num_true true columns is 1 / num_true. A sampled column of -inf is
left out: its exponential is 0, in the sum and in the gradient.
"""

import math

from sampledsoftmax.kernels.jit import jit, jit_sum


@jit
def subtract_row_max(true, sampled):
    """Subtract from each row of both, in place, the largest entry of the row in either."""
    for b in range(true.shape[0]):
        largest = true[b, 0]
        for t in range(1, true.shape[1]):
            largest = max(largest, true[b, t])
        for s in range(sampled.shape[1]):
            largest = max(largest, sampled[b, s])
        for t in range(true.shape[1]):
            true[b, t] -= largest
        for s in range(sampled.shape[1]):
            sampled[b, s] -= largest


@jit_sum
def row_losses(true, exp_sampled, normalizers, losses):
    """Write z[b] = sum of the exponentials of row b, and log(z[b]) - mean of true[b]; `true` is shifted."""
    for b in range(true.shape[0]):
        normalizer = math.exp(true[b, 0])
        total = true[b, 0]
        for t in range(1, true.shape[1]):
            normalizer += math.exp(true[b, t])
            total += true[b, t]
        for s in range(exp_sampled.shape[1]):
            normalizer += exp_sampled[b, s]
        normalizers[b] = normalizer
        losses[b] = math.log(normalizer) - total / true.shape[1]


@jit
def logit_gradients(true, exp_sampled, normalizers, loss_grad):
    """Turn shifted true logits and sampled exponentials into loss_grad[b] * (p - target), in place."""
    for b in range(true.shape[0]):
        scale = loss_grad[b] / normalizers[b]
        target = loss_grad[b] / true.shape[1]
        for t in range(true.shape[1]):
            true[b, t] = math.exp(true[b, t]) * scale - target
        for s in range(exp_sampled.shape[1]):
            exp_sampled[b, s] *= scale

"""The softmax over all classes, a block of columns at a time, with a running maximum and sum."""

import math

from sampledsoftmax.kernels.jit import jit, jit_sum


@jit
def pick_labels(logits, labels, first, out):
    """Write to out[b, t] the logit of labels[b, t] where it lies in the block from class `first` on."""
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            column = labels[b, t] - first
            if 0 <= column < logits.shape[1]:
                out[b, t] = logits[b, column]


@jit
def shift_block(logits, largest, sums):
    """Raise largest[b] to the maximum of the block, rescale sums[b] to it, subtract it from the block.

    Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018, algorithm 3.
    """
    for b in range(logits.shape[0]):
        top = largest[b]
        for v in range(logits.shape[1]):
            top = max(top, logits[b, v])
        if top > largest[b]:
            sums[b] *= math.exp(largest[b] - top)
            largest[b] = top
        for v in range(logits.shape[1]):
            logits[b, v] -= top


@jit_sum
def add_block(exponentials, sums):
    """Add each row of the block's exponentials to sums[b] (float64)."""
    for b in range(exponentials.shape[0]):
        total = exponentials[b, 0]
        for v in range(1, exponentials.shape[1]):
            total += exponentials[b, v]
        sums[b] += total


@jit
def subtract_targets(gradient, labels, loss_grad, first):
    """Subtract loss_grad[b] / num_true at each label of example b that lies in the block from `first` on."""
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            column = labels[b, t] - first
            if 0 <= column < gradient.shape[1]:
                gradient[b, column] -= loss_grad[b] / labels.shape[1]

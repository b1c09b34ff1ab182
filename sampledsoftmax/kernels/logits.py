"""Logits of the true classes, the offsets of the sampled ones, and accidental hits."""

import math

from sampledsoftmax.kernels.jit import jit, jit_sum


@jit_sum
def true_logits(weights, biases, labels, inputs, out):
    """Write inputs[b] . weights[labels[b, t]] + biases[labels[b, t]] to out[b, t]."""
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            row = labels[b, t]
            total = inputs[b, 0] * weights[row, 0]
            for d in range(1, inputs.shape[1]):
                total += inputs[b, d] * weights[row, d]
            out[b, t] = total + biases[row]


@jit
def add_columns(logits, offsets):
    """Add offsets[s] to column s of `logits`, in place."""
    for b in range(logits.shape[0]):
        for s in range(logits.shape[1]):
            logits[b, s] += offsets[s]


@jit
def leave_out_hits(logits, labels, ordered_ids, order):
    """Set logits[b, s] to -inf where candidate s is a label of example b: every copy of it.

    `ordered_ids` are the candidates in rising order, and ordered_ids[i] is candidate order[i].
    """
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            label = labels[b, t]
            low, high = 0, ordered_ids.size
            while low < high:
                middle = (low + high) // 2
                if ordered_ids[middle] < label:
                    low = middle + 1
                else:
                    high = middle
            while low < ordered_ids.size and ordered_ids[low] == label:
                logits[b, order[low]] = -math.inf
                low += 1

"""Logits of the true classes, the offsets of the sampled ones, and accidental hits."""

import math

from sampledsoftmax.kernels.jit import jit, jit_sum


@jit_sum
def true_logits(rows, biases, inputs, out):
    """Write inputs[b] . rows[b * num_true + t] + biases[b, t] to out[b, t]."""
    for b in range(out.shape[0]):
        for t in range(out.shape[1]):
            i = b * out.shape[1] + t
            total = inputs[b, 0] * rows[i, 0]
            for d in range(1, inputs.shape[1]):
                total += inputs[b, d] * rows[i, d]
            out[b, t] = total + biases[b, t]


@jit
def add_columns(logits, offsets):
    """Add offsets[s] to column s of `logits`, in place."""
    for b in range(logits.shape[0]):
        for s in range(logits.shape[1]):
            logits[b, s] += offsets[s]


@jit
def leave_out_hits(logits, labels, ordered_ids, order, last_copy_only):
    """Set logits[b, s] to -inf where candidate s is a label of example b: every copy of it, or the last.

    `ordered_ids` are the candidates in rising order, and ordered_ids[i] is candidate order[i].
    """
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            label = labels[b, t]
            i = _first_at_least(ordered_ids, label)
            while i < ordered_ids.size and ordered_ids[i] == label:
                is_last = i + 1 == ordered_ids.size or ordered_ids[i + 1] != label
                if is_last or not last_copy_only:
                    logits[b, order[i]] = -math.inf
                i += 1


@jit
def _first_at_least(ordered_ids, wanted):
    low, high = 0, ordered_ids.size
    while low < high:
        middle = (low + high) // 2
        if ordered_ids[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low

"""Hard negatives: the largest logits of a row stay, all others are left out."""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.packing import width_of


@jit
def keep_largest(logits, row, own, num_columns, heap):
    """Set the logits of a row to -inf, except that of column `own`, the heap.size largest others, and NaN.

    Of equal logits the first stay.
    """
    width = width_of(logits)
    for i in range(heap.size):
        heap[i] = -math.inf
    for j in range(num_columns):
        logit = logits[j // width, row, j % width]
        if j != own and logit > heap[0]:
            _replace_root(heap, logit)
    smallest, equal = heap[0], heap.size
    for i in range(heap.size):
        equal -= heap[i] > smallest
    for j in range(num_columns):
        logit = logits[j // width, row, j % width]
        if j != own and logit <= smallest:
            if logit == smallest and equal > 0:
                equal -= 1
            else:
                logits[j // width, row, j % width] = -math.inf


@jit
def _replace_root(heap, logit):
    """Replace the smallest entry of a heap."""
    parent, child = 0, 1
    while child < heap.size:
        if child + 1 < heap.size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= logit:
            break
        heap[parent] = heap[child]
        parent, child = child, 2 * child + 1
    heap[parent] = logit

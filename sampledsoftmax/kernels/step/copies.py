"""Candidates that were drawn more than once: the last copy gets the gradients of all, and its row one update."""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.packing import width_of

COPIED = -2  # head of the group of a candidate that has a later copy


@jit
def mark_copies(num_sampled, previous_copy, heads):
    """Mark the groups of candidates that have a later copy; they have no labels, which are those of the last copy."""
    for s in range(num_sampled):
        if previous_copy[s] >= 0:
            heads[previous_copy[s]] = COPIED


@jit
def add_copies(first, last, rows, scratch):
    """Add the gradients of the logits of earlier copies to those of candidates first .. last, for `rows` examples.

    Earlier copies keep theirs: other threads may be reading them.
    """
    grad, previous_copy, heads = scratch.sampled_grad, scratch.previous_copy, scratch.class_groups.head
    width = width_of(grad)
    for s in range(first, last):
        copy = previous_copy[s]
        while copy >= 0 and heads[s] != COPIED:
            for b in range(rows):
                grad[s // width, b, s % width] += grad[copy // width, b, copy % width]
            copy = previous_copy[copy]

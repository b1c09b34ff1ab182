"""Groups of equal classes, as linked lists, found by a sparse set over all classes instead of a hash table.

Briggs and Torczon, "An efficient representation for sparse sets", 1993: place[c] may hold anything; class c is in the
set if the group that it names exists and has the id c. So nothing is cleared between two steps.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS


@jit
def group_classes(labels, first_group, scratch, examples):
    """Give each class of the batch a group: candidate s is group s, other labels get groups from `first_group` on.

    Groups without a class have the id -1: copies of a candidate after its first one, and padding. The list of a group
    names its labels in increasing order.
    """
    groups, candidates = scratch.class_groups, scratch.candidates
    ids, heads, next_of = groups.ids, groups.head, groups.next
    place, copies, group_of = examples.place, examples.copies, scratch.group_of_label
    for u in range(first_group):
        ids[u] = heads[u] = -1
    for s in range(candidates.size):
        u = place[candidates[s]]
        copies[s] = 0
        if u >= s or ids[u] != candidates[s]:
            u = s
            ids[s] = candidates[s]
            place[ids[s]] = s
        copies[u] += 1
    num_groups = first_group
    for i in range(labels.size - 1, -1, -1):  # a list grows at its head
        # Without branches: which label is new is unpredictable.
        c = labels[i]
        u = place[c]
        is_new = u >= num_groups or ids[u] != c
        u = num_groups if is_new else u
        next_of[i] = -1 if is_new else heads[u]
        place[c] = u
        ids[u] = c
        heads[u] = i
        group_of[i] = u
        num_groups += is_new
    scratch.sizes[NUM_CLASS_GROUPS] = num_groups


@jit
def split_labels(first, end, label_starts, examples):
    """Write where the labels of each of the examples first .. end start in the batch, and the example of each label."""
    starts, example_of = examples.starts, examples.example_of
    for b in range(end - first):
        starts[b] = label_starts[first + b] - label_starts[first]
        for i in range(
            label_starts[first + b] - label_starts[first], label_starts[first + b + 1] - label_starts[first]
        ):
            example_of[i] = b
    starts[end - first] = label_starts[end] - label_starts[first]

"""The first phase of a step: draw the candidates, group equal classes and equal inputs."""

from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.hash_table import clear
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.copies import mark_copies
from sampledsoftmax.kernels.step.id_groups import group_equal_ids, insert_candidates
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES

_PHILOX_BLOCKS = np.uint64(candidates.BLOCKS_PER_CANDIDATE)


class SampleSource(NamedTuple):
    """Where candidates come from: a distribution, and the position in its random stream (three uint64)."""

    distribution: Any
    seed: Any
    stream: Any
    block: Any


@jit
def draw_candidates(call, source, scratch):
    """Draw the candidates of the call-th sample from the position of `source`; NUM_TRIES is -1 where that fails."""
    ids = scratch.candidates
    block = source.block + np.uint64(call) * np.uint64(ids.size) * _PHILOX_BLOCKS
    candidates.seek(scratch.cursor, source.seed, source.stream, block)
    size = clear(scratch.hash_keys, ids.size)
    scratch.sizes[NUM_TRIES] = candidates.draw(source.distribution, scratch.cursor, True, scratch.hash_keys[:size], ids)


@jit
def group_classes(labels, first_group, scratch):
    """Give each class of the batch a group: candidate s is group s, other labels get groups from `first_group` on.

    Of equal candidates the last one has the labels; the groups of the others are marked as copies.
    """
    keys, values = scratch.hash_keys, scratch.hash_values
    size = clear(keys, scratch.candidates.size + labels.size)
    insert_candidates(scratch.candidates, keys, values, size, scratch.previous_copy)
    scratch.sizes[NUM_CLASS_GROUPS] = group_equal_ids(
        labels, keys, values, size, first_group, scratch.group_of_label, scratch.class_groups
    )
    mark_copies(scratch.candidates.size, scratch.previous_copy, scratch.class_groups.head)


@jit
def group_inputs(input_ids, scratch):
    """Group equal inputs, in the second half of the hash table: another thread may be using the first."""
    keys = scratch.hash_keys[scratch.hash_keys.size // 2 :]
    values = scratch.hash_values[scratch.hash_values.size // 2 :]
    size = clear(keys, input_ids.size)
    scratch.sizes[NUM_INPUT_GROUPS] = group_equal_ids(
        input_ids, keys, values, size, 0, scratch.group_of_input, scratch.input_groups
    )

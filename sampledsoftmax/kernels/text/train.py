"""Training on a text: shards compute gradients against the same tables, then all are applied by the owners of the rows.

Each shard has its own part of the text and its own candidates. A thread computes one or more shards, or a share of one
if there are more threads than shards, and then updates the rows that it owns, with the gradients of one shard after the
other. The number of shards decides the result, the number of threads only who computes.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.train import FINISHED, NOT_FINITE, OUTCOME, STEPS_TAKEN, TOO_FEW_CLASSES
from sampledsoftmax.kernels.structs import NUM_TRIES
from sampledsoftmax.kernels.sync.atomics import prefetch_read, prefetch_write
from sampledsoftmax.kernels.sync.barrier import barrier
from sampledsoftmax.kernels.sync.thread_group import thread_group_of
from sampledsoftmax.kernels.text.shard import EXAMPLES, LOSS, PAIRS, reset_counters, shard_gradients
from sampledsoftmax.kernels.text.windows import read_tokens
from sampledsoftmax.kernels.update.rules import prefetch_slots, update_row

_PREFETCH_DISTANCE = 6  # rows, to hide the latency of memory


class Block(NamedTuple):
    """A block of an epoch, trained in one call.

    Attributes
    ----------
    first, last : int64 [num_shards]
        The positions in the text of each shard.
    seed, stream : uint64
        The random stream of the text.
    batch_size : int
        Maximum words of a shard in a step.
    learn_biases : bool
    """

    first: Any
    last: Any
    seed: Any
    stream: Any
    batch_size: int
    learn_biases: bool


@jit
def run_text_steps(
    thread_id, num_threads, shared, tables, rule, text, block, source, settings, shards, buffers, totals, status
):
    """Train on one block of the text; totals[LOSS], totals[PAIRS] and totals[EXAMPLES] are added to.

    status[OUTCOME] becomes FINISHED, NOT_FINITE (no table was changed by that step) or TOO_FEW_CLASSES;
    status[STEPS_TAKEN] is the number of steps that were taken.
    """
    num_shards = len(shards)
    group = thread_group_of(thread_id, num_threads, shared, num_shards)
    if group.member == 0:
        for k in range(group.first, group.end):
            reset_counters(shards[k])
            read_tokens(text, block.seed, block.stream, block.first[k], block.last[k], shards[k].tokens)
    if not barrier(shared, num_threads):
        return
    steps = _num_steps(shards, block.batch_size)
    for step in range(steps):
        for k in range(group.first, group.end):
            bounds = shards[k].tokens.bounds
            first, words = bounds[1], bounds[2] - bounds[1]
            if not shard_gradients(
                group, first + words * step // steps, first + words * (step + 1) // steps, tables, text,
                step * num_shards + k, source, settings, shards[k], buffers,
            ):  # fmt: skip
                return
        if not barrier(shared, num_threads):
            return
        outcome = _outcome(shards)
        if outcome != FINISHED:
            status[OUTCOME] = outcome
            return
        for k in range(num_shards):
            _update(thread_id, num_threads, tables, rule, block.learn_biases, shards[k])
        if thread_id == 0:
            _add_totals(shards, source.distribution, totals)
            status[STEPS_TAKEN] = step + 1
        if not barrier(shared, num_threads):
            return


@jit
def _num_steps(shards, batch_size):
    """Return how many steps the shard with the most words needs; the others take smaller batches."""
    steps = 0
    for k in range(len(shards)):
        bounds = shards[k].tokens.bounds
        steps = max(steps, ceil_div(bounds[2] - bounds[1], batch_size))
    return steps


@jit
def _outcome(shards):
    for k in range(len(shards)):
        if shards[k].scratch.sizes[NUM_TRIES] < 0:
            return TOO_FEW_CLASSES
        if not math.isfinite(shards[k].totals[LOSS]):
            return NOT_FINITE
    return FINISHED


@jit
def _update(thread_id, num_threads, tables, rule, learn_biases, shard):
    """Apply the gradients of a shard to the rows that this thread owns."""
    inputs, classes = shard.scratch.input_groups.ids, shard.scratch.class_groups.ids
    first, next_of = shard.owned_inputs.head[thread_id], shard.owned_inputs.next
    _update_rows(first, next_of, num_threads, rule, tables.inputs, tables.inputs_slots, inputs, shard.flat_input_rows)
    first, next_of = shard.owned_classes.head[thread_id], shard.owned_classes.next
    _update_rows(
        first, next_of, num_threads, rule, tables.weights, tables.weights_slots, classes, shard.flat_class_rows
    )
    if learn_biases:
        _update_rows(
            first, next_of, num_threads, rule, tables.biases, tables.biases_slots, classes, shard.class_entries
        )


@jit
def _update_rows(first, next_of, num_threads, rule, table, slots, ids, rows):
    """Apply gradients first, next_of[first], ... to the rows of a table."""
    u = ahead = first
    for _ in range(_PREFETCH_DISTANCE):
        ahead = _prefetch(ahead, num_threads, table, slots, rows, ids, next_of)
    while u >= 0:
        ahead = _prefetch(ahead, num_threads, table, slots, rows, ids, next_of)
        update_row(rule, table, slots, ids[u], rows, u)
        u = next_of[u]


@jit
def _prefetch(u, num_threads, table, slots, rows, ids, next_of):
    """Prefetch the row of gradient u, if there is one; return the next gradient of the list."""
    if u < 0:
        return u
    prefetch_write(table, ids[u])
    prefetch_slots(slots, ids[u])
    if num_threads > 1:
        prefetch_read(rows, u)
    return next_of[u]


@jit
def _add_totals(shards, distribution, totals):
    """Add the totals of the shards, and let the distribution learn their labels."""
    for k in range(len(shards)):
        shard = shards[k]
        for i in (LOSS, PAIRS, EXAMPLES):
            totals[i] += shard.totals[i]
        candidates.learn(distribution, shard.examples.label_ids[: np.int64(shard.totals[PAIRS])])

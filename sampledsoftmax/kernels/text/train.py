"""Training on a text: shards compute gradients against the same tables, then all are applied by the owners of the rows.

The number of shards is fixed; each has its own part of the text and its own candidates. A thread computes one or more
shards, and then updates the rows that it owns, with the gradients of one shard after the other. The number of threads
thus decides who computes, and no bit of a result.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.train import FINISHED, NOT_FINITE, OUTCOME, STEPS_TAKEN, TOO_FEW_CLASSES
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES
from sampledsoftmax.kernels.sync.atomics import prefetch_read, prefetch_write
from sampledsoftmax.kernels.sync.barrier import barrier, static_range
from sampledsoftmax.kernels.text.shard import EXAMPLES, LOSS, PAIRS, shard_gradients
from sampledsoftmax.kernels.text.windows import read_tokens
from sampledsoftmax.kernels.update.rules import prefetch_slots, update_row

_PREFETCH_DISTANCE = 6  # rows, to hide the latency of memory
# Sixteen adjacent rows have one owner: threads that write to one cache line wait for it.
_OWNED_ROWS_LOG2 = 4


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
    first_shard, end_shard = static_range(thread_id, num_threads, num_shards)
    for k in range(first_shard, end_shard):
        read_tokens(text, block.seed, block.stream, block.first[k], block.last[k], shards[k].tokens)
    if not barrier(shared, num_threads):
        return
    steps = 0
    for k in range(num_shards):
        bounds = shards[k].tokens.bounds
        steps = max(steps, ceil_div(bounds[2] - bounds[1], block.batch_size))
    for step in range(steps):
        for k in range(first_shard, end_shard):
            shard = shards[k]
            first, words = shard.tokens.bounds[1], shard.tokens.bounds[2] - shard.tokens.bounds[1]
            shard_gradients(
                first + words * step // steps, first + words * (step + 1) // steps, tables, text,
                step * num_shards + k, source, settings, shard, buffers, thread_id,
            )  # fmt: skip
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
    scratch = shard.scratch
    ids = scratch.input_groups.ids[: scratch.sizes[NUM_INPUT_GROUPS]]
    table, slots, rows = tables.inputs, tables.inputs_slots, shard.flat_input_rows
    for u in range(ids.size):
        _prefetch_ahead(thread_id, num_threads, table, slots, rows, ids, u)
        if _owns(thread_id, num_threads, ids[u]):
            update_row(rule, table, slots, ids[u], rows, u)
    ids = scratch.class_groups.ids[: scratch.sizes[NUM_CLASS_GROUPS]]
    table, slots, rows = tables.weights, tables.weights_slots, shard.flat_class_rows
    biases, biases_slots, entries = tables.biases, tables.biases_slots, shard.class_entries
    for u in range(ids.size):
        _prefetch_ahead(thread_id, num_threads, table, slots, rows, ids, u)
        if ids[u] >= 0 and _owns(thread_id, num_threads, ids[u]):
            update_row(rule, table, slots, ids[u], rows, u)
            if learn_biases:
                update_row(rule, biases, biases_slots, ids[u], entries, u)


@jit
def _owns(thread_id, num_threads, row):
    return num_threads == 1 or (row >> _OWNED_ROWS_LOG2) % num_threads == thread_id


@jit
def _prefetch_ahead(thread_id, num_threads, table, slots, rows, ids, u):
    if u + _PREFETCH_DISTANCE < ids.size:
        row = ids[u + _PREFETCH_DISTANCE]
        if row >= 0 and _owns(thread_id, num_threads, row):
            prefetch_write(table, row)
            prefetch_slots(slots, row)
            if num_threads > 1:
                prefetch_read(rows, u + _PREFETCH_DISTANCE)


@jit
def _add_totals(shards, distribution, totals):
    """Add the totals of the shards, and let the distribution learn their labels."""
    for k in range(len(shards)):
        shard = shards[k]
        for i in (LOSS, PAIRS, EXAMPLES):
            totals[i] += shard.totals[i]
        candidates.learn(distribution, shard.examples.label_ids[: np.int64(shard.totals[PAIRS])])

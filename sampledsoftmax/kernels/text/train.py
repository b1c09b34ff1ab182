"""Training on a text: readers take gradients from the same tables, then all of them are applied, by owners of rows.

The number of readers is fixed, each has its own part of the text and its own candidates. A thread does the work of one
or more readers, and then updates the rows that it owns, with the gradients of one reader after the other. So the
number of threads decides who computes, and no bit of a result.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.train import FINISHED, NOT_FINITE, TOO_FEW_CLASSES, SampleSource
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES
from sampledsoftmax.kernels.sync.atomics import prefetch_read, prefetch_write
from sampledsoftmax.kernels.sync.barrier import barrier
from sampledsoftmax.kernels.text.shard import EXAMPLES, LOSS, PAIRS, shard_gradients
from sampledsoftmax.kernels.text.windows import read_tokens
from sampledsoftmax.kernels.update.rules import update_row

_BLOCKS = np.uint64(candidates.BLOCKS_PER_CANDIDATE)
_PREFETCH_DISTANCE = 6  # rows asked for before they are needed, against the latency of memory
# Sixteen rows beside one another have one owner: threads that write to one line of the cache wait for it.
_BITS_OF_NEIGHBOURS = 4


class Block(NamedTuple):
    """A part of an epoch that is trained in one call.

    Attributes
    ----------
    first, last : int64 [readers]
        Positions in the text.
    seed, stream : uint64
        Where the random numbers of the text come from.
    batch_size : int
        Words that a reader takes at a time, at most.
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
    thread_id, num_threads, shared, trained, rule, text, block, draw, settings, shards, buffers, sums, status
):
    """Train on one block; sums[LOSS], sums[PAIRS] and sums[EXAMPLES] are added to.

    status[0] becomes FINISHED, NOT_FINITE (no table was changed by that step) or TOO_FEW_CLASSES; status[1] is
    the number of steps that were taken.
    """
    num_shards = len(shards)
    first_shard, end_shard = num_shards * thread_id // num_threads, num_shards * (thread_id + 1) // num_threads
    for k in range(first_shard, end_shard):
        read_tokens(text, block.seed, block.stream, block.first[k], block.last[k], shards[k].tokens)
    if not barrier(shared, num_threads, 1):
        return
    steps = 0
    for k in range(num_shards):
        bounds = shards[k].tokens.bounds
        steps = max(steps, ceil_div(bounds[2] - bounds[1], block.batch_size))
    for step in range(steps):
        for k in range(first_shard, end_shard):
            shard = shards[k]
            place = draw.block + np.uint64(step * num_shards + k) * np.uint64(shard.scratch.candidates.size) * _BLOCKS
            first, words = shard.tokens.bounds[1], shard.tokens.bounds[2] - shard.tokens.bounds[1]
            shard_gradients(
                first + words * step // steps, first + words * (step + 1) // steps, trained, text,
                SampleSource(draw.distribution, draw.seed, draw.stream, place), settings, shard,
                buffers.maxima[thread_id], buffers.sums[thread_id],
            )  # fmt: skip
        if not barrier(shared, num_threads, 2 + 2 * step):
            return
        verdict = _verdict(shards)
        if verdict != FINISHED:
            status[0] = verdict
            return
        for k in range(num_shards):
            _update(thread_id, num_threads, trained, rule, block.learn_biases, shards[k])
        if thread_id == 0:
            _take_stock(shards, draw.distribution, sums)
            status[1] = step + 1
        if not barrier(shared, num_threads, 3 + 2 * step):
            return


@jit
def _verdict(shards):
    for k in range(len(shards)):
        if shards[k].scratch.sizes[NUM_TRIES] < 0:
            return TOO_FEW_CLASSES
        if not math.isfinite(shards[k].totals[LOSS]):
            return NOT_FINITE
    return FINISHED


@jit
def _update(thread_id, num_threads, trained, rule, learn_biases, shard):
    """Apply the gradients of a reader to the rows that this thread owns."""
    scratch = shard.scratch
    ids = scratch.input_groups.ids[: scratch.sizes[NUM_INPUT_GROUPS]]
    table, slot, rows = trained.inputs, trained.inputs_slot, shard.flat_input_rows
    for u in range(ids.size):
        _prefetch_ahead(thread_id, num_threads, table, slot, rows, ids, u)
        if _owns(thread_id, num_threads, ids[u]):
            update_row(rule, table, slot, ids[u], rows, u)
    ids = scratch.class_groups.ids[: scratch.sizes[NUM_CLASS_GROUPS]]
    table, slot, rows = trained.weights, trained.weights_slot, shard.flat_class_rows
    biases, biases_slot, entries = trained.biases, trained.biases_slot, shard.class_entries
    for u in range(ids.size):
        _prefetch_ahead(thread_id, num_threads, table, slot, rows, ids, u)
        if ids[u] >= 0 and _owns(thread_id, num_threads, ids[u]):
            update_row(rule, table, slot, ids[u], rows, u)
            if learn_biases:
                update_row(rule, biases, biases_slot, ids[u], entries, u)


@jit
def _owns(thread_id, num_threads, row):
    return num_threads == 1 or (row >> _BITS_OF_NEIGHBOURS) % num_threads == thread_id


@jit
def _prefetch_ahead(thread_id, num_threads, table, slot, rows, ids, u):
    if u + _PREFETCH_DISTANCE < ids.size:
        row = ids[u + _PREFETCH_DISTANCE]
        if row >= 0 and _owns(thread_id, num_threads, row):
            prefetch_write(table, row)
            if slot.shape[0] > 0:
                prefetch_write(slot, row)
            if num_threads > 1:
                prefetch_read(rows, u + _PREFETCH_DISTANCE)


@jit
def _take_stock(shards, distribution, sums):
    """Add up what the readers have done, and let the distribution learn their labels."""
    for k in range(len(shards)):
        shard = shards[k]
        for i in (LOSS, PAIRS, EXAMPLES):
            sums[i] += shard.totals[i]
        candidates.learn(distribution, shard.examples.label_ids[: np.int64(shard.totals[PAIRS])])

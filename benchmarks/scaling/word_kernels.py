"""Word training, phase by phase: blocks of the text on one thread, with the time of each phase of each shard.

The timed block calls the kernels of `run_text_steps` in their order, and leaves the same bits. The rows of tables are
updated by a number of owners, one after another: each does what one of that many threads would do.
"""

from benchmarks.scaling.clock import thread_ns
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import round_up
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.step.train import FINISHED, OUTCOME, STEPS_TAKEN
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES
from sampledsoftmax.kernels.sync.thread_group import ThreadGroup
from sampledsoftmax.kernels.text.gradients import sum_gradients
from sampledsoftmax.kernels.text.shard import (
    EXAMPLES,
    LOSS,
    _list_owned_rows,
    _make_batch,
    _operands,
    _pack_classes,
    _run_examples,
)
from sampledsoftmax.kernels.text.train import _add_totals, _num_steps, _outcome, _update
from sampledsoftmax.kernels.text.windows import read_tokens

PHASES = ("batch", "owners", "pack", "forward", "sums")
SERIAL = 2  # phases that one thread of a shard does; the others are divided
_OWNERS, _PACK, _FORWARD, _SUMS = range(1, len(PHASES))


@jit
def timed_block(
    tables, rule, text, block, source, settings, shards, buffers, totals, status, read, work, updates, rows
):
    """Train on a block as `run_text_steps` does on one thread, and write the nanoseconds of the phases."""
    num_shards, owners = len(shards), updates.shape[1]
    group = ThreadGroup(0, owners, shards[0].counters, 0, num_shards, 0, 1)
    for k in range(num_shards):
        start = thread_ns()
        read_tokens(text, block.seed, block.stream, block.first[k], block.last[k], shards[k].tokens)
        read[k] = thread_ns() - start
    steps = _num_steps(shards, block.batch_size)
    for step in range(steps):
        for k in range(num_shards):
            shard = shards[k]
            first, words = shard.tokens.bounds[1], shard.tokens.bounds[2] - shard.tokens.bounds[1]
            _timed_shard(
                group, first + words * step // steps, first + words * (step + 1) // steps, tables, text,
                step * num_shards + k, source, settings, shard, buffers, work[step, k],
            )  # fmt: skip
            rows[step, k] = shard.scratch.sizes[NUM_INPUT_GROUPS]
            for u in range(shard.scratch.sizes[NUM_CLASS_GROUPS]):
                rows[step, k] += shard.scratch.class_groups.ids[u] >= 0
        status[OUTCOME] = _outcome(shards)
        if status[OUTCOME] != FINISHED:
            return
        for owner in range(owners):
            start = thread_ns()
            for k in range(num_shards):
                _update(owner, owners, tables, rule, block.learn_biases, shards[k])
            updates[step, owner] = thread_ns() - start
        _add_totals(shards, source.distribution, totals)
        status[STEPS_TAKEN] = step + 1


@jit
def _timed_shard(group, first, last, tables, text, call, source, settings, shard, buffers, times):
    """Compute the gradients of a batch as `shard_gradients` does; write the nanoseconds of each phase."""
    scratch, totals = shard.scratch, shard.totals
    first_label = round_up(scratch.candidates.size, width_of(scratch.packed_candidates))
    before = thread_ns()
    _make_batch(first, last, text, call, first_label, source, shard)
    before = _lap(before, times, 0)
    _list_owned_rows(group.num_threads, shard)
    before = _lap(before, times, _OWNERS)
    size = int(totals[EXAMPLES])
    if size == 0 or scratch.sizes[NUM_TRIES] < 0:
        return
    operands = _operands(size, tables, text.center_is_input, shard)
    _pack_classes(group, first_label, operands, source.distribution, settings, shard)
    before = _lap(before, times, _PACK)
    _run_examples(group, size, tables.inputs, text.center_is_input, operands, settings, shard, buffers)
    before = _lap(before, times, _FORWARD)
    for b in range(size):
        totals[LOSS] += float(scratch.losses[b])
    sum_gradients(size, first_label, text.center_is_input, shard)
    _lap(before, times, _SUMS)


@jit
def _lap(before, times, phase):
    """Write the nanoseconds since `before` to times[phase], and return the time."""
    now = thread_ns()
    times[phase] = now - before
    return now

"""Word training, phase by phase: blocks of the text on one thread, with the time of each phase of each shard.

The timed block calls the kernels of `run_text_steps` in their order, and leaves the same bits. The rows of tables are
updated by a number of owners, one after another: each does what one of that many threads would do.
"""

from benchmarks.scaling.clock import thread_ns
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.kernels.linalg.packing import pack_rows, width_of
from sampledsoftmax.kernels.step.candidate_rows import pack_candidates
from sampledsoftmax.kernels.step.sampling_phase import draw_candidates, group_classes, group_inputs
from sampledsoftmax.kernels.step.train import FINISHED, OUTCOME, STEPS_TAKEN
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES, Operands
from sampledsoftmax.kernels.text.shard import (
    EXAMPLES,
    LOSS,
    PAIRS,
    _count,
    _list_candidates,
    _run_examples,
    _sum_classes,
    _sum_inputs,
    _take_means,
)
from sampledsoftmax.kernels.text.train import _add_totals, _outcome, _update
from sampledsoftmax.kernels.text.windows import make_examples, read_tokens

PHASES = ("examples", "draw", "group", "count", "pack", "forward", "sums")
SERIAL = 4  # phases that one thread of a shard does; the others can be split
_DRAW, _GROUP, _COUNT, _PACK, _FORWARD, _SUMS = range(1, len(PHASES))


@jit
def timed_block(
    tables, rule, text, block, source, settings, shards, buffers, totals, status, read, work, updates, rows
):
    """Train on a block as `run_text_steps` does on one thread, and write the nanoseconds of the phases."""
    num_shards, owners = len(shards), updates.shape[1]
    steps = 0
    for k in range(num_shards):
        start = thread_ns()
        read_tokens(text, block.seed, block.stream, block.first[k], block.last[k], shards[k].tokens)
        read[k] = thread_ns() - start
        bounds = shards[k].tokens.bounds
        steps = max(steps, ceil_div(bounds[2] - bounds[1], block.batch_size))
    for step in range(steps):
        for k in range(num_shards):
            shard = shards[k]
            first, words = shard.tokens.bounds[1], shard.tokens.bounds[2] - shard.tokens.bounds[1]
            _timed_shard(
                first + words * step // steps, first + words * (step + 1) // steps, tables, text,
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
def _timed_shard(first, last, tables, text, call, source, settings, shard, buffers, times):
    """Compute the gradients of a batch as `shard_gradients` does; write the nanoseconds of each phase."""
    scratch, examples, totals = shard.scratch, shard.examples, shard.totals
    before = thread_ns()
    size = make_examples(text, shard.tokens, first, last, examples)
    labels, inputs = (
        examples.label_ids[: examples.label_starts[size]],
        examples.input_ids[: examples.input_starts[size]],
    )
    totals[LOSS], totals[PAIRS], totals[EXAMPLES] = 0.0, labels.size, size
    scratch.sizes[NUM_TRIES] = scratch.sizes[NUM_CLASS_GROUPS] = scratch.sizes[NUM_INPUT_GROUPS] = 0
    before = _lap(before, times, 0)
    if size == 0:
        return
    draw_candidates(call, source, scratch)
    before = _lap(before, times, _DRAW)
    if scratch.sizes[NUM_TRIES] < 0:
        return
    first_label = round_up(scratch.candidates.size, width_of(scratch.packed_candidates))
    group_classes(labels, first_label, scratch)
    _list_candidates(first_label, scratch)
    group_inputs(inputs, scratch)
    before = _lap(before, times, _GROUP)
    _count(source.distribution, first_label, settings, shard)
    before = _lap(before, times, _COUNT)
    rows, row_ids = tables.inputs, inputs
    if not text.center_is_input:
        _take_means(size, tables.inputs, examples, shard.means)
        rows, row_ids = shard.means, examples.rows[:size]
    operands = Operands(
        rows, row_ids,
        tables.weights, tables.bias_entries, labels,
        tables.weights, tables.bias_entries, scratch.candidates,
    )  # fmt: skip
    pack_candidates(0, 1, operands, settings, scratch)
    other_labels = scratch.class_groups.ids[: scratch.sizes[NUM_CLASS_GROUPS]]
    pack_rows(tables.weights, other_labels, first_label, other_labels.size - first_label, scratch.packed_candidates)
    before = _lap(before, times, _PACK)
    _run_examples(size, operands, settings, shard, buffers, 0)
    before = _lap(before, times, _FORWARD)
    _sum_classes(size, first_label, operands, shard)
    _sum_inputs(inputs.size, text.center_is_input, shard)
    for b in range(size):
        totals[LOSS] += float(scratch.losses[b])
    _lap(before, times, _SUMS)


@jit
def _lap(before, times, phase):
    now = thread_ns()
    times[phase] = now - before
    return now

"""One shard of a word training step: a batch of examples, and the gradients of its rows.

A shard changes no table. Its gradients are sums over its batch, one row for each row of a table that the batch uses.
A group of threads computes a shard in four phases: its first thread makes the examples and groups equal ids, then all
pack rows of classes, compute losses of their examples, and sum the gradients of the rows they take. A group of one
thread, as where there are as many shards as threads or more, waits at none of the barriers.
"""

import math
from typing import Any

import numpy as np

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.kernels.linalg.packed_rows import add_to_panels, panel_dot
from sampledsoftmax.kernels.linalg.packing import pack_rows, width_of
from sampledsoftmax.kernels.loss.objectives import corrects_labels, label_block_loss
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.candidate_rows import pack_candidates
from sampledsoftmax.kernels.step.forward import block_of, input_sums, sampled_logits
from sampledsoftmax.kernels.step.sampling_phase import draw_candidates, group_classes, group_inputs
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES, Operands, Scratch
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, group_barrier, reset_chunks, static_range
from sampledsoftmax.kernels.sync.schedule import BLOCK_ROWS, static_examples
from sampledsoftmax.kernels.text.gradients import sum_gradients
from sampledsoftmax.kernels.text.owned_rows import OwnedRows, list_owned_rows
from sampledsoftmax.kernels.text.windows import Examples, TokenWindow, make_examples

LOSS, PAIRS, EXAMPLES = range(3)  # of ShardBuffers.totals


class ShardBuffers(ArrayStruct):
    """Memory of a shard; it shares no cache line, nor a neighboring one, with that of another shard.

    Attributes
    ----------
    scratch : Scratch
    tokens : TokenWindow
    examples : Examples
    means : float [batch_size, dim]
        Mean input rows of the examples, where an example has several.
    class_rows, flat_class_rows : float [classes, dim panels, width], [classes, dim panels * width]
        Gradients of rows of weights: of the candidates, then, from a whole panel on, of other labels. One memory.
    class_entries : float [classes, 1]
        Gradients of the biases.
    class_counts, class_log_q : float32 and float [classes]
        Expected counts and their logs, or zeros.
    input_rows, flat_input_rows : float [inputs, dim panels, width], [inputs, dim panels * width]
        Gradients of rows of embeddings. One memory.
    owned_classes, owned_inputs : OwnedRows
        Gradients of rows of weights and of embeddings, by the owner of the row.
    totals : float64 [3]
        LOSS, PAIRS and EXAMPLES of the batch.
    counters : int64 [SHARED_SIZE]
        Of the barriers and the chunks of its thread group.
    """

    scratch: Scratch
    tokens: TokenWindow
    examples: Examples
    means: Any
    class_rows: Any
    flat_class_rows: Any
    class_entries: Any
    class_counts: Any
    class_log_q: Any
    input_rows: Any
    flat_input_rows: Any
    owned_classes: OwnedRows
    owned_inputs: OwnedRows
    totals: Any
    counters: Any


@jit
def reset_counters(shard):
    """Prepare the counters of the thread group for a run, before the first barrier of all threads."""
    for i in range(shard.counters.size):
        shard.counters[i] = 0


@jit
def shard_gradients(group, first, last, tables, text, call, source, settings, shard, buffers):
    """Compute the gradients of the examples of words first .. last of the token window, with the call-th sample.

    All members of the group call this. It does not end with a barrier: that of all threads follows.
    shard.scratch.sizes[NUM_TRIES] is -1 where the candidates could not be drawn. Returns False if the run was aborted.
    """
    scratch, totals = shard.scratch, shard.totals
    first_label = round_up(scratch.candidates.size, width_of(scratch.packed_candidates))
    if group.member == 0:
        _make_batch(first, last, text, call, first_label, source, shard)
        _list_owned_rows(group.num_threads, shard)
    if not group_barrier(shard.counters, group.size, group.shared):
        return False
    size = np.int64(totals[EXAMPLES])
    if size == 0 or scratch.sizes[NUM_TRIES] < 0:
        return True
    operands = _operands(size, tables, text.center_is_input, shard)
    _pack_classes(group, first_label, operands, source.distribution, settings, shard)
    if not group_barrier(shard.counters, group.size, group.shared):
        return False
    _run_examples(group, size, tables.inputs, text.center_is_input, operands, settings, shard, buffers)
    if not group_barrier(shard.counters, group.size, group.shared):
        return False
    if group.member == 0:
        for b in range(size):
            totals[LOSS] += float(scratch.losses[b])
    sum_gradients(size, first_label, text.center_is_input, shard)
    return True


@jit
def _make_batch(first, last, text, call, first_label, source, shard):
    """Make examples, draw candidates and group equal classes and inputs, as far as there are any."""
    scratch, examples, totals = shard.scratch, shard.examples, shard.totals
    size = make_examples(text, shard.tokens, first, last, examples)
    labels, inputs = (
        examples.label_ids[: examples.label_starts[size]],
        examples.input_ids[: examples.input_starts[size]],
    )
    totals[LOSS], totals[PAIRS], totals[EXAMPLES] = 0.0, labels.size, size
    scratch.sizes[NUM_TRIES] = scratch.sizes[NUM_CLASS_GROUPS] = scratch.sizes[NUM_INPUT_GROUPS] = 0
    reset_chunks(shard.counters, CLASS_CHUNKS)
    if size == 0:
        return
    draw_candidates(call, source, scratch)
    if scratch.sizes[NUM_TRIES] < 0:
        return
    group_classes(labels, first_label, scratch)
    _list_candidates(first_label, scratch)
    group_inputs(inputs, scratch)


@jit
def _list_candidates(first_label, scratch):
    """Write the ids of the candidates to their groups, -1 to the groups between them and `first_label`."""
    ids = scratch.class_groups.ids
    for s in range(first_label):
        ids[s] = scratch.candidates[s] if s < scratch.candidates.size else -1


@jit
def _list_owned_rows(num_threads, shard):
    classes, inputs, sizes = shard.scratch.class_groups.ids, shard.scratch.input_groups.ids, shard.scratch.sizes
    list_owned_rows(num_threads, classes[: sizes[NUM_CLASS_GROUPS]], shard.owned_classes)
    list_owned_rows(num_threads, inputs[: sizes[NUM_INPUT_GROUPS]], shard.owned_inputs)


@jit
def _operands(size, tables, center_is_input, shard):
    """Return the rows of the batch; its inputs are rows of a table, or means of several."""
    examples = shard.examples
    rows, row_ids = tables.inputs, examples.input_ids[:size]
    if not center_is_input:
        rows, row_ids = shard.means, examples.rows[:size]
    return Operands(
        rows, row_ids,
        tables.weights, tables.bias_entries, examples.label_ids[: examples.label_starts[size]],
        tables.weights, tables.bias_entries, shard.scratch.candidates,
    )  # fmt: skip


@jit
def _pack_classes(group, first_label, operands, distribution, settings, shard):
    """Pack this member's share of the rows of candidates and of other labels, with their log Q."""
    scratch, width = shard.scratch, width_of(shard.scratch.packed_candidates)
    num_sampled, num_classes = operands.sampled_ids.size, scratch.sizes[NUM_CLASS_GROUPS]
    first, end = static_range(group.member, group.size, ceil_div(num_sampled, width))
    _count(first * width, min(end * width, num_sampled), distribution, settings, scratch.sampled_counts, shard)
    pack_candidates(group.member, group.size, operands, settings, scratch)
    first, end = static_range(group.member, group.size, num_classes - first_label)
    _count(first_label + first, first_label + end, distribution, settings, shard.class_counts, shard)
    ids = scratch.class_groups.ids[:num_classes]
    pack_rows(operands.true_weights, ids, first_label + first, end - first, scratch.packed_candidates)


@jit
def _count(first, end, distribution, settings, counts, shard):
    """Write the expected counts of classes first .. end, and their logs, or zeros where none is subtracted."""
    scratch, logs = shard.scratch, shard.class_log_q
    if not settings.subtract_log_q:
        for u in range(first, end):
            logs[u] = 0
        return
    ids, num_sampled = scratch.class_groups.ids[first:end], scratch.candidates.size
    candidates.expected_counts(distribution, num_sampled, scratch.sizes[NUM_TRIES], ids, counts[first:end])
    for u in range(first, end):
        logs[u] = math.log(logs.dtype.type(counts[u]))


@jit
def _run_examples(group, size, table, center_is_input, operands, settings, shard, buffers):
    """Compute the losses of this member's range of the examples, and the gradients of logits and inputs."""
    scratch, num_sampled = shard.scratch, operands.sampled_ids.size
    first, end = static_examples(group.member, group.size, size, 0)
    for top in range(first, end, BLOCK_ROWS):
        block = block_of(top, min(BLOCK_ROWS, end - top), num_sampled, scratch)
        if not center_is_input:
            _take_means(block, table, shard.examples, shard.means)
        pack_rows(operands.inputs, operands.input_ids, top, block.padded, scratch.inputs)
        _true_logits(block, operands, settings.objective, shard)
        sampled_logits(block, scratch)
        starts = shard.examples.label_starts
        label_block_loss(settings.objective, block, settings, starts, scratch, buffers, group.thread_id)
        _input_gradients(block, buffers.row_scales[group.thread_id], shard)


@jit
def _take_means(block, table, examples, means):
    ids, starts = examples.input_ids, examples.input_starts
    for b in range(block.top, block.top + block.rows):
        for d in range(means.shape[1]):
            means[b, d] = 0
        for j in range(starts[b], starts[b + 1]):
            row = ids[j]
            for d in range(means.shape[1]):
                means[b, d] += table[row, d]
        share = means.dtype.type(1) / (starts[b + 1] - starts[b])
        for d in range(means.shape[1]):
            means[b, d] *= share


@jit
def _true_logits(block, operands, objective, shard):
    """Write dot product + bias [- log Q] of the labels, whose rows are in `packed_candidates` too."""
    scratch = shard.scratch
    inputs, packed, biases = scratch.inputs, scratch.packed_candidates, operands.true_biases
    true_ids, logits = operands.true_ids, scratch.true_logits
    starts, groups, log_q = shard.examples.label_starts, scratch.group_of_label, shard.class_log_q
    for b in range(block.top, block.top + block.rows):
        for i in range(starts[b], starts[b + 1]):
            logits[i] = panel_dot(inputs, b, packed, groups[i]) + biases[true_ids[i]]
            if corrects_labels(objective):
                logits[i] -= log_q[groups[i]]


@jit
def _input_gradients(block, row_scales, shard):
    """Write the gradients of the inputs to the panels `input_sums`."""
    scratch, starts = shard.scratch, shard.examples.label_starts
    input_sums(block, row_scales, scratch)
    out, factors, packed, groups = (
        scratch.input_sums,
        scratch.true_grad,
        scratch.packed_candidates,
        scratch.group_of_label,
    )
    for b in range(block.top, block.top + block.rows):
        for i in range(starts[b], starts[b + 1]):
            add_to_panels(out, b, factors[i], packed, groups[i])

"""One shard of a word training step: a batch of examples, and the gradients of its rows.

A shard changes no table. Its gradients are sums over its batch, one row for each row of a table that the batch uses.
"""

import math
from typing import Any

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.packed_rows import add_to_panels, add_to_rows, panel_dot
from sampledsoftmax.kernels.linalg.packing import clear_row, pack_rows, width_of
from sampledsoftmax.kernels.loss.objectives import corrects_labels, label_block_loss
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.candidate_rows import candidate_gradients, pack_candidates
from sampledsoftmax.kernels.step.forward import block_of, input_sums, sampled_logits
from sampledsoftmax.kernels.step.sampling_phase import draw_candidates, group_classes, group_inputs
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES, Operands, Scratch
from sampledsoftmax.kernels.sync.schedule import BLOCK_ROWS
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
    totals : float64 [3]
        LOSS, PAIRS and EXAMPLES of the batch.
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
    totals: Any


@jit
def shard_gradients(first, last, tables, text, call, source, settings, shard, buffers, thread_id):
    """Compute the gradients of the examples of words first .. last of the token window, with the call-th sample.

    shard.scratch.sizes[NUM_TRIES] is -1 where the candidates could not be drawn.
    """
    scratch, examples, totals = shard.scratch, shard.examples, shard.totals
    size = make_examples(text, shard.tokens, first, last, examples)
    labels, inputs = (
        examples.label_ids[: examples.label_starts[size]],
        examples.input_ids[: examples.input_starts[size]],
    )
    totals[LOSS], totals[PAIRS], totals[EXAMPLES] = 0.0, labels.size, size
    scratch.sizes[NUM_TRIES] = scratch.sizes[NUM_CLASS_GROUPS] = scratch.sizes[NUM_INPUT_GROUPS] = 0
    if size == 0:
        return
    draw_candidates(call, source, scratch)
    if scratch.sizes[NUM_TRIES] < 0:
        return
    first_label = round_up(scratch.candidates.size, width_of(scratch.packed_candidates))
    group_classes(labels, first_label, scratch)
    _list_candidates(first_label, scratch)
    group_inputs(inputs, scratch)
    _count(source.distribution, first_label, settings, shard)
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
    _run_examples(size, operands, settings, shard, buffers, thread_id)
    _sum_classes(size, first_label, operands, shard)
    _sum_inputs(inputs.size, text.center_is_input, shard)
    for b in range(size):
        totals[LOSS] += float(scratch.losses[b])


@jit
def _list_candidates(first_label, scratch):
    """Write the ids of the candidates to their groups, -1 to the groups between them and `first_label`."""
    ids = scratch.class_groups.ids
    for s in range(first_label):
        ids[s] = scratch.candidates[s] if s < scratch.candidates.size else -1


@jit
def _count(distribution, first_label, settings, shard):
    """Write the expected count of each class, and its log, or 0 where none is subtracted."""
    scratch, logs = shard.scratch, shard.class_log_q
    num_sampled, num_classes = scratch.candidates.size, scratch.sizes[NUM_CLASS_GROUPS]
    if not settings.subtract_log_q:
        for u in range(num_classes):
            logs[u] = 0
        return
    counts, tries = shard.class_counts[first_label:num_classes], scratch.sizes[NUM_TRIES]
    labels = scratch.class_groups.ids[first_label:num_classes]
    candidates.expected_counts(distribution, num_sampled, tries, scratch.candidates, scratch.sampled_counts)
    candidates.expected_counts(distribution, num_sampled, tries, labels, counts)
    for s in range(num_sampled):
        logs[s] = math.log(logs.dtype.type(scratch.sampled_counts[s]))
    for u in range(first_label, num_classes):
        logs[u] = math.log(logs.dtype.type(counts[u - first_label]))


@jit
def _take_means(size, table, examples, means):
    ids, starts = examples.input_ids, examples.input_starts
    for b in range(size):
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
def _run_examples(size, operands, settings, shard, buffers, thread_id):
    scratch, num_sampled = shard.scratch, operands.sampled_ids.size
    for top in range(0, size, BLOCK_ROWS):
        block = block_of(top, min(BLOCK_ROWS, size - top), num_sampled, scratch)
        pack_rows(operands.inputs, operands.input_ids, top, block.padded, scratch.inputs)
        _true_logits(block, operands, settings.objective, shard)
        sampled_logits(block, scratch)
        starts = shard.examples.label_starts
        label_block_loss(settings.objective, block, settings, starts, scratch, buffers, thread_id)
        _input_gradients(block, buffers.row_scales[thread_id], shard)


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


@jit
def _sum_classes(size, first_label, operands, shard):
    """Write the gradients of all classes: as candidates, and as labels."""
    scratch, rows, entries = shard.scratch, shard.class_rows, shard.class_entries
    num_sampled, width = operands.sampled_ids.size, width_of(scratch.packed_candidates)
    candidate_gradients(0, first_label // width, round_up(size, MR_TAIL), scratch, rows)
    for s in range(num_sampled):
        entries[s, 0] = scratch.bias_sums[s // width, s % width]
    for u in range(first_label, scratch.sizes[NUM_CLASS_GROUPS]):
        entries[u, 0] = 0
        clear_row(rows, u)
    inputs, groups, factors = scratch.inputs, scratch.group_of_label, scratch.true_grad
    example_of = shard.examples.example_of_label
    for i in range(operands.true_ids.size):
        entries[groups[i], 0] += factors[i]
        add_to_rows(rows, groups[i], factors[i], inputs, example_of[i])


@jit
def _sum_inputs(num_inputs, center_is_input, shard):
    """Write the gradients of the rows of inputs; one of n inputs of an example gets an n-th of its gradient."""
    scratch, rows = shard.scratch, shard.input_rows
    groups, example_of, starts = scratch.group_of_input, shard.examples.example_of_input, shard.examples.input_starts
    for u in range(scratch.sizes[NUM_INPUT_GROUPS]):
        clear_row(rows, u)
    for j in range(num_inputs):
        b, share = example_of[j], rows.dtype.type(1)
        if not center_is_input:
            share /= rows.dtype.type(starts[b + 1] - starts[b])
        add_to_rows(rows, groups[j], share, scratch.input_sums, b)

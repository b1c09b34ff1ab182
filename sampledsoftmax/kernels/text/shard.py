"""What one reader of a text does between two updates: a batch of examples, and the gradients of its rows.

A reader changes no table. Its gradients are sums over the batch, one row for each row of a table that the batch names.
"""

import math
from typing import Any

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.packed_rows import add_to_panels, add_to_rows, panel_dot
from sampledsoftmax.kernels.linalg.packing import clear_row, pack_rows, width_of
from sampledsoftmax.kernels.loss.per_label import block
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.candidate_rows import candidate_gradients, pack_candidates
from sampledsoftmax.kernels.step.forward import input_sums, sampled_logits
from sampledsoftmax.kernels.step.id_groups import clear_table, group_equal_ids, insert_candidates
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES, Operands, Scratch
from sampledsoftmax.kernels.sync.schedule import BLOCK_ROWS
from sampledsoftmax.kernels.text.windows import Examples, TokenWindow, make_examples

LOSS, PAIRS, EXAMPLES = range(3)


class ShardBuffers(ArrayStruct):
    """StepMemory of a reader. Nothing of it shares cache lines, or neighbours of them, with that of another reader.

    Attributes
    ----------
    scratch : Scratch
    page : TokenWindow
    examples : Examples
    means : float [batch_size, dim]
        Mean input rows of the examples, where an example has several.
    class_rows, flat_class_rows : float [classes, dim panels, width], [classes, dim panels * width]
        Gradients of the rows of weights: of the candidates, from a whole panel on of other labels. One memory.
    class_entries : float [classes, 1]
        Gradients of the biases.
    class_counts, class_log_q : float32 and float [classes]
        Expected counts and their logs, or zeros.
    input_rows, flat_input_rows : float [inputs, dim panels, width], [inputs, dim panels * width]
        Gradients of the rows of embeddings. One memory.
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
def shard_gradients(first, last, tables, text, draw, settings, shard, maxima, sums):
    """Compute the gradients of the examples of words first .. last of the page.

    desk.scratch.sizes[TRIES] is -1 where the candidates could not be drawn.
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
    _draw(draw, scratch)
    if scratch.sizes[NUM_TRIES] < 0:
        return
    first_label = ceil_div(scratch.candidates.size, width_of(scratch.packed_candidates)) * width_of(
        scratch.packed_candidates
    )
    _find_equal(inputs, labels, first_label, scratch)
    _count(draw.distribution, first_label, settings, shard)
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
    _run_examples(size, operands, settings, shard, maxima, sums)
    _sum_classes(size, first_label, operands, shard)
    _sum_inputs(inputs.size, text.center_is_input, shard)
    for b in range(size):
        totals[LOSS] += float(scratch.losses[b])


@jit
def _draw(draw, scratch):
    candidates.seek(scratch.cursor, draw.seed, draw.stream, draw.block)
    size = clear_table(scratch.hash_keys, scratch.candidates.size)
    scratch.sizes[NUM_TRIES] = candidates.draw(
        draw.distribution, scratch.cursor, True, scratch.hash_keys[:size], scratch.candidates
    )


@jit
def _find_equal(inputs, labels, first_label, scratch):
    """Give slots to the different classes, candidates first, then from `first_label` on, and to the inputs."""
    num_sampled = scratch.candidates.size
    size = clear_table(scratch.hash_keys, num_sampled + labels.size)
    insert_candidates(scratch.candidates, scratch.hash_keys, scratch.hash_values, size, scratch.earlier)
    scratch.sizes[NUM_CLASS_GROUPS] = group_equal_ids(
        labels, scratch.hash_keys, scratch.hash_values, size, first_label, scratch.group_of_label, scratch.class_groups
    )
    for s in range(first_label):
        scratch.class_groups.ids[s] = scratch.candidates[s] if s < num_sampled else -1
    size = clear_table(scratch.hash_keys, inputs.size)
    scratch.sizes[NUM_INPUT_GROUPS] = group_equal_ids(
        inputs, scratch.hash_keys, scratch.hash_values, size, 0, scratch.group_of_input, scratch.input_groups
    )


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
def _run_examples(size, operands, settings, shard, maxima, sums):
    scratch, starts, num_sampled = shard.scratch, shard.examples.label_starts, operands.sampled_ids.size
    num_panels = ceil_div(num_sampled, width_of(scratch.packed_candidates))
    for top in range(0, size, BLOCK_ROWS):
        rows = min(BLOCK_ROWS, size - top)
        padded = round_up(rows, MR_TAIL)
        pack_rows(operands.inputs, operands.input_ids, top, padded, scratch.inputs)
        _true_logits(top, rows, operands, shard)
        sampled_logits(top, padded, num_panels, scratch)
        block(settings, top, rows, padded, num_panels, starts, num_sampled, scratch, maxima, sums)
        _input_gradients(top, rows, padded, num_panels, sums, shard)


@jit
def _true_logits(top, rows, operands, shard):
    """Write the logits of the labels; as candidates are, their rows are in the panels `packed_candidates`."""
    inputs, packed_candidates, biases = shard.scratch.inputs, shard.scratch.packed_candidates, operands.true_biases
    true_ids, logits = operands.true_ids, shard.scratch.true_logits
    starts, slots, logs = shard.examples.label_starts, shard.scratch.group_of_label, shard.class_log_q
    for b in range(top, top + rows):
        for i in range(starts[b], starts[b + 1]):
            logits[i] = panel_dot(inputs, b, packed_candidates, slots[i]) + biases[true_ids[i]] - logs[slots[i]]


@jit
def _input_gradients(top, rows, padded, num_panels, scales, shard):
    """Write the gradients of the inputs to the panels `input_sums`."""
    scratch, starts = shard.scratch, shard.examples.label_starts
    input_sums(top, padded, num_panels, scales, scratch)
    out, factors, packed_candidates, slots = (
        scratch.input_sums,
        scratch.true_logits,
        scratch.packed_candidates,
        scratch.group_of_label,
    )
    for b in range(top, top + rows):
        for i in range(starts[b], starts[b + 1]):
            add_to_panels(out, b, factors[i], packed_candidates, slots[i])


@jit
def _sum_classes(size, first_label, operands, shard):
    """Write the gradients of all classes: what they get as candidates, and what as labels."""
    scratch, rows, entries = shard.scratch, shard.class_rows, shard.class_entries
    num_sampled, width = operands.sampled_ids.size, width_of(scratch.packed_candidates)
    candidate_gradients(0, first_label // width, round_up(size, MR_TAIL), scratch, rows)
    for s in range(num_sampled):
        entries[s, 0] = scratch.bias_sums[s // width, s % width]
    for u in range(first_label, scratch.sizes[NUM_CLASS_GROUPS]):
        entries[u, 0] = 0
        clear_row(rows, u)
    inputs, slots, factors = scratch.inputs, scratch.group_of_label, scratch.true_logits
    example_of = shard.examples.example_of_label
    for i in range(operands.true_ids.size):
        entries[slots[i], 0] += factors[i]
        add_to_rows(rows, slots[i], factors[i], inputs, example_of[i])


@jit
def _sum_inputs(num_inputs, center_is_input, shard):
    """Write the gradients of the rows of the inputs; an input that is one of n has an n-th of its example's."""
    scratch, rows = shard.scratch, shard.input_rows
    slots, example_of, starts = scratch.group_of_input, shard.examples.example_of_input, shard.examples.input_starts
    for u in range(scratch.sizes[NUM_INPUT_GROUPS]):
        clear_row(rows, u)
    for j in range(num_inputs):
        b, share = example_of[j], rows.dtype.type(1)
        if not center_is_input:
            share /= rows.dtype.type(starts[b + 1] - starts[b])
        add_to_rows(rows, slots[j], share, scratch.input_sums, b)

"""What one reader of a text does between two updates: a batch of examples, and the gradients of its rows.

A reader changes no table. Its gradients are sums over the batch, one row for each row of a table that the batch names.
"""

import math
from typing import Any

from sampledsoftmax.kernels import candidates
from sampledsoftmax.kernels.bundle import Bundle
from sampledsoftmax.kernels.bundles import CLASS_SLOTS, INPUT_SLOTS, TRIES, Operands, Scratch
from sampledsoftmax.kernels.classes import class_gradients, pack_classes
from sampledsoftmax.kernels.duplicates import chain, clear, enter_candidates
from sampledsoftmax.kernels.examples import input_sums, sampled_logits
from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.label_cross_entropy import block
from sampledsoftmax.kernels.panels import clear_row, num_panels_of, pack_rows, width_of
from sampledsoftmax.kernels.shares import BLOCK_ROWS
from sampledsoftmax.kernels.text import Examples, Page, lay_windows
from sampledsoftmax.machine.rows import add_to_panels, add_to_rows, panel_dot

LOSS, PAIRS, EXAMPLES = range(3)


class Desk(Bundle):
    """Memory of a reader. Nothing of it shares cache lines, or neighbours of them, with that of another reader.

    Attributes
    ----------
    scratch : Scratch
    page : Page
    examples : Examples
    means : float [batch_size, dim]
        Mean input rows of the examples, where an example has several.
    class_rows, flat_class_rows : float [classes, dim panels, width], [classes, dim panels * width]
        Gradients of the rows of weights: of the candidates, from a whole panel on of other labels. One memory.
    class_entries : float [classes, 1]
        Gradients of the biases.
    class_counts, class_logs : float32 and float [classes]
        Expected counts and their logs, or zeros.
    input_rows, flat_input_rows : float [inputs, dim panels, width], [inputs, dim panels * width]
        Gradients of the rows of embeddings. One memory.
    totals : float64 [3]
        LOSS, PAIRS and EXAMPLES of the batch.
    """

    scratch: Scratch
    page: Page
    examples: Examples
    means: Any
    class_rows: Any
    flat_class_rows: Any
    class_entries: Any
    class_counts: Any
    class_logs: Any
    input_rows: Any
    flat_input_rows: Any
    totals: Any


@jit
def read_batch(first, last, tables, text, draw, settings, desk, maxima, sums):
    """Compute the gradients of the examples of words first .. last of the page.

    desk.scratch.sizes[TRIES] is -1 where the candidates could not be drawn.
    """
    scratch, examples, totals = desk.scratch, desk.examples, desk.totals
    size = lay_windows(text, desk.page, first, last, examples)
    labels, inputs = (
        examples.label_ids[: examples.label_starts[size]],
        examples.input_ids[: examples.input_starts[size]],
    )
    totals[LOSS], totals[PAIRS], totals[EXAMPLES] = 0.0, labels.size, size
    scratch.sizes[TRIES] = scratch.sizes[CLASS_SLOTS] = scratch.sizes[INPUT_SLOTS] = 0
    if size == 0:
        return
    _draw(draw, scratch)
    if scratch.sizes[TRIES] < 0:
        return
    first_label = num_panels_of(scratch.candidates.size, width_of(scratch.by_dim)) * width_of(scratch.by_dim)
    _find_equal(inputs, labels, first_label, scratch)
    _count(draw.distribution, first_label, settings, desk)
    rows, row_ids = tables.inputs, inputs
    if not text.centre_is_input:
        _take_means(size, tables.inputs, examples, desk.means)
        rows, row_ids = desk.means, examples.rows[:size]
    operands = Operands(
        rows, row_ids,
        tables.weights, tables.bias_entries, labels,
        tables.weights, tables.bias_entries, scratch.candidates,
    )  # fmt: skip
    pack_classes(0, 1, operands, settings, scratch)
    other_labels = scratch.classes.ids[: scratch.sizes[CLASS_SLOTS]]
    pack_rows(tables.weights, other_labels, first_label, other_labels.size - first_label, scratch.by_dim)
    _run_examples(size, operands, settings, desk, maxima, sums)
    _sum_classes(size, first_label, operands, desk)
    _sum_inputs(inputs.size, text.centre_is_input, desk)
    for b in range(size):
        totals[LOSS] += float(scratch.losses[b])


@jit
def _draw(draw, scratch):
    candidates.place(scratch.cursor, draw.seed, draw.stream, draw.block)
    size = clear(scratch.keys, scratch.candidates.size)
    scratch.sizes[TRIES] = candidates.draw(
        draw.distribution, scratch.cursor, True, scratch.keys[:size], scratch.candidates
    )


@jit
def _find_equal(inputs, labels, first_label, scratch):
    """Give slots to the different classes, candidates first, then from `first_label` on, and to the inputs."""
    num_sampled = scratch.candidates.size
    size = clear(scratch.keys, num_sampled + labels.size)
    enter_candidates(scratch.candidates, scratch.keys, scratch.slots, size, scratch.earlier)
    scratch.sizes[CLASS_SLOTS] = chain(
        labels, scratch.keys, scratch.slots, size, first_label, scratch.slot_of_label, scratch.classes
    )
    for s in range(first_label):
        scratch.classes.ids[s] = scratch.candidates[s] if s < num_sampled else -1
    size = clear(scratch.keys, inputs.size)
    scratch.sizes[INPUT_SLOTS] = chain(
        inputs, scratch.keys, scratch.slots, size, 0, scratch.slot_of_input, scratch.examples
    )


@jit
def _count(distribution, first_label, settings, desk):
    """Write the expected count of each class, and its log, or 0 where none is subtracted."""
    scratch, logs = desk.scratch, desk.class_logs
    num_sampled, num_classes = scratch.candidates.size, scratch.sizes[CLASS_SLOTS]
    if not settings.subtract_log_q:
        for u in range(num_classes):
            logs[u] = 0
        return
    counts, tries = desk.class_counts[first_label:num_classes], scratch.sizes[TRIES]
    labels = scratch.classes.ids[first_label:num_classes]
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
def _run_examples(size, operands, settings, desk, maxima, sums):
    scratch, starts, num_sampled = desk.scratch, desk.examples.label_starts, operands.sampled_ids.size
    num_panels = num_panels_of(num_sampled, width_of(scratch.by_dim))
    for top in range(0, size, BLOCK_ROWS):
        rows = min(BLOCK_ROWS, size - top)
        padded = (rows + 3) // 4 * 4
        pack_rows(operands.inputs, operands.input_ids, top, padded, scratch.inputs)
        _true_logits(top, rows, operands, desk)
        sampled_logits(top, padded, num_panels, scratch)
        block(settings, top, rows, padded, num_panels, starts, num_sampled, scratch, maxima, sums)
        _input_gradients(top, rows, padded, num_panels, sums, desk)


@jit
def _true_logits(top, rows, operands, desk):
    """Write the logits of the labels; as candidates are, their rows are in the panels `by_dim`."""
    inputs, by_dim, biases = desk.scratch.inputs, desk.scratch.by_dim, operands.true_biases
    true_ids, logits = operands.true_ids, desk.scratch.true_logits
    starts, slots, logs = desk.examples.label_starts, desk.scratch.slot_of_label, desk.class_logs
    for b in range(top, top + rows):
        for i in range(starts[b], starts[b + 1]):
            logits[i] = panel_dot(inputs, b, by_dim, slots[i]) + biases[true_ids[i]] - logs[slots[i]]


@jit
def _input_gradients(top, rows, padded, num_panels, scales, desk):
    """Write the gradients of the inputs to the panels `input_sums`."""
    scratch, starts = desk.scratch, desk.examples.label_starts
    input_sums(top, padded, num_panels, scales, scratch)
    out, factors, by_dim, slots = scratch.input_sums, scratch.true_logits, scratch.by_dim, scratch.slot_of_label
    for b in range(top, top + rows):
        for i in range(starts[b], starts[b + 1]):
            add_to_panels(out, b, factors[i], by_dim, slots[i])


@jit
def _sum_classes(size, first_label, operands, desk):
    """Write the gradients of all classes: what they get as candidates, and what as labels."""
    scratch, rows, entries = desk.scratch, desk.class_rows, desk.class_entries
    num_sampled, width = operands.sampled_ids.size, width_of(scratch.by_dim)
    class_gradients(0, first_label // width, (size + 3) // 4 * 4, scratch, rows)
    for s in range(num_sampled):
        entries[s, 0] = scratch.bias_sums[s // width, s % width]
    for u in range(first_label, scratch.sizes[CLASS_SLOTS]):
        entries[u, 0] = 0
        clear_row(rows, u)
    inputs, slots, factors = scratch.inputs, scratch.slot_of_label, scratch.true_logits
    example_of = desk.examples.example_of_label
    for i in range(operands.true_ids.size):
        entries[slots[i], 0] += factors[i]
        add_to_rows(rows, slots[i], factors[i], inputs, example_of[i])


@jit
def _sum_inputs(num_inputs, centre_is_input, desk):
    """Write the gradients of the rows of the inputs; an input that is one of n has an n-th of its example's."""
    scratch, rows = desk.scratch, desk.input_rows
    slots, example_of, starts = scratch.slot_of_input, desk.examples.example_of_input, desk.examples.input_starts
    for u in range(scratch.sizes[INPUT_SLOTS]):
        clear_row(rows, u)
    for j in range(num_inputs):
        b, share = example_of[j], rows.dtype.type(1)
        if not centre_is_input:
            share /= rows.dtype.type(starts[b + 1] - starts[b])
        add_to_rows(rows, slots[j], share, scratch.input_sums, b)

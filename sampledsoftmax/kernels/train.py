"""Training steps from end to end: sample, loss, gradients, sparse updates, by the threads of a team."""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.kernels import candidates
from sampledsoftmax.kernels.bundle import Bundle
from sampledsoftmax.kernels.bundles import CLASS_SLOTS, INPUT_SLOTS, TRIES, Lanes, Operands, Scratch
from sampledsoftmax.kernels.classes import class_gradients, pack_classes
from sampledsoftmax.kernels.duplicates import chain, clear, enter_candidates
from sampledsoftmax.kernels.examples import run_examples
from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.panels import clear_row, num_panels_of, width_of
from sampledsoftmax.kernels.team import FIRST_TASKS, SECOND_TASKS, meet, next_task, share_of, start_tasks
from sampledsoftmax.kernels.updates import Rule, update_row
from sampledsoftmax.machine.atomics import fetch_to_write
from sampledsoftmax.machine.rows import add_to_rows

FINISHED, NOT_FINITE, TOO_FEW_CLASSES = range(3)
_SLOTS_A_TASK = 32
_BLOCKS = np.uint64(candidates.BLOCKS_PER_CANDIDATE)
_ROWS_AHEAD = 6  # rows asked for before they are needed: about 45 ns each, the latency of memory


class Trained(Bundle):
    """Tables and what their optimizer remembers of them, as matrices; the biases as a vector too.

    `inputs` is the embedding table, or the given inputs.
    """

    inputs: Any
    inputs_slot: Any
    weights: Any
    weights_slot: Any
    biases: Any
    bias_entries: Any
    biases_slot: Any


class Memory(Bundle):
    """All arrays of a step that stay from one to the next."""

    trained: Trained
    scratch: Scratch
    lanes: Lanes


class Learning(NamedTuple):
    """How a row is updated, and whether the inputs are rows of a table that is trained."""

    rule: Rule
    learn_inputs: bool


class Draw(NamedTuple):
    """Where candidates come from: a distribution, and the position in its random stream."""

    distribution: Any
    seed: Any
    stream: Any
    block: Any


# A meeting that somebody does not come to ends the run: hence the returns.
@jit
def train(part, parts, shared, memory, learning, inputs, labels, batch_size, draw, settings, losses, status):
    """Run losses.size steps on consecutive batches of `inputs` [num_pairs] and `labels` [num_pairs * num_true].

    status[0] becomes FINISHED, NOT_FINITE (no table was changed by that step) or TOO_FEW_CLASSES; status[1] is
    the number of steps that were taken.
    """
    trained, scratch, lanes = memory.trained, memory.scratch, memory.lanes
    meetings = 0
    for step in range(losses.size):
        first = step * batch_size
        input_ids = inputs[first : first + batch_size]
        true_ids = labels[first * settings.num_true : (first + batch_size) * settings.num_true]
        operands = Operands(
            trained.inputs, input_ids,
            trained.weights, trained.bias_entries, true_ids,
            trained.weights, trained.bias_entries, scratch.candidates,
        )  # fmt: skip
        if part == 0:
            _draw(step, operands, draw, scratch)
            start_tasks(shared, FIRST_TASKS)
            start_tasks(shared, SECOND_TASKS)
        if part == parts - 1:
            _find_equal_inputs(operands, scratch)
        if not meet(shared, parts, meetings + 1):
            return
        if scratch.sizes[TRIES] < 0:
            status[0] = TOO_FEW_CLASSES
            return
        if settings.subtract_log_q:
            _count(part, parts, operands, draw.distribution, scratch)
        pack_classes(part, parts, operands, settings, scratch)
        if not meet(shared, parts, meetings + 2):
            return
        run_examples(part, parts, shared, operands, settings, scratch, lanes)
        if not meet(shared, parts, meetings + 3):
            return
        loss = _mean(scratch.losses, input_ids.size)
        if not math.isfinite(loss):
            losses[step] = loss
            status[0] = NOT_FINITE
            return
        _update_classes(part, shared, trained, learning.rule, operands, settings, scratch, lanes)
        if learning.learn_inputs:
            _update_inputs(part, parts, trained, learning.rule, scratch, lanes)
        if part == 0:
            losses[step] = loss
            status[1] = step + 1
            candidates.learn(draw.distribution, true_ids)
        if not meet(shared, parts, meetings + 4):
            return
        meetings += 4


@jit
def _draw(step, operands, draw, scratch):
    """Draw candidates, and find out which of them and of the labels are equal."""
    num_sampled = operands.sampled_ids.size
    block = draw.block + np.uint64(step) * np.uint64(num_sampled) * _BLOCKS
    candidates.place(scratch.cursor, draw.seed, draw.stream, block)
    size = clear(scratch.keys, num_sampled)
    scratch.sizes[TRIES] = candidates.draw(
        draw.distribution, scratch.cursor, True, scratch.keys[:size], scratch.candidates
    )
    size = clear(scratch.keys, num_sampled + operands.true_ids.size)
    enter_candidates(scratch.candidates, scratch.keys, scratch.slots, size, scratch.earlier)
    scratch.sizes[CLASS_SLOTS] = chain(
        operands.true_ids, scratch.keys, scratch.slots, size, num_sampled, scratch.slot_of_label, scratch.classes
    )


@jit
def _find_equal_inputs(operands, scratch):
    """Find out which inputs are equal; the loss is the mean of the batch."""
    for b in range(operands.input_ids.size):
        scratch.loss_grad[b] = 1.0 / operands.input_ids.size
    keys, slots = scratch.keys[scratch.keys.size // 2 :], scratch.slots[scratch.slots.size // 2 :]
    size = clear(keys, operands.input_ids.size)
    scratch.sizes[INPUT_SLOTS] = chain(
        operands.input_ids, keys, slots, size, 0, scratch.slot_of_input, scratch.examples
    )


@jit
def _count(part, parts, operands, distribution, scratch):
    """Write the expected counts of this thread's share of the labels, and of the candidates that it packs."""
    num_sampled, tries, width = operands.sampled_ids.size, scratch.sizes[TRIES], width_of(scratch.by_dim)
    first, last = share_of(part, parts, num_panels_of(num_sampled, width))
    ids, counts = (
        operands.sampled_ids[first * width : last * width],
        scratch.sampled_counts[first * width : last * width],
    )
    candidates.expected_counts(distribution, num_sampled, tries, ids, counts[: ids.size])
    first, last = share_of(part, parts, operands.true_ids.size)
    labels, label_counts = operands.true_ids[first:last], scratch.true_counts[first:last]
    candidates.expected_counts(distribution, num_sampled, tries, labels, label_counts)


@jit
def _mean(losses, size):
    total = 0.0
    for b in range(size):
        total += float(losses[b])
    return total / max(size, 1)


@jit
def _update_classes(part, shared, trained, rule, operands, settings, scratch, lanes):
    """Take tasks until none is left: panels of candidates, then other labels."""
    num_sampled = operands.sampled_ids.size
    num_panels = num_panels_of(num_sampled, width_of(scratch.by_dim))
    of_candidates = num_panels_of(num_panels, settings.class_panels)
    last_task = of_candidates + num_panels_of(scratch.sizes[CLASS_SLOTS] - num_sampled, _SLOTS_A_TASK)
    task = next_task(shared, FIRST_TASKS)
    while task < last_task:
        if task < of_candidates:
            _update_candidates(part, task, trained, rule, operands, settings, scratch, lanes)
        else:
            first = num_sampled + (task - of_candidates) * _SLOTS_A_TASK
            _update_labels(part, first, trained, rule, settings, scratch, lanes)
        task = next_task(shared, FIRST_TASKS)


@jit
def _update_candidates(part, task, trained, rule, operands, settings, scratch, lanes):
    bias_sums, ids, places = scratch.bias_sums, scratch.candidates, scratch.classes.first
    weights, weights_slot = trained.weights, trained.weights_slot
    biases, biases_slot = trained.biases, trained.biases_slot
    width = width_of(bias_sums)
    first = task * settings.class_panels
    last = min(first + settings.class_panels, num_panels_of(ids.size, width))
    panels, rows, entries = lanes.class_sums[part], lanes.flat_class_sums[part], lanes.entry
    padded = (operands.input_ids.size + 3) // 4 * 4
    class_gradients(first, last, padded, scratch, panels)
    end = min(last * width, ids.size)
    for s in range(first * width, end):
        r = s - first * width
        _ask_ahead(weights, weights_slot, ids, s, end)
        entry = bias_sums[s // width, s % width]
        entries[part, 0] = _add_labels(places[s], entry, settings.num_true, scratch, panels, r)
        update_row(rule, weights, weights_slot, ids[s], rows, r)
        update_row(rule, biases, biases_slot, ids[s], entries, part)


@jit
def _update_labels(part, first, trained, rule, settings, scratch, lanes):
    bias_sums, ids, places = scratch.bias_sums, scratch.classes.ids, scratch.classes.first
    weights, weights_slot = trained.weights, trained.weights_slot
    biases, biases_slot = trained.biases, trained.biases_slot
    panels, rows, entries = lanes.class_sums[part], lanes.flat_class_sums[part], lanes.entry
    last = min(first + _SLOTS_A_TASK, scratch.sizes[CLASS_SLOTS])
    for u in range(first, last):
        _ask_ahead(weights, weights_slot, ids, u, last)
        clear_row(panels, 0)
        entry = bias_sums.dtype.type(0)
        entries[part, 0] = _add_labels(places[u], entry, settings.num_true, scratch, panels, 0)
        update_row(rule, weights, weights_slot, ids[u], rows, 0)
        update_row(rule, biases, biases_slot, ids[u], entries, part)


@jit
def _update_inputs(part, parts, trained, rule, scratch, lanes):
    """Update this thread's share of the rows of inputs."""
    rows, gradients, groups = lanes.row, scratch.input_grad, scratch.examples
    ids, places, following = groups.ids, groups.first, groups.next
    table, slot = trained.inputs, trained.inputs_slot
    first, last = share_of(part, parts, scratch.sizes[INPUT_SLOTS])
    for u in range(first, last):
        _ask_ahead(table, slot, ids, u, last)
        b = places[u]
        if following[b] < 0:
            update_row(rule, table, slot, ids[u], gradients, b)
        else:
            _sum_places(b, following, gradients, rows, part)
            update_row(rule, table, slot, ids[u], rows, part)


@jit
def _sum_places(b, following, gradients, rows, part):
    for d in range(gradients.shape[1]):
        rows[part, d] = gradients[b, d]
    b = following[b]
    while b >= 0:
        for d in range(gradients.shape[1]):
            rows[part, d] += gradients[b, d]
        b = following[b]


@jit
def _ask_ahead(table, slot, ids, u, last):
    if u + _ROWS_AHEAD < last:
        fetch_to_write(table, ids[u + _ROWS_AHEAD])
        if slot.shape[0] > 0:
            fetch_to_write(slot, ids[u + _ROWS_AHEAD])


@jit
def _add_labels(i, entry, num_true, scratch, rows, r):
    """Add to row r what the chain of places from i contributes to a class; return entry plus that of its bias."""
    inputs, factors, following = scratch.inputs, scratch.true_logits, scratch.classes.next
    while i >= 0:
        add_to_rows(rows, r, factors[i], inputs, i // num_true)
        entry += factors[i]
        i = following[i]
    return entry

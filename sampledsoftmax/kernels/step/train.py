"""Training steps from end to end: sample, loss, gradients, sparse updates, by the threads of a thread_pool."""

import math
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.packed_rows import add_to_rows
from sampledsoftmax.kernels.linalg.packing import clear_row, width_of
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.candidate_rows import candidate_gradients, pack_candidates
from sampledsoftmax.kernels.step.forward import run_examples
from sampledsoftmax.kernels.step.id_groups import clear_table, group_equal_ids, insert_candidates
from sampledsoftmax.kernels.structs import (
    NUM_CLASS_GROUPS,
    NUM_INPUT_GROUPS,
    NUM_TRIES,
    Operands,
    Scratch,
    ThreadBuffers,
)
from sampledsoftmax.kernels.sync.atomics import prefetch_write
from sampledsoftmax.kernels.sync.barrier import (
    CLASS_CHUNKS,
    EXAMPLE_CHUNKS,
    barrier,
    next_chunk,
    reset_chunks,
    static_range,
)
from sampledsoftmax.kernels.update.rules import Rule, update_row

FINISHED, NOT_FINITE, TOO_FEW_CLASSES = range(3)
_SLOTS_A_TASK = 32
_BLOCKS = np.uint64(candidates.BLOCKS_PER_CANDIDATE)
_PREFETCH_DISTANCE = 6  # rows asked for before they are needed: about 45 ns each, the latency of memory


class TrainedTables(ArrayStruct):
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


class StepMemory(ArrayStruct):
    """All arrays of a step that stay from one to the next."""

    trained: TrainedTables
    scratch: Scratch
    buffers: ThreadBuffers


class UpdateArguments(NamedTuple):
    """How a row is updated, and whether the inputs are rows of a table that is trained."""

    rule: Rule
    learn_inputs: bool


class SampleSource(NamedTuple):
    """Where candidates come from: a distribution, and the position in its random stream."""

    distribution: Any
    seed: Any
    stream: Any
    block: Any


# A meeting that somebody does not come to ends the run: hence the returns.
@jit
def train(thread_id, num_threads, shared, memory, learning, inputs, labels, batch_size, draw, settings, losses, status):
    """Run losses.size steps on consecutive batches of `inputs` [num_pairs] and `labels` [num_pairs * num_true].

    status[0] becomes FINISHED, NOT_FINITE (no table was changed by that step) or TOO_FEW_CLASSES; status[1] is
    the number of steps that were taken.
    """
    trained, scratch, buffers = memory.trained, memory.scratch, memory.buffers
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
        if thread_id == 0:
            _draw(step, operands, draw, scratch)
            reset_chunks(shared, CLASS_CHUNKS)
            reset_chunks(shared, EXAMPLE_CHUNKS)
        if thread_id == num_threads - 1:
            _find_equal_inputs(operands, scratch)
        if not barrier(shared, num_threads, meetings + 1):
            return
        if scratch.sizes[NUM_TRIES] < 0:
            status[0] = TOO_FEW_CLASSES
            return
        if settings.subtract_log_q:
            _count(thread_id, num_threads, operands, draw.distribution, scratch)
        pack_candidates(thread_id, num_threads, operands, settings, scratch)
        if not barrier(shared, num_threads, meetings + 2):
            return
        run_examples(thread_id, num_threads, shared, operands, settings, scratch, buffers)
        if not barrier(shared, num_threads, meetings + 3):
            return
        loss = _mean(scratch.losses, input_ids.size)
        if not math.isfinite(loss):
            losses[step] = loss
            status[0] = NOT_FINITE
            return
        _update_classes(thread_id, shared, trained, learning.rule, operands, settings, scratch, buffers)
        if learning.learn_inputs:
            _update_inputs(thread_id, num_threads, trained, learning.rule, scratch, buffers)
        if thread_id == 0:
            losses[step] = loss
            status[1] = step + 1
            candidates.learn(draw.distribution, true_ids)
        if not barrier(shared, num_threads, meetings + 4):
            return
        meetings += 4


@jit
def _draw(step, operands, draw, scratch):
    """SampleSource candidates, and find out which of them and of the labels are equal."""
    num_sampled = operands.sampled_ids.size
    block = draw.block + np.uint64(step) * np.uint64(num_sampled) * _BLOCKS
    candidates.seek(scratch.cursor, draw.seed, draw.stream, block)
    size = clear_table(scratch.hash_keys, num_sampled)
    scratch.sizes[NUM_TRIES] = candidates.draw(
        draw.distribution, scratch.cursor, True, scratch.hash_keys[:size], scratch.candidates
    )
    size = clear_table(scratch.hash_keys, num_sampled + operands.true_ids.size)
    insert_candidates(scratch.candidates, scratch.hash_keys, scratch.hash_values, size, scratch.earlier)
    scratch.sizes[NUM_CLASS_GROUPS] = group_equal_ids(
        operands.true_ids,
        scratch.hash_keys,
        scratch.hash_values,
        size,
        num_sampled,
        scratch.group_of_label,
        scratch.class_groups,
    )


@jit
def _find_equal_inputs(operands, scratch):
    """Find out which inputs are equal; the loss is the mean of the batch."""
    for b in range(operands.input_ids.size):
        scratch.loss_grad[b] = 1.0 / operands.input_ids.size
    keys, slots = scratch.hash_keys[scratch.hash_keys.size // 2 :], scratch.hash_values[scratch.hash_values.size // 2 :]
    size = clear_table(keys, operands.input_ids.size)
    scratch.sizes[NUM_INPUT_GROUPS] = group_equal_ids(
        operands.input_ids, keys, slots, size, 0, scratch.group_of_input, scratch.input_groups
    )


@jit
def _count(thread_id, num_threads, operands, distribution, scratch):
    """Write the expected counts of this thread's share of the labels, and of the candidates that it packs."""
    num_sampled, tries, width = operands.sampled_ids.size, scratch.sizes[NUM_TRIES], width_of(scratch.packed_candidates)
    first, last = static_range(thread_id, num_threads, ceil_div(num_sampled, width))
    ids, counts = (
        operands.sampled_ids[first * width : last * width],
        scratch.sampled_counts[first * width : last * width],
    )
    candidates.expected_counts(distribution, num_sampled, tries, ids, counts[: ids.size])
    first, last = static_range(thread_id, num_threads, operands.true_ids.size)
    labels, label_counts = operands.true_ids[first:last], scratch.true_counts[first:last]
    candidates.expected_counts(distribution, num_sampled, tries, labels, label_counts)


@jit
def _mean(losses, size):
    total = 0.0
    for b in range(size):
        total += float(losses[b])
    return total / max(size, 1)


@jit
def _update_classes(thread_id, shared, trained, rule, operands, settings, scratch, buffers):
    """Take tasks until none is left: panels of candidates, then other labels."""
    num_sampled = operands.sampled_ids.size
    num_panels = ceil_div(num_sampled, width_of(scratch.packed_candidates))
    of_candidates = ceil_div(num_panels, settings.class_panels)
    last_task = of_candidates + ceil_div(scratch.sizes[NUM_CLASS_GROUPS] - num_sampled, _SLOTS_A_TASK)
    task = next_chunk(shared, CLASS_CHUNKS)
    while task < last_task:
        if task < of_candidates:
            _update_candidates(thread_id, task, trained, rule, operands, settings, scratch, buffers)
        else:
            first = num_sampled + (task - of_candidates) * _SLOTS_A_TASK
            _update_labels(thread_id, first, trained, rule, settings, scratch, buffers)
        task = next_chunk(shared, CLASS_CHUNKS)


@jit
def _update_candidates(thread_id, task, trained, rule, operands, settings, scratch, buffers):
    bias_sums, ids, places = scratch.bias_sums, scratch.candidates, scratch.class_groups.first
    weights, weights_slot = trained.weights, trained.weights_slot
    biases, biases_slot = trained.biases, trained.biases_slot
    width = width_of(bias_sums)
    first = task * settings.class_panels
    last = min(first + settings.class_panels, ceil_div(ids.size, width))
    panels, rows, entries = buffers.candidate_grad[thread_id], buffers.flat_candidate_grad[thread_id], buffers.entry
    padded = round_up(operands.input_ids.size, MR_TAIL)
    candidate_gradients(first, last, padded, scratch, panels)
    end = min(last * width, ids.size)
    for s in range(first * width, end):
        r = s - first * width
        _prefetch_ahead(weights, weights_slot, ids, s, end)
        entry = bias_sums[s // width, s % width]
        entries[thread_id, 0] = _add_labels(places[s], entry, settings.num_true, scratch, panels, r)
        update_row(rule, weights, weights_slot, ids[s], rows, r)
        update_row(rule, biases, biases_slot, ids[s], entries, thread_id)


@jit
def _update_labels(thread_id, first, trained, rule, settings, scratch, buffers):
    bias_sums, ids, places = scratch.bias_sums, scratch.class_groups.ids, scratch.class_groups.first
    weights, weights_slot = trained.weights, trained.weights_slot
    biases, biases_slot = trained.biases, trained.biases_slot
    panels, rows, entries = buffers.candidate_grad[thread_id], buffers.flat_candidate_grad[thread_id], buffers.entry
    last = min(first + _SLOTS_A_TASK, scratch.sizes[NUM_CLASS_GROUPS])
    for u in range(first, last):
        _prefetch_ahead(weights, weights_slot, ids, u, last)
        clear_row(panels, 0)
        entry = bias_sums.dtype.type(0)
        entries[thread_id, 0] = _add_labels(places[u], entry, settings.num_true, scratch, panels, 0)
        update_row(rule, weights, weights_slot, ids[u], rows, 0)
        update_row(rule, biases, biases_slot, ids[u], entries, thread_id)


@jit
def _update_inputs(thread_id, num_threads, trained, rule, scratch, buffers):
    """Update this thread's share of the rows of inputs."""
    rows, gradients, groups = buffers.row, scratch.input_grad, scratch.input_groups
    ids, places, following = groups.ids, groups.first, groups.next
    table, slot = trained.inputs, trained.inputs_slot
    first, last = static_range(thread_id, num_threads, scratch.sizes[NUM_INPUT_GROUPS])
    for u in range(first, last):
        _prefetch_ahead(table, slot, ids, u, last)
        b = places[u]
        if following[b] < 0:
            update_row(rule, table, slot, ids[u], gradients, b)
        else:
            _sum_places(b, following, gradients, rows, thread_id)
            update_row(rule, table, slot, ids[u], rows, thread_id)


@jit
def _sum_places(b, following, gradients, rows, thread_id):
    for d in range(gradients.shape[1]):
        rows[thread_id, d] = gradients[b, d]
    b = following[b]
    while b >= 0:
        for d in range(gradients.shape[1]):
            rows[thread_id, d] += gradients[b, d]
        b = following[b]


@jit
def _prefetch_ahead(table, slot, ids, u, last):
    if u + _PREFETCH_DISTANCE < last:
        prefetch_write(table, ids[u + _PREFETCH_DISTANCE])
        if slot.shape[0] > 0:
            prefetch_write(slot, ids[u + _PREFETCH_DISTANCE])


@jit
def _add_labels(i, entry, num_true, scratch, rows, r):
    """Add to row r what the chain of places from i contributes to a class; return entry plus that of its bias."""
    inputs, factors, following = scratch.inputs, scratch.true_logits, scratch.class_groups.next
    while i >= 0:
        add_to_rows(rows, r, factors[i], inputs, i // num_true)
        entry += factors[i]
        i = following[i]
    return entry

"""Training steps, from end to end or in two calls: sample, loss, gradients, sparse updates, by threads of the pool."""

import math
from typing import Any, NamedTuple

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.candidate_rows import pack_candidates
from sampledsoftmax.kernels.step.copies import COPIED
from sampledsoftmax.kernels.step.forward import run_examples
from sampledsoftmax.kernels.step.sampling_phase import draw_candidates, group_classes, group_inputs
from sampledsoftmax.kernels.step.update_phase import update_classes, update_inputs
from sampledsoftmax.kernels.structs import (
    NUM_CLASS_GROUPS,
    NUM_INPUT_GROUPS,
    NUM_TRIES,
    Operands,
    Scratch,
    ThreadBuffers,
)
from sampledsoftmax.kernels.sync.barrier import (
    CLASS_CHUNKS,
    EXAMPLE_CHUNKS,
    barrier,
    reset_chunks,
    static_range,
)
from sampledsoftmax.kernels.update.adam import ExactAdam
from sampledsoftmax.kernels.update.rules import (
    begin_step,
    catch_up_row,
    end_step,
)

FINISHED, NOT_FINITE, TOO_FEW_CLASSES, ABORTED = range(4)
OUTCOME, STEPS_TAKEN = range(2)  # of a status array


class TrainedTables(ArrayStruct):
    """Tables and their optimizer slots, as matrices; the biases as a vector too.

    `inputs` is the embedding table, or the inputs that the caller gave.
    """

    inputs: Any
    inputs_slots: ArrayStruct
    weights: Any
    weights_slots: ArrayStruct
    biases: Any
    bias_entries: Any
    biases_slots: ArrayStruct


class StepMemory(ArrayStruct):
    """All arrays that stay from one step to the next."""

    tables: TrainedTables
    scratch: Scratch
    buffers: ThreadBuffers


class UpdateArguments(NamedTuple):
    """The update rule, and whether the inputs are rows of a table that is trained."""

    rule: Any
    learn_inputs: bool


@jit
def run_steps(
    thread_id, num_threads, shared, memory, update, inputs, labels, weights, starts, source, settings, losses, status
):
    """Run losses.size steps on consecutive batches of `inputs` [num_pairs] and `labels` [num_pairs * num_true].

    Batch i is the pairs starts[i] .. starts[i + 1]; an empty one has loss 0 and changes nothing. The loss of a batch is
    the mean of its examples, weighted with the float64 `weights` [num_pairs], which are above 0, or [0] for equal ones.

    status[OUTCOME] becomes FINISHED, NOT_FINITE (no table was changed by that step), TOO_FEW_CLASSES or ABORTED;
    status[STEPS_TAKEN] is the number of steps that were taken.
    """
    tables, scratch = memory.tables, memory.scratch
    for step in range(losses.size):
        first, end = starts[step], starts[step + 1]
        outcome = FINISHED
        if first < end:
            operands = Operands(
                tables.inputs, inputs[first:end],
                tables.weights, tables.bias_entries, labels[first * settings.num_true : end * settings.num_true],
                tables.weights, tables.bias_entries, scratch.candidates,
            )  # fmt: skip
            outcome = _run_step(
                thread_id, num_threads, shared, step, operands, weights[first:end], memory, update, source, settings,
                losses,
            )  # fmt: skip
        if outcome != FINISHED:
            status[OUTCOME] = outcome
            return
        if thread_id == 0:
            status[STEPS_TAKEN] = step + 1


@jit
def run_forward(thread_id, num_threads, shared, operands, settings, scratch, buffers):
    """Compute losses and gradients of one batch, and leave them in the scratch for `run_update`.

    The scratch holds the candidates, which are distinct, the expected counts, and in `loss_grad` the share of each
    example. Rows that were behind have caught up.
    """
    if thread_id == 0:
        group_classes(operands.true_ids, scratch.candidates.size, scratch)
    pack_candidates(thread_id, num_threads, operands, settings, scratch)
    if barrier(shared, num_threads):
        run_examples(thread_id, num_threads, shared, operands, settings, scratch, buffers)


@jit
def run_update(thread_id, num_threads, shared, memory, rule, operands, settings, scale):
    """Update the rows of classes with what `run_forward` left in the scratch, for the same batch.

    The gradient of example b is multiplied by scale[b]; `scale` is of the dtype of the tables, [batch_size], or [0] for
    ones. The tables may have been updated since: a row that is behind catches up once more.
    """
    tables, scratch, buffers = memory.tables, memory.scratch, memory.buffers
    if thread_id == 0:
        begin_step(rule, tables.weights_slots)
        begin_step(rule, tables.biases_slots)
    _scale_gradients(thread_id, num_threads, scale, operands.true_ids.size, settings.num_true, scratch)
    if barrier(shared, num_threads) and catch_up(rule, thread_id, num_threads, shared, tables, False, scratch):
        update_classes(thread_id, shared, tables, rule, operands, settings, scratch, buffers)
        if thread_id == 0:
            end_step(rule, tables.weights_slots)
            end_step(rule, tables.biases_slots)
        barrier(shared, num_threads)


@jit
def _run_step(thread_id, num_threads, shared, step, operands, weights, memory, update, source, settings, losses):
    """Run one step and return its outcome; each phase ends with a barrier."""
    tables, scratch, buffers = memory.tables, memory.scratch, memory.buffers
    if not _sample(thread_id, num_threads, shared, step, operands, weights, tables, update, source, scratch):
        return ABORTED
    if scratch.sizes[NUM_TRIES] < 0:
        return TOO_FEW_CLASSES
    if not (
        catch_up(update.rule, thread_id, num_threads, shared, tables, update.learn_inputs, scratch)
        and _pack(thread_id, num_threads, shared, operands, source, settings, scratch)
        and run_examples(thread_id, num_threads, shared, operands, settings, scratch, buffers)
    ):
        return ABORTED
    if not math.isfinite(_report_loss(thread_id, step, operands.input_ids.size, weights, scratch, losses)):
        return NOT_FINITE
    if not _update(thread_id, num_threads, shared, operands, tables, update, source, settings, scratch, buffers):
        return ABORTED
    return FINISHED


@jit
def _sample(thread_id, num_threads, shared, step, operands, weights, tables, update, source, scratch):
    """Phase 1: draw candidates, group classes (first thread) and inputs (last thread), begin the updates."""
    if thread_id == 0:
        draw_candidates(step, source, scratch)
        group_classes(operands.true_ids, scratch.candidates.size, scratch)
        reset_chunks(shared, CLASS_CHUNKS)
        reset_chunks(shared, EXAMPLE_CHUNKS)
    if thread_id == num_threads - 1:
        _share_out(operands.input_ids.size, weights, scratch)
        group_inputs(operands.input_ids, scratch)
        begin_step(update.rule, tables.weights_slots)
        begin_step(update.rule, tables.biases_slots)
        if update.learn_inputs:
            begin_step(update.rule, tables.inputs_slots)
    return barrier(shared, num_threads)


@jit
def _pack(thread_id, num_threads, shared, operands, source, settings, scratch):
    """Phase 2: expected counts, and the rows of the candidates as packed operands."""
    if settings.subtract_log_q:
        _count(thread_id, num_threads, operands, source.distribution, scratch)
    pack_candidates(thread_id, num_threads, operands, settings, scratch)
    return barrier(shared, num_threads)


@jit
def _update(thread_id, num_threads, shared, operands, tables, update, source, settings, scratch, buffers):
    """Phase 4: update the rows of classes, chunk by chunk, and this thread's range of the rows of inputs."""
    update_classes(thread_id, shared, tables, update.rule, operands, settings, scratch, buffers)
    if update.learn_inputs:
        update_inputs(thread_id, num_threads, tables, update.rule, scratch, buffers)
    if thread_id == 0:
        end_step(update.rule, tables.weights_slots)
        end_step(update.rule, tables.biases_slots)
        if update.learn_inputs:
            end_step(update.rule, tables.inputs_slots)
        candidates.learn(source.distribution, operands.true_ids)
    return barrier(shared, num_threads)


@dispatch
def catch_up(rule, thread_id, num_threads, shared, tables, learn_inputs, scratch):
    """Between phases 1 and 2: let the rows that the step reads catch up. By default no row is behind."""


@catch_up.default
@jit
def _no_row_is_behind(rule, thread_id, num_threads, shared, tables, learn_inputs, scratch):
    return True


@catch_up.register(ExactAdam)
@jit
def catch_up_rows(rule, thread_id, num_threads, shared, tables, learn_inputs, scratch):
    """Let this thread's range of the rows catch up, by `catch_up_row` of the rule; for rules that leave rows behind."""
    num_sampled = scratch.candidates.size
    first, last = static_range(thread_id, num_threads, scratch.sizes[NUM_CLASS_GROUPS])
    for u in range(first, last):
        if u < num_sampled and scratch.class_groups.head[u] == COPIED:
            continue  # the last copy catches up
        row = scratch.candidates[u] if u < num_sampled else scratch.class_groups.ids[u]
        catch_up_row(rule, tables.weights, tables.weights_slots, row)
        catch_up_row(rule, tables.biases, tables.biases_slots, row)
    if learn_inputs:
        first, last = static_range(thread_id, num_threads, scratch.sizes[NUM_INPUT_GROUPS])
        for u in range(first, last):
            catch_up_row(rule, tables.inputs, tables.inputs_slots, scratch.input_groups.ids[u])
    return barrier(shared, num_threads)


@jit
def _count(thread_id, num_threads, operands, distribution, scratch):
    """Write the expected counts of this thread's range of the labels, and of the candidates that it packs."""
    num_sampled, tries = operands.sampled_ids.size, scratch.sizes[NUM_TRIES]
    width = width_of(scratch.packed_candidates)
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
def _share_out(batch_size, weights, scratch):
    """Write the share of each example in the mean loss: its derivative with respect to the loss of the example."""
    if weights.size == 0:
        for b in range(batch_size):
            scratch.loss_grad[b] = 1.0 / batch_size
    else:
        total = _sum(weights)
        for b in range(batch_size):
            scratch.loss_grad[b] = weights[b] / total


@jit
def _report_loss(thread_id, step, batch_size, weights, scratch, losses):
    """Return the mean loss of the batch; the first thread writes it to losses[step]."""
    total, divisor = 0.0, float(batch_size)
    if weights.size == 0:
        for b in range(batch_size):
            total += float(scratch.losses[b])
    else:
        divisor = _sum(weights)
        for b in range(batch_size):
            total += weights[b] * float(scratch.losses[b])
    mean = total / divisor
    if thread_id == 0:
        losses[step] = mean
    return mean


@jit
def _scale_gradients(thread_id, num_threads, scale, num_labels, num_true, scratch):
    """Multiply the gradients of the logits of example b by scale[b], in this thread's range of panels and labels."""
    if scale.size == 0:
        return
    sampled_grad, true_grad = scratch.sampled_grad, scratch.true_grad
    width = width_of(sampled_grad)
    first, last = static_range(thread_id, num_threads, ceil_div(scratch.candidates.size, width))
    for p in range(first, last):
        for b in range(scale.size):
            for c in range(width):
                sampled_grad[p, b, c] *= scale[b]
    first, last = static_range(thread_id, num_threads, num_labels)
    for i in range(first, last):
        true_grad[i] *= scale[i // num_true]


@jit
def _sum(weights):
    total = 0.0
    for b in range(weights.size):
        total += weights[b]
    return total

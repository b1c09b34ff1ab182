"""Training steps over examples with ragged labels, from end to end, by the threads of the pool.

All labels of an example share its row of logits over the candidates: products and exponentials are computed once per
example, not once per pair of example and label.

One thread draws and groups the classes of a batch. It does so while the others update rows of the batch before, and
then takes its share of what is left of the updates.
"""

import math

import numpy as np

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import round_up
from sampledsoftmax.kernels.hash_table import clear
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.ragged.forward import run_examples
from sampledsoftmax.kernels.ragged.groups import group_classes, split_labels
from sampledsoftmax.kernels.ragged.learning_rate import with_learning_rate
from sampledsoftmax.kernels.ragged.rows import catch_up_inputs, pack_candidates, pack_inputs, prepare_labels
from sampledsoftmax.kernels.ragged.structs import RaggedOperands, RaggedRules
from sampledsoftmax.kernels.ragged.update import update_classes
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.sampling_phase import group_inputs
from sampledsoftmax.kernels.step.train import (
    ABORTED,
    FINISHED,
    NOT_FINITE,
    OUTCOME,
    STEPS_TAKEN,
    TOO_FEW_CLASSES,
)
from sampledsoftmax.kernels.step.update_phase import update_inputs
from sampledsoftmax.kernels.structs import NUM_TRIES
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, EXAMPLE_CHUNKS, barrier, reset_chunks
from sampledsoftmax.kernels.update.rules import begin_step, end_step

_PHILOX_BLOCKS = np.uint64(candidates.BLOCKS_PER_CANDIDATE)


@jit
def run_ragged_steps(
    thread_id,
    num_threads,
    shared,
    turns,
    rules,
    inputs,
    labels,
    label_starts,
    starts,
    rates,
    source,
    settings,
    losses,
    status,
):
    """Run losses.size steps on consecutive batches of examples.

    Batch i is the examples starts[i] .. starts[i + 1], with input ids `inputs`; an empty one has loss 0 and changes
    nothing. Example b has the labels label_starts[b] .. label_starts[b + 1] of `labels`, at least one. The loss of a
    batch is the mean over its labels. rates[i] holds the learning rates of inputs, weights and biases in batch i.

    status[OUTCOME] becomes FINISHED, NOT_FINITE (no table was changed by that step), TOO_FEW_CLASSES or ABORTED;
    status[STEPS_TAKEN] is the number of steps that were taken.
    """
    memory, ahead = turns.first, turns.second
    if thread_id == 0:
        _prepare_next(0, inputs, labels, label_starts, starts, source, settings, memory)
    for step in range(losses.size):
        first, end = starts[step], starts[step + 1]
        outcome = FINISHED
        if first < end:
            at_rates = RaggedRules(
                with_learning_rate(rules.inputs, rates[step, 0]),
                with_learning_rate(rules.weights, rates[step, 1]),
                with_learning_rate(rules.biases, rates[step, 2]),
            )
            outcome = _run_step(
                thread_id, num_threads, shared, step, inputs, labels, label_starts, starts, memory, ahead, at_rates,
                source, settings, losses,
            )  # fmt: skip
            memory, ahead = ahead, memory
        if outcome != FINISHED:
            status[OUTCOME] = outcome
            return
        if thread_id == 0:
            status[STEPS_TAKEN] = step + 1


@jit
def _prepare_next(step, inputs, labels, label_starts, starts, source, settings, memory):
    """Prepare the first batch from `step` on that has examples: draw its candidates, group its classes and inputs."""
    scratch, examples = memory.scratch, memory.examples
    while step < starts.size - 1 and starts[step] == starts[step + 1]:
        step += 1
    if step < starts.size - 1:
        first, end = starts[step], starts[step + 1]
        first_label = round_up(scratch.candidates.size, width_of(scratch.packed_candidates))
        _draw(step, source, settings.unique, scratch)
        if scratch.sizes[NUM_TRIES] >= 0:
            group_classes(labels[label_starts[first] : label_starts[end]], first_label, scratch, examples)
            split_labels(first, end, label_starts, examples)
            group_inputs(inputs[first:end], scratch)


@jit
def _run_step(
    thread_id,
    num_threads,
    shared,
    step,
    all_inputs,
    all_labels,
    label_starts,
    starts,
    memory,
    ahead,
    rules,
    source,
    settings,
    losses,
):
    """Run one step and return its outcome; each phase ends with a barrier. Prepare the next batch in `ahead`."""
    tables, scratch, buffers, examples = memory.tables, memory.scratch, memory.buffers, memory.examples
    first_label = round_up(scratch.candidates.size, width_of(scratch.packed_candidates))
    inputs = all_inputs[starts[step] : starts[step + 1]]
    labels = all_labels[label_starts[starts[step]] : label_starts[starts[step + 1]]]
    if thread_id == 0:
        reset_chunks(shared, CLASS_CHUNKS)
        reset_chunks(shared, EXAMPLE_CHUNKS)
        if scratch.sizes[NUM_TRIES] >= 0:
            if settings.learn_inputs:
                catch_up_inputs(tables, rules.inputs, scratch)
            _begin(tables, rules, settings)
    if not barrier(shared, num_threads):
        return ABORTED
    if scratch.sizes[NUM_TRIES] < 0:
        return TOO_FEW_CLASSES
    distribution = source.distribution
    pack_candidates(thread_id, num_threads, tables, rules, distribution, settings, scratch, examples)
    prepare_labels(thread_id, num_threads, first_label, tables, rules, distribution, settings, scratch, examples)
    pack_inputs(thread_id, num_threads, tables, inputs, settings, scratch, examples)
    if not barrier(shared, num_threads):
        return ABORTED
    share = scratch.losses.dtype.type(1.0 / labels.size)
    operands = RaggedOperands(tables.inputs, inputs, tables.weights, labels)
    if not run_examples(thread_id, num_threads, shared, operands, share, settings, scratch, buffers, examples):
        return ABORTED
    if not math.isfinite(_report_loss(thread_id, step, inputs.size, labels.size, examples, losses)):
        return NOT_FINITE
    if thread_id == 0:
        candidates.learn(distribution, labels)
        _prepare_next(step + 1, all_inputs, all_labels, label_starts, starts, source, settings, ahead)
    update_classes(thread_id, shared, inputs.size, tables, rules, settings, scratch, buffers, examples)
    if settings.learn_inputs:
        update_inputs(thread_id, num_threads, tables, rules.inputs, scratch, buffers)
    if thread_id == 0:
        _end(tables, rules, settings)
    return FINISHED if barrier(shared, num_threads) else ABORTED


@jit
def _draw(call, source, unique, scratch):
    """Draw the candidates of the call-th sample from the position of `source`; NUM_TRIES is -1 where that fails."""
    ids = scratch.candidates
    block = source.block + np.uint64(call) * np.uint64(ids.size) * _PHILOX_BLOCKS
    candidates.seek(scratch.cursor, source.seed, source.stream, block)
    size = clear(scratch.hash_keys, ids.size)
    scratch.sizes[NUM_TRIES] = candidates.draw(
        source.distribution, scratch.cursor, unique, scratch.hash_keys[:size], ids
    )


@jit
def _begin(tables, rules, settings):
    begin_step(rules.weights, tables.weights_slots)
    if settings.has_biases:
        begin_step(rules.biases, tables.biases_slots)
    if settings.learn_inputs:
        begin_step(rules.inputs, tables.inputs_slots)


@jit
def _end(tables, rules, settings):
    end_step(rules.weights, tables.weights_slots)
    if settings.has_biases:
        end_step(rules.biases, tables.biases_slots)
    if settings.learn_inputs:
        end_step(rules.inputs, tables.inputs_slots)


@jit
def _report_loss(thread_id, step, batch_size, num_labels, examples, losses):
    """Return the mean loss of the labels of the batch; the first thread writes it to losses[step]."""
    total = 0.0
    for b in range(batch_size):
        total += examples.losses[b]
    if thread_id == 0:
        losses[step] = total / num_labels
    return total / num_labels

"""One step of an output layer, phase by phase, on one thread that does the work of all threads one after another.

The timed step calls the kernels of `run_steps` in their order, for a batch whose inputs are given and an optimizer
without rows that are behind, and leaves the same bits.
"""

from benchmarks.scaling.clock import thread_ns
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.step.candidate_rows import pack_candidates
from sampledsoftmax.kernels.step.forward import _run_block
from sampledsoftmax.kernels.step.sampling_phase import draw_candidates, group_classes, group_inputs
from sampledsoftmax.kernels.step.train import (
    FINISHED,
    OUTCOME,
    STEPS_TAKEN,
    _count,
    _report_loss,
    _share_out,
)
from sampledsoftmax.kernels.step.update_phase import _GROUPS_PER_CHUNK, _update_candidates, _update_labels
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, Operands
from sampledsoftmax.kernels.sync.schedule import (
    BLOCK_ROWS,
    CHUNKS_PER_THREAD,
    chunk_examples,
    chunk_size,
    static_examples,
)
from sampledsoftmax.kernels.update.rules import begin_step, end_step


@jit
def timed_step(
    memory,
    update,
    inputs,
    labels,
    weights,
    starts,
    source,
    settings,
    losses,
    status,
    sample,
    pack,
    static,
    examples,
    classes,
    rows,
):
    """Take one step, and write the nanoseconds of what each of static.size threads does in each phase.

    `sample` [2] gets the parts of the first and of the last thread; `pack` and `static` [threads] the ranges of each;
    `examples` and `classes` the chunks that threads take when they are free, -1 where there is none. `rows` [1] gets
    the distinct rows of classes.
    """
    tables, scratch, buffers = memory.tables, memory.scratch, memory.buffers
    num_threads, size = static.size, inputs.size
    operands = Operands(
        tables.inputs, inputs,
        tables.weights, tables.bias_entries, labels,
        tables.weights, tables.bias_entries, scratch.candidates,
    )  # fmt: skip
    before = thread_ns()
    draw_candidates(0, source, scratch)
    group_classes(labels, scratch.candidates.size, scratch)
    before = _lap(before, sample, 0)
    _share_out(size, weights, scratch)
    group_inputs(inputs, scratch)
    begin_step(update.rule, tables.weights_slots)
    begin_step(update.rule, tables.biases_slots)
    before = _lap(before, sample, 1)
    for t in range(num_threads):
        if settings.subtract_log_q:
            _count(t, num_threads, operands, source.distribution, scratch)
        pack_candidates(t, num_threads, operands, settings, scratch)
        before = _lap(before, pack, t)
    _forward(num_threads, operands, settings, scratch, buffers, static, examples)
    _report_loss(0, 0, size, weights, scratch, losses)
    _update(tables, update.rule, operands, settings, scratch, buffers, classes)
    end_step(update.rule, tables.weights_slots)
    end_step(update.rule, tables.biases_slots)
    candidates.learn(source.distribution, labels)
    rows[0] = scratch.sizes[NUM_CLASS_GROUPS]
    status[OUTCOME], status[STEPS_TAKEN] = FINISHED, 1


@jit
def _forward(num_threads, operands, settings, scratch, buffers, static, examples):
    size, columns = operands.input_ids.size, scratch.packed_candidates.shape[0] * width_of(scratch.packed_candidates)
    chunk = chunk_size(num_threads, size, operands.sampled_ids.size * columns)
    before = thread_ns()
    for t in range(num_threads):
        first, end = static_examples(t, num_threads, size, chunk)
        for top in range(first, end, BLOCK_ROWS):
            _run_block(top, min(BLOCK_ROWS, end - top), operands, settings, scratch, buffers, 0)
        before = _lap(before, static, t)
    for c in range(num_threads * CHUNKS_PER_THREAD if chunk > 0 else 0):
        top, end = chunk_examples(c, num_threads, size, chunk)
        _run_block(top, end - top, operands, settings, scratch, buffers, 0)
        before = _lap(before, examples, c)


@jit
def _update(tables, rule, operands, settings, scratch, buffers, classes):
    num_sampled = operands.sampled_ids.size
    num_chunks = ceil_div(ceil_div(num_sampled, width_of(scratch.packed_candidates)), settings.class_panels)
    num_others = ceil_div(scratch.sizes[NUM_CLASS_GROUPS] - num_sampled, _GROUPS_PER_CHUNK)
    before = thread_ns()
    for c in range(num_chunks):
        _update_candidates(0, c, tables, rule, operands, settings, scratch, buffers)
        before = _lap(before, classes, c)
    for c in range(num_others):
        first = num_sampled + c * _GROUPS_PER_CHUNK
        _update_labels(0, first, tables, rule, settings, scratch, buffers)
        before = _lap(before, classes, num_chunks + c)


@jit
def _lap(before, times, i):
    """Write the nanoseconds since `before` to times[i], and return the time."""
    now = thread_ns()
    times[i] = now - before
    return now

"""The last phase of a step: gradients of classes, and the updates of all rows that the batch uses."""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.packed_rows import add_to_rows
from sampledsoftmax.kernels.linalg.packing import clear_row, width_of
from sampledsoftmax.kernels.linalg.similarity import class_gradient
from sampledsoftmax.kernels.step.candidate_rows import candidate_gradients
from sampledsoftmax.kernels.step.copies import COPIED, add_copies
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS
from sampledsoftmax.kernels.sync.atomics import prefetch_write
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, next_chunk, static_range
from sampledsoftmax.kernels.update.rules import prefetch_slots, update_row

_GROUPS_PER_CHUNK = 32
_PREFETCH_DISTANCE = 6  # rows: the latency of memory is about 45 ns each


@jit
def update_classes(thread_id, shared, tables, rule, operands, settings, scratch, buffers):
    """Take chunks until none is left: panels of candidates first, then other labels."""
    num_sampled = operands.sampled_ids.size
    num_panels = ceil_div(num_sampled, width_of(scratch.packed_candidates))
    candidate_chunks = ceil_div(num_panels, settings.class_panels)
    num_chunks = candidate_chunks + ceil_div(scratch.sizes[NUM_CLASS_GROUPS] - num_sampled, _GROUPS_PER_CHUNK)
    chunk = next_chunk(shared, CLASS_CHUNKS)
    while chunk < num_chunks:
        if chunk < candidate_chunks:
            _update_candidates(thread_id, chunk, tables, rule, operands, settings, scratch, buffers)
        else:
            first = num_sampled + (chunk - candidate_chunks) * _GROUPS_PER_CHUNK
            _update_labels(thread_id, first, tables, rule, settings, scratch, buffers)
        chunk = next_chunk(shared, CLASS_CHUNKS)


@jit
def _update_candidates(thread_id, chunk, tables, rule, operands, settings, scratch, buffers):
    """Compute the gradients of a chunk of candidates and update their rows."""
    bias_sums, ids, heads = scratch.bias_sums, scratch.candidates, scratch.class_groups.head
    weights, weights_slots = tables.weights, tables.weights_slots
    biases, biases_slots = tables.biases, tables.biases_slots
    width = width_of(bias_sums)
    first = chunk * settings.class_panels
    last = min(first + settings.class_panels, ceil_div(ids.size, width))
    panels, rows, entries = buffers.candidate_grad[thread_id], buffers.flat_candidate_grad[thread_id], buffers.entry
    end = min(last * width, ids.size)
    add_copies(first * width, end, operands.input_ids.size, scratch)
    candidate_gradients(first, last, round_up(operands.input_ids.size, MR_TAIL), scratch, panels)
    for s in range(first * width, end):
        if heads[s] == COPIED:
            continue
        r = s - first * width
        _prefetch_ahead(weights, weights_slots, ids, s, end)
        entry = bias_sums[s // width, s % width]
        entries[thread_id, 0] = _add_labels(heads[s], entry, settings.num_true, scratch, panels, r)
        class_gradient(settings.similarity, rows, r, weights, ids[s])
        update_row(rule, weights, weights_slots, ids[s], rows, r)
        update_row(rule, biases, biases_slots, ids[s], entries, thread_id)


@jit
def _update_labels(thread_id, first, tables, rule, settings, scratch, buffers):
    """Update a chunk of rows of labels that were not drawn as candidates."""
    bias_sums, ids, heads = scratch.bias_sums, scratch.class_groups.ids, scratch.class_groups.head
    weights, weights_slots = tables.weights, tables.weights_slots
    biases, biases_slots = tables.biases, tables.biases_slots
    panels, rows, entries = buffers.candidate_grad[thread_id], buffers.flat_candidate_grad[thread_id], buffers.entry
    last = min(first + _GROUPS_PER_CHUNK, scratch.sizes[NUM_CLASS_GROUPS])
    for u in range(first, last):
        _prefetch_ahead(weights, weights_slots, ids, u, last)
        clear_row(panels, 0)
        entry = bias_sums.dtype.type(0)
        entries[thread_id, 0] = _add_labels(heads[u], entry, settings.num_true, scratch, panels, 0)
        class_gradient(settings.similarity, rows, 0, weights, ids[u])
        update_row(rule, weights, weights_slots, ids[u], rows, 0)
        update_row(rule, biases, biases_slots, ids[u], entries, thread_id)


@jit
def update_inputs(thread_id, num_threads, tables, rule, scratch, buffers):
    """Update this thread's range of the rows of inputs."""
    rows, gradients, groups = buffers.row, scratch.input_grad, scratch.input_groups
    ids, heads, next_of = groups.ids, groups.head, groups.next
    table, slots = tables.inputs, tables.inputs_slots
    first, last = static_range(thread_id, num_threads, scratch.sizes[NUM_INPUT_GROUPS])
    for u in range(first, last):
        _prefetch_ahead(table, slots, ids, u, last)
        b = heads[u]
        if next_of[b] < 0:
            update_row(rule, table, slots, ids[u], gradients, b)
        else:
            _sum_occurrences(b, next_of, gradients, rows, thread_id)
            update_row(rule, table, slots, ids[u], rows, thread_id)


@jit
def _sum_occurrences(b, next_of, gradients, rows, thread_id):
    """Sum the gradients of a list of examples into this thread's row."""
    for d in range(gradients.shape[1]):
        rows[thread_id, d] = gradients[b, d]
    b = next_of[b]
    while b >= 0:
        for d in range(gradients.shape[1]):
            rows[thread_id, d] += gradients[b, d]
        b = next_of[b]


@jit
def _prefetch_ahead(table, slots, ids, u, last):
    if u + _PREFETCH_DISTANCE < last:
        prefetch_write(table, ids[u + _PREFETCH_DISTANCE])
        prefetch_slots(slots, ids[u + _PREFETCH_DISTANCE])


@jit
def _add_labels(i, entry, num_true, scratch, rows, r):
    """Add to row r the gradients of the list of labels that starts at i; return entry plus those of the bias."""
    inputs, factors, next_of = scratch.inputs, scratch.true_grad, scratch.class_groups.next
    while i >= 0:
        add_to_rows(rows, r, factors[i], inputs, i // num_true)
        entry += factors[i]
        i = next_of[i]
    return entry

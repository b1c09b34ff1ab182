"""The last phase of a step: gradients of classes, and the updates of their rows."""

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.gemm import gemm_tn
from sampledsoftmax.kernels.linalg.normalize import project_row
from sampledsoftmax.kernels.linalg.packed_rows import add_to_rows
from sampledsoftmax.kernels.linalg.packing import clear_row, width_of
from sampledsoftmax.kernels.ragged.rows import inverse_of
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS
from sampledsoftmax.kernels.sync.atomics import prefetch_write
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, next_chunk
from sampledsoftmax.kernels.update.rules import prefetch_slots, update_row


@jit
def update_classes(thread_id, shared, batch_size, tables, rules, settings, scratch, buffers, examples):
    """Take chunks until none is left: panels of candidates first, then other labels."""
    width = width_of(scratch.packed_candidates)
    num_panels = ceil_div(scratch.candidates.size, width)
    candidate_chunks = ceil_div(num_panels, settings.class_panels)
    first_label, num_groups = num_panels * width, scratch.sizes[NUM_CLASS_GROUPS]
    num_chunks = candidate_chunks + ceil_div(num_groups - first_label, settings.labels_at_once)
    panels = buffers.candidate_grad[thread_id]
    chunk = next_chunk(shared, CLASS_CHUNKS)
    while chunk < num_chunks:
        if chunk < candidate_chunks:
            first = chunk * settings.class_panels
            last = min(first + settings.class_panels, num_panels)
            _candidate_gradients(first, last, round_up(batch_size, MR_TAIL), settings, scratch, examples, panels)
            first, end = first * width, last * width
        else:
            first = first_label + (chunk - candidate_chunks) * settings.labels_at_once
            end = min(first + settings.labels_at_once, num_groups)
        _update_groups(first, end, first_label, thread_id, tables, rules, settings, scratch, buffers, examples)
        chunk = next_chunk(shared, CLASS_CHUNKS)


@jit
def _candidate_gradients(first, last, rows, settings, scratch, examples, candidate_grad):
    """Write the gradients of the candidates of panels first .. last: sums over the batch."""
    gemm_tn(scratch.sampled_grad, first, last, rows, scratch.input_sums, candidate_grad, False)
    if settings.has_biases:
        for panel in range(first, last):
            _sum_scaled_rows(scratch.sampled_grad, panel, rows, examples.scales, scratch.bias_sums)


@jit_fused
def _sum_scaled_rows(panels, panel, rows, scales, sums):
    """Write the sum over rows of scale times row to sums[panel]."""
    for c in range(width_of(panels)):
        sums[panel, c] = 0
    for b in range(rows):
        for c in range(width_of(panels)):
            sums[panel, c] += scales[b] * panels[panel, b, c]


@jit
def _update_groups(first, end, first_label, thread_id, tables, rules, settings, scratch, buffers, examples):
    """Add the gradients of labels to those of classes first .. end, and update their rows.

    In three passes over a few rows, each with a short body: a core then works on several rows at once, and the rows of
    the tables arrive meanwhile.
    """
    panels, rows = buffers.candidate_grad[thread_id], buffers.flat_candidate_grad[thread_id]
    weights, weights_slots, norms = tables.weights, tables.weights_slots, examples.norms
    ids, heads = scratch.class_groups.ids, scratch.class_groups.head
    for u in range(first, end):
        if ids[u] >= 0:
            prefetch_write(weights, ids[u])
            if not settings.normalize:
                prefetch_slots(weights_slots, ids[u])
        if u >= first_label:
            clear_row(panels, u - first)
        _add_labels(heads[u], scratch, examples, panels, u - first)
    if settings.normalize:
        for u in range(first, end):
            if ids[u] >= 0:
                prefetch_slots(weights_slots, ids[u])
                project_row(rows, u - first, weights, ids[u], inverse_of(norms[u], rows))
    for u in range(first, end):
        if ids[u] >= 0:
            update_row(rules.weights, weights, weights_slots, ids[u], rows, u - first)
    if settings.has_biases:
        _update_biases(first, end, first_label, thread_id, tables, rules, scratch, buffers)


@jit
def _add_labels(i, scratch, examples, rows, r):
    """Add to row r the gradients of the list of labels that starts at i."""
    factors, next_of, example_of = scratch.true_grad, scratch.class_groups.next, examples.example_of
    while i >= 0:
        add_to_rows(rows, r, factors[i], scratch.inputs, example_of[i])
        i = next_of[i]


@jit
def _update_biases(first, end, first_label, thread_id, tables, rules, scratch, buffers):
    bias_sums, ids, entries = scratch.bias_sums, scratch.class_groups.ids, buffers.entry
    heads, next_of, factors = scratch.class_groups.head, scratch.class_groups.next, scratch.true_grad
    width = width_of(bias_sums)
    for u in range(first, end):
        if ids[u] >= 0:
            entry = bias_sums[u // width, u % width] if u < first_label else bias_sums.dtype.type(0)
            i = heads[u]
            while i >= 0:
                entry += factors[i]
                i = next_of[i]
            entries[thread_id, 0] = entry
            update_row(rules.biases, tables.biases, tables.biases_slots, ids[u], entries, thread_id)

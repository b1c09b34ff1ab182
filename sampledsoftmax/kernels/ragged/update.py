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

_GROUPS_PER_CHUNK = 32
_PREFETCH_DISTANCE = 6  # rows: the latency of memory is about 45 ns each


@jit
def update_classes(thread_id, shared, batch_size, tables, rules, settings, scratch, buffers, examples):
    """Take chunks until none is left: panels of candidates first, then other labels."""
    width = width_of(scratch.packed_candidates)
    num_panels = ceil_div(scratch.candidates.size, width)
    candidate_chunks = ceil_div(num_panels, settings.class_panels)
    first_label, num_groups = num_panels * width, scratch.sizes[NUM_CLASS_GROUPS]
    num_chunks = candidate_chunks + ceil_div(num_groups - first_label, _GROUPS_PER_CHUNK)
    panels = buffers.candidate_grad[thread_id]
    chunk = next_chunk(shared, CLASS_CHUNKS)
    while chunk < num_chunks:
        if chunk < candidate_chunks:
            first = chunk * settings.class_panels
            last = min(first + settings.class_panels, num_panels)
            _candidate_gradients(first, last, round_up(batch_size, MR_TAIL), settings, scratch, examples, panels)
            first, end = first * width, last * width
        else:
            first = first_label + (chunk - candidate_chunks) * _GROUPS_PER_CHUNK
            end = min(first + _GROUPS_PER_CHUNK, num_groups)
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
    """Add the gradients of labels to those of classes first .. end, and update their rows."""
    bias_sums, ids, heads = scratch.bias_sums, scratch.class_groups.ids, scratch.class_groups.head
    weights, weights_slots, norms = tables.weights, tables.weights_slots, examples.norms
    panels, rows, entries = buffers.candidate_grad[thread_id], buffers.flat_candidate_grad[thread_id], buffers.entry
    width = width_of(bias_sums)
    for u in range(first, end):
        if u + _PREFETCH_DISTANCE < end and ids[u + _PREFETCH_DISTANCE] >= 0:
            prefetch_write(weights, ids[u + _PREFETCH_DISTANCE])
            prefetch_slots(weights_slots, ids[u + _PREFETCH_DISTANCE])
        if ids[u] < 0:
            continue
        r = u - first
        entry = bias_sums.dtype.type(0)
        if u >= first_label:
            clear_row(panels, r)
        elif settings.has_biases:
            entry = bias_sums[u // width, u % width]
        entries[thread_id, 0] = _add_labels(heads[u], entry, scratch, examples, panels, r)
        if settings.normalize:
            project_row(rows, r, weights, ids[u], inverse_of(norms[u], rows))
        update_row(rules.weights, weights, weights_slots, ids[u], rows, r)
        if settings.has_biases:
            update_row(rules.biases, tables.biases, tables.biases_slots, ids[u], entries, thread_id)


@jit
def _add_labels(i, entry, scratch, examples, rows, r):
    """Add to row r the gradients of the list of labels that starts at i; return entry plus those of the bias."""
    inputs, factors, next_of, example_of = (
        scratch.inputs,
        scratch.true_grad,
        scratch.class_groups.next,
        examples.example_of,
    )
    while i >= 0:
        add_to_rows(rows, r, factors[i], inputs, example_of[i])
        entry += factors[i]
        i = next_of[i]
    return entry

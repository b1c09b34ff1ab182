"""The second phase of a step: the rows of classes and inputs, of unit length where asked for, as packed operands."""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.normalize import MIN_NORM
from sampledsoftmax.kernels.linalg.packed_rows import panel_dot
from sampledsoftmax.kernels.linalg.packing import pack_rows, transpose_panel, unpack_row, width_of
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.structs import NUM_CLASS_GROUPS, NUM_INPUT_GROUPS, NUM_TRIES
from sampledsoftmax.kernels.sync.barrier import static_range
from sampledsoftmax.kernels.update.rules import catch_up_row


@jit
def inverse_of(norm, like):
    """Return 1 / the length of a row in the dtype of an array, or 0 if the row counts as zeros."""
    real = like.dtype.type
    return real(1) / real(norm) if norm >= MIN_NORM else real(0)


@jit
def scale_row(panels, i, factor):
    """Multiply row i of the panels by a number."""
    for p in range(panels.shape[0]):
        for c in range(width_of(panels)):
            panels[p, i, c] *= factor


@jit
def pack_candidates(thread_id, num_threads, tables, rules, distribution, settings, scratch, examples):
    """Pack this thread's panels of candidates: their rows, biases and log Q. Padding and copies get a bias of -inf."""
    packed, ids, biases, log_q = scratch.packed_candidates, scratch.candidates, scratch.biases, scratch.log_q
    width = width_of(packed)
    first, last = static_range(thread_id, num_threads, ceil_div(ids.size, width))
    top, end = first * width, min(last * width, ids.size)
    _prepare(top, end, ids, tables, rules, distribution, settings, scratch, examples)
    for panel in range(first, last):
        pack_rows(tables.weights, ids, panel * width, width, packed)
        _measure(panel * width, min((panel + 1) * width, end), settings, scratch, examples)
        transpose_panel(packed, panel * width, scratch.packed_candidates_t, panel)
        for c in range(width):
            s = panel * width + c
            log_q[panel, c] = 0
            biases[panel, c] = -math.inf
            if s < ids.size and examples.copies[s] > 0:
                biases[panel, c] = examples.offsets[s] + math.log(float(examples.copies[s]))


@jit
def prepare_labels(thread_id, num_threads, first_label, tables, rules, distribution, settings, scratch, examples):
    """Let this thread's range of the labels that were not drawn catch up, and write bias - log Q of each.

    Their rows are read where they are used: most labels occur once in a batch.
    """
    ids = scratch.class_groups.ids[: scratch.sizes[NUM_CLASS_GROUPS]]
    first, end = static_range(thread_id, num_threads, ids.size - first_label)
    _prepare(first + first_label, end + first_label, ids, tables, rules, distribution, settings, scratch, examples)


@jit
def _prepare(first, end, ids, tables, rules, distribution, settings, scratch, examples):
    """Let the rows of classes first .. end catch up, and write bias - log Q of each."""
    offsets, counts, group_ids = examples.offsets, examples.counts, scratch.class_groups.ids
    for u in range(first, end):
        if group_ids[u] >= 0:  # a copy of a candidate is left to the first one
            catch_up_row(rules.weights, tables.weights, tables.weights_slots, ids[u])
        offsets[u] = 0
    if settings.has_biases:
        for u in range(first, end):
            if group_ids[u] >= 0:
                catch_up_row(rules.biases, tables.biases, tables.biases_slots, ids[u])
            offsets[u] = tables.bias_entries[ids[u]]
    if settings.subtract_log_q:
        num_sampled, tries = scratch.candidates.size, scratch.sizes[NUM_TRIES]
        candidates.expected_counts(distribution, num_sampled, tries, ids[first:end], counts[first:end])
        for u in range(first, end):
            offsets[u] -= math.log(offsets.dtype.type(counts[u]))


@jit
def _measure(first, end, settings, scratch, examples):
    """Write the lengths of packed rows first .. end; divide the rows by them where asked for."""
    packed, norms = scratch.packed_candidates, examples.norms
    for u in range(first, end):
        norms[u] = math.sqrt(panel_dot(packed, u, packed, u))
        if settings.normalize:
            scale_row(packed, u, inverse_of(norms[u], packed))


@jit
def pack_inputs(thread_id, num_threads, tables, input_ids, settings, scratch, examples):
    """Pack this thread's range of the inputs, divided by the temperature, and by their lengths where asked for.

    They are written to scratch.inputs and, as rows, to scratch.input_grad.
    """
    inputs, norms = scratch.inputs, examples.input_norms
    first, last = static_range(thread_id, num_threads, ceil_div(input_ids.size, MR_TAIL))
    top, end = first * MR_TAIL, min(last * MR_TAIL, input_ids.size)
    pack_rows(tables.inputs, input_ids, top, last * MR_TAIL - top, inputs)
    for b in range(top, end):
        norms[b] = math.sqrt(panel_dot(inputs, b, inputs, b))
        factor = settings.inverse_temperature
        if settings.normalize:
            factor *= inverse_of(norms[b], inputs)
        scale_row(inputs, b, factor)
        unpack_row(inputs, b, scratch.input_grad, b)


@jit
def catch_up_inputs(tables, rule, scratch):
    """Let the rows of inputs catch up, for rules that leave rows behind."""
    for u in range(scratch.sizes[NUM_INPUT_GROUPS]):
        catch_up_row(rule, tables.inputs, tables.inputs_slots, scratch.input_groups.ids[u])

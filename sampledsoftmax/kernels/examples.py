"""A block of examples: logits, loss, gradients of the logits and of the inputs."""

import math

from sampledsoftmax.kernels import cross_entropy, sigmoid_cross_entropy
from sampledsoftmax.kernels.bundles import ForLogits, ForNCE, ForSampledSoftmax
from sampledsoftmax.kernels.by_class import by_class
from sampledsoftmax.kernels.jit import jit, jit_sum
from sampledsoftmax.kernels.panels import num_panels_of, pack_rows, unpack_row, width_of
from sampledsoftmax.kernels.products import DEPTH, rows_part, rows_product
from sampledsoftmax.kernels.shares import BLOCK_ROWS, PIECES, examples_of_piece, own_examples, piece_size
from sampledsoftmax.kernels.team import SECOND_TASKS, next_task
from sampledsoftmax.machine.atomics import fetch_to_read
from sampledsoftmax.machine.tile import shift_rows

_ROWS_AHEAD = 4  # rows asked for before they are needed, against the latency of memory


@jit
def run_examples(part, parts, shared, operands, settings, scratch, lanes):
    """Do everything for this thread's examples, but the gradients of classes."""
    maxima, sums, batch_size = lanes.maxima[part], lanes.sums[part], operands.input_ids.size
    multiplications = operands.sampled_ids.size * scratch.by_dim.shape[0] * width_of(scratch.by_dim)
    piece = piece_size(parts, batch_size, multiplications)
    first, end = own_examples(part, parts, batch_size, piece)
    for top in range(first, end, BLOCK_ROWS):
        _run_block(top, min(BLOCK_ROWS, end - top), operands, settings, scratch, maxima, sums)
    num_pieces = parts * PIECES if piece > 0 else 0
    task = next_task(shared, SECOND_TASKS)
    while task < num_pieces:
        top, end = examples_of_piece(task, parts, batch_size, piece)
        _run_block(top, end - top, operands, settings, scratch, maxima, sums)
        task = next_task(shared, SECOND_TASKS)


@jit
def _run_block(top, rows, operands, settings, scratch, maxima, sums):
    num_panels = num_panels_of(operands.sampled_ids.size, width_of(scratch.by_dim))
    padded = (rows + 3) // 4 * 4
    pack_rows(operands.inputs, operands.input_ids, top, padded, scratch.inputs)
    _true_logits(top, rows, operands, settings, scratch)
    sampled_logits(top, padded, num_panels, scratch)
    if settings.remove_hits:
        _leave_out_hits(top, rows, operands.sampled_ids.size, settings, scratch)
    _losses(settings, top, rows, padded, num_panels, scratch, maxima, sums)
    if settings.gradients:
        _input_gradients(top, rows, padded, num_panels, operands, sums, settings, scratch)


@by_class
def _losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    """Turn the logits of a block into losses and gradients."""


@_losses.of(ForSampledSoftmax)
@jit
def _softmax_losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    cross_entropy.block(top, rows, padded, num_panels, settings.num_true, scratch, maxima, sums)


@_losses.of(ForNCE)
@jit
def _sigmoid_losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    sigmoid_cross_entropy.block(top, rows, padded, num_panels, settings.num_true, scratch, maxima, sums)


@_losses.of(ForLogits)
@jit
def _no_losses(settings, top, rows, padded, num_panels, scratch, maxima, sums):
    pass


@jit_sum
def dot(a, b):
    """Return the dot product of two rows."""
    total = a.dtype.type(0)
    for d in range(a.size):
        total += a[d] * b[d]
    return total


@jit
def _true_logits(top, rows, operands, settings, scratch):
    inputs, weights, biases = operands.inputs, operands.true_weights, operands.true_biases
    input_ids, true_ids, logits = operands.input_ids, operands.true_ids, scratch.true_logits
    counts, real = scratch.true_counts, scratch.losses.dtype.type
    last = (top + rows) * settings.num_true
    for b in range(top, top + rows):
        features = inputs[input_ids[b]]
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            if i + _ROWS_AHEAD < last:
                fetch_to_read(weights, true_ids[i + _ROWS_AHEAD])
            logits[i] = dot(features, weights[true_ids[i]]) + biases[true_ids[i]]
            if settings.subtract_log_q:
                logits[i] -= math.log(real(counts[i]))


@jit
def sampled_logits(top, padded, num_panels, scratch):
    """Write (dot product + bias) - log count: one rounding of the size of the logit, as NumPy has it."""
    inputs, by_class, logits = scratch.inputs, scratch.by_class, scratch.exponentials
    biases, log_counts = scratch.biases, scratch.log_counts
    for panel in range(num_panels):
        rows_product(inputs, top, padded, by_class, panel, inputs.shape[0], logits, False)
        shift_rows(logits, panel, top, padded, biases, log_counts)


@jit
def _leave_out_hits(top, rows, num_sampled, settings, scratch):
    slot_of_label, earlier, logits = scratch.slot_of_label, scratch.earlier, scratch.exponentials
    width = width_of(logits)
    for b in range(top, top + rows):
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            s = slot_of_label[i]
            while 0 <= s < num_sampled:
                logits[s // width, b, s % width] = -math.inf
                s = -1 if settings.last_copy_only else earlier[s]


@jit
def _scale_exponentials(top, padded, first, last, scales, scratch):
    width = width_of(scales)
    for p in range(first, last):
        entries = scratch.flat_exponentials[p, top * width : (top + padded) * width]
        for i in range(padded * width):
            entries[i] *= scales[i]


@jit
def input_sums(top, padded, num_panels, scales, scratch):
    """Write gradients of the logits . sampled weights: the candidates' part of the gradients of the inputs.

    The exponentials become gradients of the logits: times `scales`, which are in all lanes of a row.

    Some candidates at a time, for all of the inputs' columns: of many candidates, the exponentials of the block are
    more than the second cache holds, and are fetched once.
    """
    sums, exponentials, by_dim = scratch.input_sums, scratch.exponentials, scratch.by_dim
    step = DEPTH // width_of(exponentials)
    for first in range(0, num_panels, step):
        last = min(first + step, num_panels)
        _scale_exponentials(top, padded, first, last, scales, scratch)
        for q in range(by_dim.shape[0]):
            rows_part(exponentials, top, padded, by_dim, q, first, last, sums, first > 0)


@jit
def _input_gradients(top, rows, padded, num_panels, operands, scales, settings, scratch):
    input_sums(top, padded, num_panels, scales, scratch)
    sums, out = scratch.input_sums, scratch.input_grad
    factors, weights, true_ids = scratch.true_logits, operands.true_weights, operands.true_ids
    for b in range(top, top + rows):
        unpack_row(sums, b, out, b)
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            factor, row = factors[i], true_ids[i]
            for d in range(out.shape[1]):
                out[b, d] += factor * weights[row, d]

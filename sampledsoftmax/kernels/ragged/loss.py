"""Softmax losses of the labels of an example over one row of candidates, from which all of its labels are left out.

A label p of example b has the loss -log(e_p / (e_p + Z)), where Z is the sum of the exponentials of the candidates that
are no label of b. All labels of b share Z: the gradient with respect to a candidate's logit is its exponential times
one number of the example, the sum over its labels of 1 / (e_p + Z).
"""

import math

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.gemm import gemm_nn
from sampledsoftmax.kernels.linalg.packing import width_of
from sampledsoftmax.kernels.linalg.reductions import lane_max, largest_of_lanes
from sampledsoftmax.kernels.loss.softmax import exponentials, in_all_lanes
from sampledsoftmax.kernels.step.forward import sampled_logits

# A product of normalizers is kept between the two: its logarithm is taken before it overflows.
_MIN_PRODUCT, _MAX_PRODUCT = 1e-200, 1e200
# Two logits of a row that differ by at most this have exponentials that float32 holds with all their bits, whatever
# lies between them is subtracted: exp(-60) = 9e-27.
MAX_RANGE = 60.0


@jit
def common_shift(settings, scratch, examples, batch_size):
    """Return a bound of the logits of all candidates that is close enough to all of them, or inf if there is none.

    A logit is a product of at most (length of an input) (length of a row) / temperature, plus an offset.
    """
    largest, lowest, longest, longest_input = -math.inf, math.inf, 1.0, 1.0
    width = width_of(scratch.biases)
    for s in range(scratch.candidates.size):
        if examples.copies[s] > 0:
            offset = float(scratch.biases[s // width, s % width])
            largest, lowest = max(largest, offset), min(lowest, offset)
    if not settings.normalize:
        longest = longest_input = 0.0
        for s in range(scratch.candidates.size):
            longest = max(longest, float(examples.norms[s]))
        for b in range(batch_size):
            longest_input = max(longest_input, float(examples.input_norms[b]))
    # With a margin for the rounding of the products.
    product = 1.001 * longest * longest_input * float(settings.inverse_temperature)
    return product + largest if 2 * product + (largest - lowest) <= MAX_RANGE else math.inf


@jit
def shifted_exponentials(block, shift, scratch, shifts):
    """Write exp(logit - shift) of the candidates, a few panels at a time, so that they stay in the cache meanwhile."""
    inputs, packed, logits = scratch.inputs, scratch.packed_candidates_t, scratch.sampled_logits
    for panel in range(block.num_panels):
        gemm_nn(inputs, block.top, block.padded, packed, panel, inputs.shape[0], logits, False)
        _exponentials_of_panel(logits, panel, block.top, block.top + block.padded, scratch.biases, shift)
    for b in range(block.padded):
        in_all_lanes(shifts, b, shift)


@jit_fused
def _exponentials_of_panel(panels, p, top, end, offsets, shift):
    """Replace products of rows top .. end by exp(product + offset - shift)."""
    for b in range(top, end):
        for c in range(width_of(panels)):
            panels[p, b, c] = exp_not_above_0((panels[p, b, c] + offsets[p, c]) - shift)


@jit
def leave_out(block, value, scratch, examples):
    """Write a value to the columns of the candidates that are labels of the example: 0 or -inf."""
    groups, entries, starts = scratch.group_of_label, scratch.sampled_logits, examples.starts
    width = width_of(entries)
    for b in range(block.top, block.top + block.rows):
        for i in range(starts[b], starts[b + 1]):
            s = groups[i]
            if s < block.num_sampled:
                entries[s // width, b, s % width] = value


@jit
def exponentials_below_maximum(block, scratch, examples, shifts, row_sums):
    """Write exp(logit - largest of the row) of the candidates, for logits of any size."""
    sampled_logits(block, scratch)
    leave_out(block, -math.inf, scratch, examples)
    width = width_of(shifts)
    first, size = block.top * width, block.padded * width
    lane_max(scratch.sampled_exp, first, size, block.num_panels, shifts)
    for b in range(block.padded):
        largest = largest_of_lanes(shifts, b * width)
        if largest == -math.inf:  # no candidate is left
            largest = shifts.dtype.type(0)
        in_all_lanes(shifts, b, largest)
    exponentials(scratch.sampled_exp, first, size, block.num_panels, shifts, row_sums)


@jit
def label_losses(b, shift, of_candidates, share, scratch, examples):
    """Write the loss of example b and the gradients of its labels' logits; return what scales its row of candidates.

    Its logits are those of true_logits, and `of_candidates` is the sum of exp(logit - shift) over the candidates that
    are left. Gradients are multiplied by `share`, the loss is not.
    """
    true_logits, true_grad, starts = scratch.true_logits, scratch.true_grad, examples.starts
    real = true_logits.dtype.type
    zero, one = real(0), real(1)
    total, product, scale = 0.0, 1.0, zero
    for i in range(starts[b], starts[b + 1]):
        distance = true_logits[i] - shift
        if of_candidates == zero:  # all candidates are labels: the loss is that of one class
            true_grad[i] = zero
            total += distance - distance  # NaN where the logit is infinite
        elif distance <= zero:
            normalizer = of_candidates + exp_not_above_0(distance)
            product *= normalizer
            total -= distance
            scale += share / normalizer
            true_grad[i] = -share * (of_candidates / normalizer)
        else:  # relative to the true logit
            e = exp_not_above_0(-distance)
            normalizer = of_candidates * e + one
            product *= normalizer
            scale += share * e / normalizer
            true_grad[i] = -share * (of_candidates * e / normalizer)
            total += distance - distance
        if product > _MAX_PRODUCT or product < _MIN_PRODUCT:
            total += math.log(product)
            product = 1.0
    examples.losses[b] = total + math.log(product)
    return scale

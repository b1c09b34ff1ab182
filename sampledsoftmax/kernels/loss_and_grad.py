"""The passes of a loss and its gradients over a batch, shared out among the threads of a team."""

from sampledsoftmax.kernels.classes import class_gradients, pack_classes
from sampledsoftmax.kernels.duplicates import clear, enter_candidates, find_slots
from sampledsoftmax.kernels.examples import run_examples
from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.panels import num_panels_of, width_of
from sampledsoftmax.kernels.team import FIRST_TASKS, meet, next_task


@jit
def run_loss_and_grad(
    part, parts, shared, operands, class_ids, label_ids, settings, scratch, lanes, row_grad, bias_grad
):
    """Compute logits, losses and gradients, as far as `settings` asks for them.

    Results are in `scratch`, but for the gradients of rows in TensorFlow's order, of the labels example by
    example, then of the candidates: row_grad [num_labels + num_sampled, dim], bias_grad [the same].
    """
    if part == 0:
        size = clear(scratch.keys, class_ids.size)
        enter_candidates(class_ids, scratch.keys, scratch.slots, size, scratch.earlier)
        find_slots(label_ids, scratch.keys, scratch.slots, size, scratch.slot_of_label)
    pack_classes(part, parts, operands, settings, scratch)
    if not meet(shared, parts, 1):
        return
    run_examples(part, parts, shared, operands, settings, scratch, lanes)
    if not meet(shared, parts, 2):
        return
    if settings.gradients:
        _write_classes(part, shared, operands, settings, scratch, lanes, row_grad, bias_grad)
        _write_labels(part, parts, operands, settings, scratch, row_grad, bias_grad)
    meet(shared, parts, 3)


@jit
def _write_classes(part, shared, operands, settings, scratch, lanes, row_grad, bias_grad):
    """Take panels of candidates until none is left."""
    rows = (operands.input_ids.size + 3) // 4 * 4
    width = width_of(scratch.by_dim)
    num_labels, num_sampled = operands.true_ids.size, operands.sampled_ids.size
    num_panels = num_panels_of(num_sampled, width)
    first = next_task(shared, FIRST_TASKS) * settings.class_panels
    while first < num_panels:
        last = min(first + settings.class_panels, num_panels)
        class_gradients(first, last, rows, scratch, lanes.class_sums[part])
        for s in range(first * width, min(last * width, num_sampled)):
            bias_grad[num_labels + s] = scratch.bias_sums[s // width, s % width]
            for d in range(row_grad.shape[1]):
                row_grad[num_labels + s, d] = lanes.flat_class_sums[part, s - first * width, d]
        first = next_task(shared, FIRST_TASKS) * settings.class_panels


@jit
def _write_labels(part, parts, operands, settings, scratch, row_grad, bias_grad):
    """Write the gradients of this thread's share of the labels."""
    for b in range(part, operands.input_ids.size, parts):
        features = operands.inputs[operands.input_ids[b]]
        for i in range(b * settings.num_true, (b + 1) * settings.num_true):
            factor = scratch.true_logits[i]
            bias_grad[i] = factor
            for d in range(features.size):
                row_grad[i, d] = factor * features[d]

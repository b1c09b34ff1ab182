"""The gradients of the softmax over all classes, a block of classes at a time, once the normalizers are known."""

from typing import Any, NamedTuple

from sampledsoftmax.kernels.all_classes import pack_offsets, rows_of, write_logits
from sampledsoftmax.kernels.exponential import exp_not_above_0
from sampledsoftmax.kernels.jit import jit, jit_fused
from sampledsoftmax.kernels.panels import fill_panels, num_panels_of, pack_rows, transpose_panel
from sampledsoftmax.kernels.products import columns_product, rows_product
from sampledsoftmax.kernels.team import FIRST_TASKS, SECOND_TASKS, meet, next_task
from sampledsoftmax.machine.tile import sum_rows


class Factors(NamedTuple):
    """What the gradients of the logits are made of, by example.

    Attributes
    ----------
    labels : int64 [batch_size, num_true]
    largest, scales, targets : float [groups, group_rows * width], the same, float [batch_size]
        Largest logit and loss_grad / sum of exponentials, in all lanes of an example; loss_grad / num_true.
    """

    labels: Any
    largest: Any
    scales: Any
    targets: Any


class Sums(NamedTuple):
    """Memory of the gradients; panels as in panels.py.

    Attributes
    ----------
    places : int64 [classes]
        0, 1, 2, ...
    by_dim : float [dim panels, classes, width]
        Weights of a block.
    logits, flat_logits : float [groups, class panels, group_rows, width] and [.., .., group_rows * width]
        Logits, then gradients of them; two views of one memory.
    inputs : float [groups, dim panels, group_rows, width]
        Gradients of the inputs, added up over the blocks.
    classes, flat_classes : float [threads, width, dim panels, width] and [threads, width, dim panels * width]
        Gradients of a panel of classes; two views of one memory.
    biases : float [class panels, width]
    """

    places: Any
    by_dim: Any
    logits: Any
    flat_logits: Any
    inputs: Any
    classes: Any
    flat_classes: Any
    biases: Any


@jit
def run_gradients(part, parts, shared, block, panels, factors, sums, weights_grad, biases_grad):
    """Write the gradients of a block of classes, and add to those of the inputs.

    weights_grad [classes, dim], biases_grad [classes]; a block is one piece of logits.
    """
    width, places = panels.offsets.shape[1], sums.places[: block.weights.shape[0]]
    num_panels = num_panels_of(places.size, width)
    for panel in range(part, num_panels, parts):
        pack_rows(block.weights, places, panel * width, width, sums.by_dim)
        transpose_panel(sums.by_dim, panel * width, panels.by_class, panel)
        pack_offsets(block.biases, panel, panels.offsets)
    if not meet(shared, parts, 1):
        return
    group = next_task(shared, FIRST_TASKS)
    while group < panels.inputs.shape[0]:
        num_panels = write_logits(group, 0, block, panels, sums.logits[group], sums.flat_logits[group])
        _logit_gradients(group, num_panels, block, panels, factors, sums)
        _, _, padded = rows_of(group, panels)
        for q in range(sums.by_dim.shape[0]):
            rows_product(sums.logits[group], 0, padded, sums.by_dim, q, num_panels, sums.inputs[group], True)
        group = next_task(shared, FIRST_TASKS)
    if not meet(shared, parts, 2):
        return
    panel = next_task(shared, SECOND_TASKS)
    while panel < num_panels:
        _class_gradients(panel, panels, sums, sums.classes[part])
        _write_classes(panel, block.weights.shape[0], sums, sums.flat_classes[part], weights_grad, biases_grad)
        panel = next_task(shared, SECOND_TASKS)
    meet(shared, parts, 3)


@jit
def _logit_gradients(group, num_panels, block, panels, factors, sums):
    logits = sums.logits[group]
    top, rows, padded = rows_of(group, panels)
    width = logits.shape[2]
    _scale_exponentials(
        sums.flat_logits[group], num_panels, rows * width, factors.largest[group], factors.scales[group]
    )
    fill_panels(logits, rows, padded - rows, 0)
    labels, targets = factors.labels, factors.targets
    for b in range(rows):
        for t in range(labels.shape[1]):
            column = labels[top + b, t] - block.first
            if 0 <= column < block.weights.shape[0]:
                logits[column // width, b, column % width] -= targets[top + b]


@jit_fused
def _scale_exponentials(logits, num_panels, size, largest, scales):
    for p in range(num_panels):
        entries = logits[p, :size]
        for i in range(size):
            entries[i] = exp_not_above_0(entries[i] - largest[i]) * scales[i]


@jit
def _class_gradients(panel, panels, sums, classes):
    """Add up gradient of the logit times input over the batch, for a panel of classes."""
    for group in range(panels.inputs.shape[0]):
        _, _, padded = rows_of(group, panels)
        columns_product(sums.logits[group], panel, panel + 1, padded, panels.inputs[group], classes, group > 0)
        sum_rows(sums.logits[group], panel, padded, sums.biases, group > 0)


@jit
def _write_classes(panel, num_classes, sums, classes, weights_grad, biases_grad):
    width = classes.shape[0]
    for s in range(min(width, num_classes - panel * width)):
        row, bias = weights_grad[panel * width + s], sums.biases[panel, s]
        biases_grad[panel * width + s] = bias
        for d in range(row.size):
            row[d] = classes[s, d]

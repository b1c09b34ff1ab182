"""The gradients of the softmax over all classes, a block of classes at a time, once the normalizers are known."""

from typing import Any, NamedTuple

from sampledsoftmax.jit.decorators import jit, jit_fused
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.full.logits import pack_offsets, rows_of, write_logits
from sampledsoftmax.kernels.linalg.exp import exp_not_above_0
from sampledsoftmax.kernels.linalg.gemm import gemm_nn, gemm_tn
from sampledsoftmax.kernels.linalg.microkernels import sum_rows
from sampledsoftmax.kernels.linalg.packing import fill_panels, pack_rows, transpose_panel
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, EXAMPLE_CHUNKS, barrier, next_chunk


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
    packed_weights : float [dim panels, classes, width]
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
    packed_weights: Any
    logits: Any
    flat_logits: Any
    inputs: Any
    classes: Any
    flat_classes: Any
    biases: Any


@jit
def run_gradients(thread_id, num_threads, shared, block, panels, factors, sums, weights_grad, biases_grad):
    """Write the gradients of a block of classes, and add to those of the inputs.

    weights_grad [classes, dim], biases_grad [classes]; a block is one piece of logits.
    """
    width, places = panels.offsets.shape[1], sums.places[: block.weights.shape[0]]
    num_panels = ceil_div(places.size, width)
    for panel in range(thread_id, num_panels, num_threads):
        pack_rows(block.weights, places, panel * width, width, sums.packed_weights)
        transpose_panel(sums.packed_weights, panel * width, panels.packed_weights_t, panel)
        pack_offsets(block.biases, panel, panels.offsets)
    if not barrier(shared, num_threads):
        return
    group = next_chunk(shared, CLASS_CHUNKS)
    while group < panels.inputs.shape[0]:
        num_panels = write_logits(group, 0, block, panels, sums.logits[group], sums.flat_logits[group])
        _logit_gradients(group, num_panels, block, panels, factors, sums)
        _, _, padded = rows_of(group, panels)
        for q in range(sums.packed_weights.shape[0]):
            gemm_nn(sums.logits[group], 0, padded, sums.packed_weights, q, num_panels, sums.inputs[group], True)
        group = next_chunk(shared, CLASS_CHUNKS)
    if not barrier(shared, num_threads):
        return
    panel = next_chunk(shared, EXAMPLE_CHUNKS)
    while panel < num_panels:
        _class_gradients(panel, panels, sums, sums.classes[thread_id])
        _write_classes(panel, block.weights.shape[0], sums, sums.flat_classes[thread_id], weights_grad, biases_grad)
        panel = next_chunk(shared, EXAMPLE_CHUNKS)
    barrier(shared, num_threads)


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
        gemm_tn(sums.logits[group], panel, panel + 1, padded, panels.inputs[group], classes, group > 0)
        sum_rows(sums.logits[group], panel, padded, sums.biases, group > 0)


@jit
def _write_classes(panel, num_classes, sums, classes, weights_grad, biases_grad):
    width = classes.shape[0]
    for s in range(min(width, num_classes - panel * width)):
        row, bias = weights_grad[panel * width + s], sums.biases[panel, s]
        biases_grad[panel * width + s] = bias
        for d in range(row.size):
            row[d] = classes[s, d]

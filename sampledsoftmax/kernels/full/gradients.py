"""Gradients of the softmax over all classes, one block of classes at a time, given the normalizers."""

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
    """Per-example factors of the gradients of the logits.

    Attributes
    ----------
    labels : int64 [batch_size, num_true]
    largest, scales, targets : float [groups, group_rows * width], the same, float [batch_size]
        Largest logit and loss_grad / sum of exponentials, repeated in all lanes of an example; loss_grad / num_true.
    """

    labels: Any
    largest: Any
    scales: Any
    targets: Any


class FullScratch(NamedTuple):
    """Working memory of the gradients; panels as in linalg/packing.py.

    Attributes
    ----------
    class_rows : int64 [classes]
        Rows of a block: 0, 1, 2, ...
    packed_weights : float [dim panels, classes, width]
        Weights of a block.
    logits, flat_logits, logit_grad : float [groups, class panels, group_rows, width] and [.., .., group_rows * width]
        Logits, then the gradient of the loss with respect to them; three views of one memory.
    input_grad : float [groups, dim panels, group_rows, width]
        Gradients of the inputs, summed over the blocks.
    class_grad, flat_class_grad : float [threads, width, dim panels, width] and [threads, width, dim panels * width]
        Gradients of a panel of classes; two views of one memory.
    bias_grad : float [class panels, width]
    """

    class_rows: Any
    packed_weights: Any
    logits: Any
    flat_logits: Any
    logit_grad: Any
    input_grad: Any
    class_grad: Any
    flat_class_grad: Any
    bias_grad: Any


@jit
def run_gradients(thread_id, num_threads, shared, block, panels, factors, scratch, weights_grad, biases_grad):
    """Write the gradients of a block of classes, and add its part of the gradients of the inputs.

    weights_grad [classes, dim], biases_grad [classes]; a block is a single chunk.
    """
    width, class_rows = panels.offsets.shape[1], scratch.class_rows[: block.weights.shape[0]]
    num_panels = ceil_div(class_rows.size, width)
    for panel in range(thread_id, num_panels, num_threads):
        pack_rows(block.weights, class_rows, panel * width, width, scratch.packed_weights)
        transpose_panel(scratch.packed_weights, panel * width, panels.packed_weights_t, panel)
        pack_offsets(block.biases, panel, panels.offsets)
    if not barrier(shared, num_threads):
        return
    group = next_chunk(shared, CLASS_CHUNKS)
    while group < panels.inputs.shape[0]:
        num_panels = write_logits(group, 0, block, panels, scratch.logits[group], scratch.flat_logits[group])
        _logit_gradients(group, num_panels, block, panels, factors, scratch)
        _, _, padded = rows_of(group, panels)
        for q in range(scratch.packed_weights.shape[0]):
            gemm_nn(
                scratch.logit_grad[group],
                0,
                padded,
                scratch.packed_weights,
                q,
                num_panels,
                scratch.input_grad[group],
                True,
            )
        group = next_chunk(shared, CLASS_CHUNKS)
    if not barrier(shared, num_threads):
        return
    panel = next_chunk(shared, EXAMPLE_CHUNKS)
    while panel < num_panels:
        _class_gradients(panel, panels, scratch, scratch.class_grad[thread_id])
        _write_classes(
            panel, block.weights.shape[0], scratch, scratch.flat_class_grad[thread_id], weights_grad, biases_grad
        )
        panel = next_chunk(shared, EXAMPLE_CHUNKS)
    barrier(shared, num_threads)


@jit
def _logit_gradients(group, num_panels, block, panels, factors, scratch):
    logit_grad = scratch.logit_grad[group]
    top, rows, padded = rows_of(group, panels)
    width = logit_grad.shape[2]
    _exponentials_times_scales(
        scratch.flat_logits[group], num_panels, rows * width, factors.largest[group], factors.scales[group]
    )
    fill_panels(logit_grad, rows, padded - rows, 0)
    labels, targets = factors.labels, factors.targets
    for b in range(rows):
        for t in range(labels.shape[1]):
            column = labels[top + b, t] - block.first
            if 0 <= column < block.weights.shape[0]:
                logit_grad[column // width, b, column % width] -= targets[top + b]


@jit_fused
def _exponentials_times_scales(logits, num_panels, size, largest, scales):
    for p in range(num_panels):
        entries = logits[p, :size]
        for i in range(size):
            entries[i] = exp_not_above_0(entries[i] - largest[i]) * scales[i]


@jit
def _class_gradients(panel, panels, scratch, class_grad):
    """Write the gradients of a panel of classes: scratch over the batch of gradient of the logit times input."""
    for group in range(panels.inputs.shape[0]):
        _, _, padded = rows_of(group, panels)
        gemm_tn(scratch.logit_grad[group], panel, panel + 1, padded, panels.inputs[group], class_grad, group > 0)
        sum_rows(scratch.logit_grad[group], panel, padded, scratch.bias_grad, group > 0)


@jit
def _write_classes(panel, num_classes, scratch, class_grad, weights_grad, biases_grad):
    width = class_grad.shape[0]
    for s in range(min(width, num_classes - panel * width)):
        row, bias = weights_grad[panel * width + s], scratch.bias_grad[panel, s]
        biases_grad[panel * width + s] = bias
        for d in range(row.size):
            row[d] = class_grad[s, d]

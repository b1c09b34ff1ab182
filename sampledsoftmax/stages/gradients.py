"""From gradients of the logits to gradients of inputs and of the rows that were gathered."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.batch import Batch
from sampledsoftmax.kernels import gradients as kernels
from sampledsoftmax.stages.gather import Rows
from sampledsoftmax.stages.logits import SampledLogits
from sampledsoftmax.stages.matmul import matmul
from sampledsoftmax.types import Gradients, IndexedSlices


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table shows in the loss
def gradients(batch: Batch, rows: Rows, candidates: NDArray[np.int64], logit_grad: SampledLogits) -> Gradients:
    """Return the gradients in TensorFlow's order: rows of the labels, example by example, then sampled."""
    inputs_grad = matmul(logit_grad.sampled, rows.sampled)
    kernels.add_true_rows(logit_grad.true, rows.true, inputs_grad)
    num_labels, dim = rows.true.shape
    row_grad = np.empty((num_labels + candidates.size, dim), inputs_grad.dtype)
    kernels.true_weight_rows(logit_grad.true, batch.inputs, row_grad)
    matmul(logit_grad.sampled.T, batch.inputs, row_grad[num_labels:])
    indices = np.concatenate((batch.labels.ravel(), candidates))
    weights_grad = IndexedSlices(row_grad, indices, (batch.weights.num_rows, dim))
    biases_grad: Any = None
    if batch.biases is not None:
        entries: NDArray[Any] = np.concatenate((logit_grad.true.ravel(), logit_grad.sampled.sum(axis=0)))
        biases_grad = batch.biases.gradient(IndexedSlices(entries, indices, (batch.biases.num_rows,)))
    return Gradients(batch.weights.gradient(weights_grad), biases_grad, inputs_grad)

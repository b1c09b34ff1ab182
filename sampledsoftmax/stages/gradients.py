"""From gradients of the logits to gradients of inputs and of the rows that were gathered."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels import gradients as kernels
from sampledsoftmax.stages.logits import SampledLogits
from sampledsoftmax.stages.matmul import matmul
from sampledsoftmax.types import Batch, Gradients, IndexedSlices


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table shows in the loss
def gradients(batch: Batch, candidates: NDArray[np.int64], logit_grad: SampledLogits) -> Gradients:
    """Return the gradients in TensorFlow's order: rows of the labels, example by example, then sampled."""
    inputs_grad = matmul(logit_grad.sampled, logit_grad.candidate_rows)
    kernels.add_true_rows(logit_grad.true, batch.labels, batch.weights, inputs_grad)
    num_labels = batch.labels.size
    rows = np.empty((num_labels + candidates.size, batch.inputs.shape[1]), batch.weights.dtype)
    kernels.true_weight_rows(logit_grad.true, batch.inputs, rows)
    matmul(logit_grad.sampled.T, batch.inputs, out=rows[num_labels:])
    indices = np.concatenate((batch.labels.ravel(), candidates))
    entries: NDArray[Any] = np.concatenate((logit_grad.true.ravel(), logit_grad.sampled.sum(axis=0)))
    return Gradients(
        IndexedSlices(rows, indices, batch.weights.shape),
        IndexedSlices(entries, indices, batch.biases.shape),
        inputs_grad,
    )

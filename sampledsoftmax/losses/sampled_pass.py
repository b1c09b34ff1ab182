"""A batch over its labels and candidates, from logits to gradients: runs the kernels, with their memory and threads."""

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.loss.objectives import LogitsOnly
from sampledsoftmax.kernels.step.loss_and_grad import run_loss_and_grad
from sampledsoftmax.kernels.structs import Operands, Scratch
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.gather import gather, gather_biases
from sampledsoftmax.losses.objectives import Objective, checked_loss
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import Workspace, settings_for
from sampledsoftmax.types import Correction, Gradients, IndexedSlices, SampledValues

Ids = NDArray[np.int64]
_kept = threading.local()  # each thread of the caller keeps the memory of its largest call


class SampledLogits(NamedTuple):
    """Corrected logits: true [batch_size, num_true] and sampled [batch_size, num_sampled]."""

    true: NDArray[Any]
    sampled: NDArray[Any]


def logits(batch: Batch, values: SampledValues, correction: Correction) -> SampledLogits:
    """Return inputs . weights + biases [- log expected count] for the labels and for the candidates.

    A candidate that is a label of the example gets -inf there.
    """
    scratch, _, _ = _run(batch, values, correction, LogitsOnly(), None)
    batch_size, num_sampled = batch.labels.shape[0], values.sampled_candidates.size
    panels = scratch.sampled_logits[:, :batch_size].transpose(1, 0, 2)
    sampled = panels.reshape(batch_size, panels.shape[1] * panels.shape[2])[:, :num_sampled].copy()
    return SampledLogits(scratch.true_logits[: batch.labels.size].reshape(batch.labels.shape).copy(), sampled)


def losses(batch: Batch, values: SampledValues, correction: Correction, objective: Objective) -> NDArray[Any]:
    """Return the losses [batch_size]."""
    compiled = objective.compiled_loss()
    if compiled is None:
        return _in_numpy(batch, values, correction, objective)[0]
    scratch, _, _ = _run(batch, values, correction, compiled, None)
    return scratch.losses[: batch.labels.shape[0]].copy()  # type: ignore[no-any-return]


def losses_and_gradients(
    batch: Batch, values: SampledValues, correction: Correction, objective: Objective, loss_grad: NDArray[Any]
) -> tuple[NDArray[Any], Gradients]:
    """Return the losses and the gradients of sum(loss_grad * loss), in TensorFlow's order of rows."""
    compiled = objective.compiled_loss()
    if compiled is None:
        losses, logit_grad = _in_numpy(batch, values, correction, objective)
        parts = _row_gradients(batch, values, logit_grad * loss_grad[:, np.newaxis])
        return losses, _gradients(batch, values, *parts)
    scratch, row_grad, bias_grad = _run(batch, values, correction, compiled, loss_grad)
    gradients = _gradients(batch, values, row_grad, bias_grad, scratch.input_grad)
    return scratch.losses[: batch.labels.shape[0]].copy(), gradients


def _gradients(
    batch: Batch, values: SampledValues, row_grad: NDArray[Any], bias_grad: NDArray[Any], input_grad: NDArray[Any]
) -> Gradients:
    indices = np.concatenate((batch.labels.ravel(), values.sampled_candidates))
    weights = batch.weights.gradient(IndexedSlices(row_grad, indices, (batch.weights.num_rows, row_grad.shape[1])))
    biases: Any = None
    if batch.biases is not None:
        biases = batch.biases.gradient(IndexedSlices(bias_grad, indices, (batch.biases.num_rows,)))
    return Gradients(weights, biases, input_grad)


def _in_numpy(
    batch: Batch, values: SampledValues, correction: Correction, objective: Objective
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return losses and gradients of the logits by an objective that has no kernel."""
    true, sampled = logits(batch, values, correction)
    return checked_loss(objective, np.concatenate((true, sampled), axis=1), batch.labels.shape[1])


def _row_gradients(
    batch: Batch, values: SampledValues, logit_grad: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return gradients of rows and biases, labels then candidates, and of the inputs."""
    batch_size, num_true = batch.labels.shape
    dtype, inputs = batch.inputs.dtype, batch.inputs
    true_grad, sampled_grad = logit_grad[:, :num_true], logit_grad[:, num_true:]
    true_rows = gather(batch.weights, batch.labels.ravel(), dtype).reshape(batch_size, num_true, inputs.shape[1])
    input_grad = sampled_grad @ gather(batch.weights, values.sampled_candidates, dtype)
    input_grad += np.einsum("bt,btd->bd", true_grad, true_rows)
    label_grad = np.einsum("bt,bd->btd", true_grad, inputs).reshape(-1, inputs.shape[1])
    row_grad = np.concatenate((label_grad, sampled_grad.T @ inputs))
    return row_grad, np.concatenate((true_grad.ravel(), sampled_grad.sum(axis=0))), input_grad


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # NaN or inf in a table shows in the loss
def _run(
    batch: Batch,
    values: SampledValues,
    correction: Correction,
    compiled_loss: Any,
    loss_grad: NDArray[Any] | None,
) -> tuple[Scratch, NDArray[Any], NDArray[Any]]:
    """Run the passes, with gradients where `loss_grad` is given; what is in the scratch must be copied."""
    dtype, dim = batch.inputs.dtype, batch.inputs.shape[1]
    batch_size, num_true = batch.labels.shape
    num_sampled = values.sampled_candidates.size
    workspace = _workspace(batch_size, num_true, num_sampled, dim, dtype)
    scratch = workspace.scratch.replace(
        true_counts=values.true_expected_count.astype(dtype).ravel(),
        sampled_counts=values.sampled_expected_count.astype(dtype),
    )
    num_rows = 0
    if loss_grad is not None:
        num_rows = batch_size * num_true + num_sampled
        scratch = scratch.replace(loss_grad=loss_grad, input_grad=np.empty((batch_size, dim), dtype))
    row_grad, bias_grad = np.empty((num_rows, dim), dtype), np.empty(num_rows, dtype)
    parts = threads_for(batch_size * num_sampled * dim)
    gradients = loss_grad is not None
    settings = settings_for(compiled_loss, gradients, correction, (num_true, num_sampled), dtype, parts)
    ids = (values.sampled_candidates, batch.labels.ravel())
    arguments = (_operands(batch, *ids), *ids, settings, scratch, workspace.buffers(parts), row_grad, bias_grad)
    thread_pool.run(run_loss_and_grad, parts, *arguments)
    return scratch, row_grad, bias_grad


def _operands(batch: Batch, candidates: Ids, labels: Ids) -> Operands:
    """Return where the rows are: in the tables themselves, or in copies of other precision or of shards."""
    every = np.arange(batch.inputs.shape[0])
    return Operands(batch.inputs, every, *_rows(batch, labels), *_rows(batch, candidates))


def _rows(batch: Batch, ids: Ids) -> tuple[NDArray[Any], NDArray[Any], Ids]:
    """Return weights, biases and the places of `ids` in both."""
    dtype = batch.inputs.dtype
    weights, biases = batch.weights, batch.biases
    if biases is not None and all(len(t.arrays) == 1 and t.arrays[0].dtype == dtype for t in (weights, biases)):
        return np.asarray(weights.arrays[0]), np.asarray(biases.arrays[0]), ids
    return gather(weights, ids, dtype), gather_biases(biases, ids, dtype), np.arange(ids.size)


def _workspace(batch_size: int, num_true: int, num_sampled: int, dim: int, dtype: np.dtype[Any]) -> Workspace:
    kept = getattr(_kept, "workspace", None)
    if kept is None or not kept.fits(batch_size, num_true, num_sampled, dim, dtype):
        _kept.workspace = kept = Workspace(batch_size, num_true, num_sampled, dim, dtype)
    return kept

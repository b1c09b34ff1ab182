"""A batch over its labels and candidates, from logits to gradients: runs the kernels, with their memory and threads."""

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import reference
from sampledsoftmax.kernels.loss.objectives import LogitsOnly
from sampledsoftmax.kernels.step.loss_and_grad import run_loss_and_grad
from sampledsoftmax.kernels.structs import Operands, Scratch
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.gather import gather, gather_biases
from sampledsoftmax.losses.objectives import Objective, checked_loss
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import Workspace, settings_for
from sampledsoftmax.types import Correction, SampledValues, Similarity

Ids = NDArray[np.int64]
_kept = threading.local()  # each thread of the caller keeps the memory of its largest call


class SampledLogits(NamedTuple):
    """Corrected logits: true [batch_size, num_true] and sampled [batch_size, num_sampled]."""

    true: NDArray[Any]
    sampled: NDArray[Any]


class RowGradients(NamedTuple):
    """Gradients of rows [num_labels + num_sampled, dim], of their biases, and of the inputs [batch_size, dim]."""

    rows: NDArray[Any]
    entries: NDArray[Any]
    inputs: NDArray[Any]


class _PassMemory(NamedTuple):
    """Working memory of a pass: the scratch has expected counts in the precision of the logits."""

    workspace: Workspace
    scratch: Scratch
    every: Ids  # 0, 1, 2, ...: the places of given inputs


def logits(batch: Batch, values: SampledValues, correction: Correction) -> SampledLogits:
    """Return inputs . weights + biases [- log expected count] for the labels and for the candidates.

    A candidate that is a label of the example gets -inf there.
    """
    scratch = _run(batch, values, correction, LogitsOnly())
    batch_size, num_sampled = batch.labels.shape[0], values.sampled_candidates.size
    panels = scratch.sampled_logits[:, :batch_size].transpose(1, 0, 2)
    sampled = panels.reshape(batch_size, panels.shape[1] * panels.shape[2])[:, :num_sampled].copy()
    return SampledLogits(scratch.true_logits[: batch.labels.size].reshape(batch.labels.shape).copy(), sampled)


def losses(batch: Batch, values: SampledValues, correction: Correction, objective: Objective) -> NDArray[Any]:
    """Return the losses [batch_size]."""
    compiled = objective.compiled_loss()
    if compiled is None:
        return _in_numpy(batch, values, correction, objective)[0]
    scratch = _run(batch, values, correction, compiled)
    return scratch.losses[: batch.labels.shape[0]].copy()  # type: ignore[no-any-return]


def losses_and_gradients(
    batch: Batch, values: SampledValues, correction: Correction, objective: Objective, loss_grad: NDArray[Any]
) -> tuple[NDArray[Any], RowGradients]:
    """Return the losses and the gradients of sum(loss_grad * loss), in TensorFlow's order of rows."""
    compiled = objective.compiled_loss()
    if compiled is None:
        losses, logit_grad = _in_numpy(batch, values, correction, objective)
        return losses, _row_gradients(batch, values, correction.similarity, logit_grad * loss_grad[:, np.newaxis])
    batch_size, dim = batch.inputs.shape
    num_rows, dtype = batch.labels.size + values.sampled_candidates.size, batch.inputs.dtype
    rows, entries = np.empty((num_rows, dim), dtype), np.empty(num_rows, dtype)
    scratch = _run(batch, values, correction, compiled, (loss_grad, rows, entries))
    return scratch.losses[:batch_size].copy(), RowGradients(rows, entries, scratch.input_grad[:batch_size].copy())


def _in_numpy(
    batch: Batch, values: SampledValues, correction: Correction, objective: Objective
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return losses and gradients of the logits by an objective that has no kernel."""
    if not objective.corrects_labels:
        values = values._replace(true_expected_count=np.ones_like(values.true_expected_count))
    true, sampled = logits(batch, values, correction)
    return checked_loss(objective, np.concatenate((true, sampled), axis=1), batch.labels.shape[1])


def _row_gradients(
    batch: Batch, values: SampledValues, similarity: Similarity, logit_grad: NDArray[Any]
) -> RowGradients:
    """Return gradients of rows and biases, labels then candidates, and of the inputs."""
    num_true, (temperature, normalize) = batch.labels.shape[1], similarity
    true_grad, sampled_grad = logit_grad[:, :num_true], logit_grad[:, num_true:]
    ids, num_labels = np.concatenate((batch.labels.ravel(), values.sampled_candidates)), batch.labels.size
    table = gather(batch.weights, ids, batch.inputs.dtype)
    inputs, rows = reference.scaled(batch.inputs, normalize, temperature), reference.scaled(table, normalize)
    input_grad = sampled_grad @ rows[num_labels:]
    input_grad += np.einsum("bt,btd->bd", true_grad, rows[:num_labels].reshape(*batch.labels.shape, inputs.shape[1]))
    label_grad = np.einsum("bt,bd->btd", true_grad, inputs).reshape(-1, inputs.shape[1])
    row_grad = np.concatenate((label_grad, sampled_grad.T @ inputs))
    return RowGradients(
        reference.through_scaling(row_grad, table, normalize),
        np.concatenate((true_grad.ravel(), sampled_grad.sum(axis=0))),
        reference.through_scaling(input_grad, batch.inputs, normalize, temperature),
    )


def _run(
    batch: Batch,
    values: SampledValues,
    correction: Correction,
    compiled_loss: Any,
    gradients: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None,
) -> Scratch:
    """Run the passes; what is in the scratch must be copied before the next call.

    `gradients` are (loss_grad, memory for those of rows, memory for those of biases), None where none are wanted.
    """
    dtype, dim = batch.inputs.dtype, batch.inputs.shape[1]
    batch_size, num_true = batch.labels.shape
    candidates, labels = values.sampled_candidates, batch.labels.reshape(-1)
    workspace, scratch, every = _memory_for(batch_size, num_true, candidates.size, dim, dtype)
    if correction.subtract_log_q:
        scratch.true_counts[: labels.size] = values.true_expected_count.reshape(-1)
        scratch.sampled_counts[: candidates.size] = values.sampled_expected_count
    if gradients is None:
        rows, entries = np.empty((0, dim), dtype), np.empty(0, dtype)
    else:
        loss_grad, rows, entries = gradients
        scratch.loss_grad[:batch_size] = loss_grad
    threads = threads_for(batch_size * candidates.size * dim)
    columns = (num_true, candidates.size)
    settings = settings_for(compiled_loss, gradients is not None, correction, columns, dtype, threads)
    operands = Operands(batch.inputs, every[:batch_size], *_rows(batch, labels), *_rows(batch, candidates))
    arguments = (operands, candidates, labels, settings, scratch, workspace.buffers(threads), rows, entries)
    thread_pool.run(run_loss_and_grad, threads, *arguments)
    return scratch


def _rows(batch: Batch, ids: Ids) -> tuple[NDArray[Any], NDArray[Any], Ids]:
    """Return where rows are, weights, biases and places: the tables, or copies of shards or of other precision."""
    dtype = batch.inputs.dtype
    weights, biases = batch.weights, batch.biases
    if biases is not None and all(len(t.arrays) == 1 and t.arrays[0].dtype == dtype for t in (weights, biases)):
        return np.asarray(weights.arrays[0]), np.asarray(biases.arrays[0]), ids
    return gather(weights, ids, dtype), gather_biases(biases, ids, dtype), np.arange(ids.size)


def _memory_for(batch_size: int, num_true: int, num_sampled: int, dim: int, dtype: np.dtype[Any]) -> _PassMemory:
    kept: _PassMemory | None = getattr(_kept, "memory", None)
    if kept is None or not kept.workspace.fits(batch_size, num_true, num_sampled, dim, dtype):
        workspace = Workspace(batch_size, num_true, num_sampled, dim, dtype)
        counts = np.empty(batch_size * num_true, dtype), np.empty(num_sampled, dtype)
        scratch = workspace.scratch.replace(true_counts=counts[0], sampled_counts=counts[1])
        _kept.memory = kept = _PassMemory(workspace, scratch, np.arange(batch_size))
    return kept

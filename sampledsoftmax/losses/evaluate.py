"""A sampled loss and its gradients, for a call that has been checked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.losses import sampled_pass
from sampledsoftmax.losses.arguments import Call
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.counted import Counted, Ids
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.sampled_pass import RowGradients
from sampledsoftmax.types import Gradients, IndexedSlices, SampledValues


def logits(call: Call) -> sampled_pass.SampledLogits:
    """Return the corrected logits."""
    return sampled_pass.logits(*call)


def loss(call: Call, objective: Objective) -> NDArray[Any]:
    """Return the losses [batch_size], each times its weight; 0 for an example that does not count."""
    counted = call.batch.counted
    if counted is None:
        return sampled_pass.losses(*call, objective)
    losses = np.zeros(call.batch.labels.shape[0], call.batch.inputs.dtype)
    for rows in counted.by_number_of_labels():
        losses[rows] = sampled_pass.losses(*_part(call, counted, rows), objective)
    return _weighted(losses, counted.weights)


def loss_and_grad(call: Call, objective: Objective, loss_grad: NDArray[Any]) -> tuple[NDArray[Any], Gradients]:
    """Return the losses [batch_size] and the gradients of sum(loss_grad * loss).

    The gradients name the labels that count, row by row, then the candidates, if any example counts.
    """
    counted = call.batch.counted
    if counted is None:
        losses, rows = sampled_pass.losses_and_gradients(*call, objective, loss_grad)
        return losses, _gradients(call.batch, call.batch.labels.ravel(), call.values, rows)
    losses, grads = _of_what_counts(call, counted, objective, _weighted(loss_grad, counted.weights))
    return _weighted(losses, counted.weights), grads


def mean_loss_and_grad(call: Call, objective: Objective) -> tuple[float, Gradients]:
    """Return the weighted mean loss of a batch, 0.0 where no example counts, and the gradients of the mean."""
    counted, size = call.batch.counted, call.batch.inputs.shape[0]
    if counted is None:
        share = np.full(size, 1.0 / max(size, 1), call.batch.inputs.dtype)
        losses, grads = loss_and_grad(call, objective, share)
        return float(losses.sum(dtype=np.float64)) / max(size, 1), grads
    weights = counted.shares()
    total = float(weights.sum()) or 1.0
    losses, grads = _of_what_counts(call, counted, objective, (weights / total).astype(call.batch.inputs.dtype))
    return float((weights * losses).sum()) / total, grads


@np.errstate(over="ignore", invalid="ignore")  # what is too large is infinite in the result, as without weights
def _weighted(values: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return one value of each example times its weight, in the precision of the values."""
    return values * weights.astype(values.dtype)  # type: ignore[no-any-return]


def _part(call: Call, counted: Counted, rows: Ids) -> Call:
    """Return the call for what counts of some examples, which have the same number of labels that count."""
    batch = call.batch.part(rows)
    if batch.labels is call.batch.labels:
        return call._replace(batch=batch)
    true_count = counted.of(call.values.true_expected_count, rows)
    return call._replace(batch=batch, values=call.values._replace(true_expected_count=true_count))


def _of_what_counts(
    call: Call, counted: Counted, objective: Objective, loss_grad: NDArray[Any]
) -> tuple[NDArray[Any], Gradients]:
    """Return the losses, 0 where an example does not count, and the gradients, group by group.

    A group are the examples with the same number of labels. All groups have the same candidates, whose gradients are
    sums over the groups.
    """
    batch, values = call.batch, call.values
    if counted.is_whole:
        losses, rows = sampled_pass.losses_and_gradients(*_part(call, counted, counted.rows), objective, loss_grad)
        return losses, _gradients(batch, batch.labels.ravel(), values, rows)
    labels = batch.labels[counted.labels]
    num_rows = labels.size + values.sampled_candidates.size
    dtype, losses = batch.inputs.dtype, np.zeros(batch.labels.shape[0], batch.inputs.dtype)
    total = RowGradients(
        np.zeros((num_rows, batch.inputs.shape[1]), dtype), np.zeros(num_rows, dtype), np.zeros_like(batch.inputs)
    )
    place = np.cumsum(counted.labels).reshape(counted.labels.shape) - 1
    for group in counted.by_number_of_labels():
        part = _part(call, counted, group)
        losses[group], grads = sampled_pass.losses_and_gradients(*part, objective, loss_grad[group])
        of_labels = counted.of(place, group).ravel()
        for sums, of_group in ((total.rows, grads.rows), (total.entries, grads.entries)):
            sums[of_labels] = of_group[: of_labels.size]
            sums[labels.size :] += of_group[of_labels.size :]
        total.inputs[group] = grads.inputs
    if labels.size == 0:  # nothing counts: no row is named
        values = values._replace(sampled_candidates=values.sampled_candidates[:0])
        total = RowGradients(total.rows[:0], total.entries[:0], total.inputs)
    return losses, _gradients(batch, labels, values, total)


def _gradients(batch: Batch, labels: Ids, values: SampledValues, grads: RowGradients) -> Gradients:
    """Return gradients of the rows of labels, then of those of candidates, as slices of the tables."""
    indices = np.concatenate((labels, values.sampled_candidates))
    shape = (batch.weights.num_rows, grads.rows.shape[1])
    weights = batch.weights.gradient(IndexedSlices(grads.rows, indices, shape))
    biases: Any = None
    if batch.biases is not None:
        biases = batch.biases.gradient(IndexedSlices(grads.entries, indices, (batch.biases.num_rows,)))
    return Gradients(weights, biases, grads.inputs)

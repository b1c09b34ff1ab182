"""One step over ragged labels in NumPy, for optimizers and samplers without compiled forms."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.reference import scaled, through_scaling
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import IndexedSlices, RaggedLabels

Rows = NDArray[Any]


def plain_step(
    tables: Any,
    ids: NDArray[np.int64],
    labels: RaggedLabels,
    rates: NDArray[np.float64],
    sampler: CandidateSampler,
    options: tuple[int, bool, float, bool, bool],
    input_grad: Rows | None,
) -> float:
    """Take one step on examples that all have labels; return the mean loss of the pairs.

    `tables` is (inputs, weights, biases or None); `options` is (num_sampled, unique, temperature, normalize,
    subtract_log_q). With `input_grad`, the gradient of the inputs is written there, and their table is not trained.
    """
    num_sampled, unique, temperature, normalize, subtract_log_q = options
    inputs, weights, biases = tables
    values, splits = labels
    sampled, true_count, sampled_count = sampler.sample(values[:, np.newaxis], num_sampled, unique)
    classes = np.concatenate((values, sampled))
    for table, rows in ((inputs, ids), (weights, classes), (biases, classes)):
        if table is not None and not (table is inputs and input_grad is not None):
            table.catch_up(rows)
    of_inputs, of_classes = inputs.values[ids], weights.values[classes]
    x, y = scaled(of_inputs, normalize), scaled(of_classes, normalize)
    offsets = np.zeros(classes.size, x.dtype) if biases is None else biases.values[classes].copy()
    if subtract_log_q:
        with np.errstate(divide="ignore"):
            offsets -= np.log(np.concatenate((true_count[:, 0], sampled_count)).astype(x.dtype))
    example_of = np.repeat(np.arange(ids.size), np.diff(splits))
    scale = x.dtype.type(1 / temperature)
    with np.errstate(over="ignore", invalid="ignore"):
        n = values.size
        true = np.einsum("pd,pd->p", x[example_of], y[:n]) * scale + offsets[:n]
        logits = x @ y[n:].T * scale + offsets[n:]
        loss, true_grad, grad = _loss_and_grad(true, logits, example_of, values, sampled)
    if not np.isfinite(loss):
        message = f"the loss of the batch is {loss} at learning_rate = {rates[1]:g}: no table was changed"
        raise FloatingPointError(message)
    x_grad = grad @ y[n:]
    np.add.at(x_grad, example_of, true_grad[:, np.newaxis] * y[:n])
    y_grad = np.concatenate((true_grad[:, np.newaxis] * x[example_of], grad.T @ x))
    x_grad = through_scaling(x_grad * scale, of_inputs, normalize)
    y_grad = through_scaling(y_grad * scale, of_classes, normalize)
    if input_grad is not None:
        input_grad[ids] = x_grad
    else:
        _update(inputs, x_grad, ids, rates[0])
    _update(weights, y_grad, classes, rates[1])
    if biases is not None:
        _update(biases, np.concatenate((true_grad, grad.sum(axis=0))), classes, rates[2])
    return float(loss)


def _loss_and_grad(
    true: Rows, logits: Rows, example_of: NDArray[np.int64], labels: NDArray[np.int64], sampled: NDArray[np.int64]
) -> tuple[Any, Rows, Rows]:
    """Return the mean loss of pairs, and its gradients with respect to logits of labels [n] and candidates [B, S]."""
    hits = np.zeros(logits.shape, bool)
    order = np.argsort(sampled, kind="stable")
    left, right = (np.searchsorted(sampled[order], labels, side) for side in ("left", "right"))
    for i in np.flatnonzero(right > left):
        hits[example_of[i], order[left[i] : right[i]]] = True
    logits = np.where(hits, -np.inf, logits)
    largest = np.maximum(logits.max(axis=1), np.full(len(logits), -np.inf, logits.dtype))
    np.maximum.at(largest, example_of, true)
    exponentials, true_exp = np.exp(logits - largest[:, np.newaxis]), true - largest[example_of]
    of_candidates = exponentials.sum(axis=1)[example_of]
    # log(1 + Z / e_p) where e_p is not lost beside Z, and it is exact where Z is small.
    with np.errstate(divide="ignore"):
        pair_losses = np.logaddexp(0, np.log(of_candidates) - true_exp)
    normalizers = of_candidates + np.exp(true_exp)
    share = logits.dtype.type(1 / true.size)
    scales = np.zeros(len(logits), logits.dtype)
    with np.errstate(divide="ignore"):
        inverse = np.where(normalizers > 0, 1 / normalizers, 0)
    np.add.at(scales, example_of, share * inverse)
    return pair_losses.mean(), -share * of_candidates * inverse, exponentials * scales[:, np.newaxis]


def _update(table: Any, gradient: Rows, rows: NDArray[np.int64], rate: float) -> None:
    with _learning_rate(table.optimizer, float(rate)):
        table.update(IndexedSlices(gradient, rows, table.values.shape))


@contextmanager
def _learning_rate(optimizer: Any, rate: float) -> Iterator[None]:
    """Set the learning rate of an optimizer for one step."""
    own = optimizer.learning_rate
    if rate != own:
        optimizer.learning_rate = rate
    try:
        yield
    finally:
        if rate != own:
            optimizer.learning_rate = own

"""The exact softmax loss over all classes, a block of classes at a time, for evaluation."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax.arguments import checked_batch, checked_loss_grad
from sampledsoftmax.batch import Batch
from sampledsoftmax.kernels import log_sum_exp as kernels
from sampledsoftmax.stages.gather import gather, gather_biases
from sampledsoftmax.stages.matmul import matmul
from sampledsoftmax.types import Gradients, IndexedSlices

# Classes a block: [batch_size, BLOCK] logits stay in the cache for the batches that people evaluate.
BLOCK = 4096


def full_softmax_loss(
    weights: Any, biases: Any, labels: ArrayLike, inputs: ArrayLike, *, partition_strategy: str = "div"
) -> NDArray[Any]:
    """Return the exact softmax loss of each example: log sum_c exp f(c) - mean over labels of f(label).

    f(c) = inputs[b] . weights[c] + biases[c] for all classes c. Use it to evaluate: a sampled loss is of
    another scale, since its sum has fewer terms.

    Parameters
    ----------
    weights : float [num_classes, dim], or list of shards
        Output weights: float64, float32, float16 or bfloat16.
    biases : float [num_classes], list of shards, or None
        Output biases; None for none.
    labels : int [batch_size, num_true] or [batch_size]
        Ids of the true classes, in [0, num_classes), each with target probability 1 / num_true.
    inputs : float [batch_size, dim]
        Output of the encoder: float64 with float64 tables, else float32 or half precision.
    partition_strategy : str
        How a list of shards holds the classes, "div" or "mod".

    Returns
    -------
    float32 or float64 [batch_size]
        The losses. Memory: 4096 rows of weights and batch_size x 4096 logits at a time.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range.

    Notes
    -----
    Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; sums are float64.

    Examples
    --------
    >>> import numpy as np
    >>> full_softmax_loss(np.eye(4, 3), np.zeros(4), [0, 3], np.ones((2, 3))).round(4)
    array([1.2143, 2.2143])
    """
    losses, _ = _losses(_checked(weights, biases, labels, inputs, partition_strategy))
    return losses


def full_softmax_loss_and_grad(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    *,
    partition_strategy: str = "div",
    loss_grad: ArrayLike | None = None,
) -> tuple[NDArray[Any], Gradients]:
    """Return (`full_softmax_loss`, its gradients).

    Parameters
    ----------
    weights, biases, labels, inputs, partition_strategy
        As for `full_softmax_loss`.
    loss_grad : dtype of the loss, [batch_size], optional
        Gradient of what is minimised with respect to each loss; ones by default.

    Returns
    -------
    loss : float [batch_size]
    gradients : Gradients
        Every class has a gradient here: indices are 0 .. num_classes - 1, as much memory as `weights`.

    Raises
    ------
    TypeError, ValueError
        As `full_softmax_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> loss, grad = full_softmax_loss_and_grad(np.eye(4, 3), np.zeros(4), [0, 3], np.ones((2, 3)))
    >>> grad.biases.values.round(3)
    array([-0.406,  0.594,  0.594, -0.782])
    """
    batch = _checked(weights, biases, labels, inputs, partition_strategy)
    above = checked_loss_grad(loss_grad, batch)
    losses, log_sum = _losses(batch)
    return losses, _gradients(batch, log_sum, above)


def _checked(weights: Any, biases: Any, labels: ArrayLike, inputs: ArrayLike, partition_strategy: str) -> Batch:
    labels = np.asarray(labels)
    num_true = labels.shape[1] if labels.ndim == 2 else 1
    return checked_batch(weights, biases, labels, inputs, num_true, partition_strategy)


def _blocks(batch: Batch) -> Iterator[tuple[slice, NDArray[Any], NDArray[Any]]]:
    """Yield (classes, their rows of weights, their logits [batch_size, at most BLOCK])."""
    num_classes, dtype = batch.weights.num_rows, batch.inputs.dtype
    for first in range(0, num_classes, BLOCK):
        block = slice(first, min(first + BLOCK, num_classes))
        ids = np.arange(block.start, block.stop)
        rows = gather(batch.weights, ids, dtype)
        logits = matmul(batch.inputs, rows.T)
        logits += gather_biases(batch.biases, ids, dtype)
        yield block, rows, logits


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table shows in the loss
def _losses(batch: Batch) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return (losses, log of the sum of all exponentials).

    The true logits are taken out of the blocks, not computed again: so a loss is never below 0.
    """
    true = np.empty(batch.labels.shape)
    largest = np.full(batch.inputs.shape[0], -np.inf)
    sums = np.zeros(batch.inputs.shape[0])
    for block, _, logits in _blocks(batch):
        kernels.pick_labels(logits, batch.labels, block.start, true)
        kernels.shift_block(logits, largest, sums)
        np.exp(logits, out=logits)
        kernels.add_block(logits, sums)
    log_sum = largest + np.log(sums)
    return (log_sum - true.mean(axis=1)).astype(batch.inputs.dtype), log_sum


@np.errstate(over="ignore", invalid="ignore")
def _gradients(batch: Batch, log_sum: NDArray[np.float64], loss_grad: NDArray[Any]) -> Gradients:
    num_classes, dim = batch.weights.num_rows, batch.inputs.shape[1]
    weights_grad = np.empty((num_classes, dim), batch.inputs.dtype)
    biases_grad = np.empty(num_classes, batch.inputs.dtype)
    inputs_grad = np.zeros_like(batch.inputs)
    for block, rows, logits in _blocks(batch):
        logits -= log_sum[:, np.newaxis]
        np.exp(logits, out=logits)
        logits *= loss_grad[:, np.newaxis]
        kernels.subtract_targets(logits, batch.labels, loss_grad, block.start)
        matmul(logits.T, batch.inputs, out=weights_grad[block])
        logits.sum(axis=0, out=biases_grad[block])
        inputs_grad += matmul(logits, rows)
    every = np.arange(num_classes, dtype=np.int64)
    of_weights = batch.weights.gradient(IndexedSlices(weights_grad, every, weights_grad.shape))
    if batch.biases is None:
        return Gradients(of_weights, None, inputs_grad)
    of_biases = batch.biases.gradient(IndexedSlices(biases_grad, every, biases_grad.shape))
    return Gradients(of_weights, of_biases, inputs_grad)

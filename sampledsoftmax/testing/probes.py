"""Small batches that show one property of a loss each: unit vectors whose products with the inputs are chosen."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.testing.chi_square import Floats
from sampledsoftmax.testing.shared_checks import as_numpy
from sampledsoftmax.types import SampledValues

Loss = Callable[..., Any]
DIM = 4


@not_a_number(has_arrays=True)
class Batch(NamedTuple):
    """The arguments of a loss.

    Attributes
    ----------
    weights : float [num_classes, dim]
    biases : float [num_classes]
    labels : int64 [batch_size, 1]
    inputs : float [batch_size, dim]
    values : SampledValues
    """

    weights: NDArray[Any]
    biases: NDArray[Any]
    labels: NDArray[np.int64]
    inputs: NDArray[Any]
    values: SampledValues


def batch_of(
    scores: ArrayLike,
    labels: ArrayLike,
    candidates: ArrayLike,
    label_counts: ArrayLike = 1.0,
    candidate_counts: ArrayLike = 1.0,
    dtype: Any = np.float32,
) -> Batch:
    """Return a batch in which class k has the dot product `scores[k]` with every input, and is a unit vector.

    Examples
    --------
    >>> batch = batch_of([0.5, -1.0], labels=[0], candidates=[1, 1])
    >>> (batch.inputs @ batch.weights.T).tolist()
    [[0.5, -1.0]]
    """
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels, np.int64)[:, np.newaxis]
    weights = np.zeros((scores.size, DIM), dtype)
    weights[:, 0], weights[:, 1] = scores, np.sqrt(1 - scores**2)
    inputs = np.zeros((labels.size, DIM), dtype)
    inputs[:, 0] = 1
    ids = np.asarray(candidates, np.int64)
    counts = tuple(
        np.broadcast_to(np.asarray(count, dtype), of.shape).copy()
        for count, of in ((label_counts, labels), (candidate_counts, ids))
    )
    return Batch(weights, np.zeros(scores.size, dtype), labels, inputs, SampledValues(ids, *counts))


def losses(loss: Loss, batch: Batch) -> Floats:
    """Return the losses [batch_size] of copies of a batch, which the loss may change."""
    arrays = (array.copy() for array in batch[:4])
    return as_numpy(loss(*arrays, SampledValues(*(array.copy() for array in batch.values)))).astype(np.float64)


def weight_of_candidates(loss: Loss, batch: Batch) -> Floats:
    """Return the sum over candidates of exp(logit - logit of the label) [batch_size]: exp(loss) - 1."""
    with np.errstate(over="ignore"):
        return np.expm1(losses(loss, batch))

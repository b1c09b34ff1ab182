"""Random batches for an output layer whose biases are already the log frequencies of the classes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.full_softmax import full_softmax_loss_and_grad
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.types import DOT_PRODUCT, Gradients, Similarity

Floats = NDArray[np.float64]


@not_a_number(has_arrays=True)
class Problem(NamedTuple):
    """The array arguments of a loss.

    Attributes
    ----------
    weights : float64 [num_classes, dim]
    biases : float64 [num_classes]
    labels : int64 [batch_size, 1]
    inputs : float64 [batch_size, dim]
    """

    weights: Floats
    biases: Floats
    labels: NDArray[np.int64]
    inputs: Floats


def problem(counts: ArrayLike, batch_size: int = 32, dim: int = 16, seed: int = 0) -> Problem:
    """Return a random batch for classes of these counts.

    Labels are drawn by the counts. A bias is the log of its class's share of the counts (a count of 0 is replaced by
    half the smallest positive count); weights and inputs are normal, so that a logit is its bias plus a normal number
    of standard deviation 1. This resembles a model early in training, when it has learned the frequencies.

    Parameters
    ----------
    counts : int or float [num_classes]
        How often each class is a label, at least 0.
    batch_size : int
        Number of examples.
    dim : int
        Width of the inputs.
    seed : int
        Seed of weights, inputs and labels.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or range; the message names the first bad count.

    Examples
    --------
    >>> batch = problem([5, 3, 2], batch_size=4, dim=2)
    >>> batch.labels.ravel(), np.exp(batch.biases)
    (array([1, 0, 0, 0]), array([0.5, 0.3, 0.2]))
    """
    share = shares(counts)
    batch_size = validation.whole_number("batch_size", batch_size, 1)
    dim = validation.whole_number("dim", dim, 1)
    rng = np.random.default_rng(validation.whole_number("seed", seed, 0))
    labels = rng.choice(share.size, (batch_size, 1), p=share)
    weights = rng.standard_normal((share.size, dim)) / np.sqrt(dim)
    biases = np.log(np.where(share > 0, share, share[share > 0].min() / 2))
    return Problem(weights, biases, labels, rng.standard_normal((batch_size, dim)))


def shares(counts: ArrayLike) -> Floats:
    """Validate counts [num_classes] and return them divided by their sum."""
    array = validation.as_array("counts", counts)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"counts must hold numbers, got dtype {validation.dtype_of(array)}")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"counts must have shape [num_classes], at least one, got {list(array.shape)}")
    bad = ~((array >= 0) & np.isfinite(array))
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(f"counts[{first}] = {array[first]} must be at least 0 and finite")
    with np.errstate(over="ignore"):
        total = array.sum(dtype=np.float64)
    if not 0 < total < np.inf:
        raise ValueError(f"counts must add up to a finite number above 0, got {total:g} for {array.size} classes")
    return np.asarray(array / total, np.float64)


def zipf_counts(num_classes: int, exponent: float = 1.0) -> Floats:
    """Return counts that fall with the rank like those of words: 1e6 / (rank + 2.7) ** exponent.

    Mandelbrot's form of Zipf's law; the rank of the first class is 0.

    Parameters
    ----------
    num_classes : int
        At least 1.
    exponent : float
        1 for words; 0 for equally frequent classes; at least 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range, or the last count would be 0 in float64.

    Examples
    --------
    >>> zipf_counts(3).round()
    array([370370., 270270., 212766.])
    """
    ranks = validation.first_ids(validation.whole_number("num_classes", num_classes, 1))
    power = validation.number("exponent", exponent, at_least=0.0)
    with np.errstate(over="ignore", under="ignore"):
        counts = np.asarray(1e6 / (ranks + 2.7) ** power)
    if counts[-1] == 0:
        raise ValueError(f"exponent = {power:g} is too large: the count of class {ranks[-1]} would be 0")
    return counts


def exact_gradient(batch: Problem, similarity: Similarity = DOT_PRODUCT) -> Floats:
    """Return the gradient of the mean full softmax loss as one vector: weights, biases, inputs."""
    share = np.full(batch.labels.shape[0], 1 / batch.labels.shape[0])
    _, gradients = full_softmax_loss_and_grad(
        batch.weights, batch.biases, batch.labels, batch.inputs, loss_grad=share, **similarity._asdict()
    )
    total = np.zeros(gradient_size(batch))
    add_gradient(total, batch, gradients)
    return total


def gradient_size(batch: Problem) -> int:
    """Return the number of entries of all gradients."""
    return batch.weights.size + batch.biases.size + batch.inputs.size


def add_gradient(total: Floats, batch: Problem, gradients: Gradients) -> None:
    """Add gradients to a vector in the order of `exact_gradient`, in place."""
    rows, entries, inputs = np.split(total, np.cumsum([batch.weights.size, batch.biases.size]))
    np.add.at(rows.reshape(batch.weights.shape), gradients.weights.indices, gradients.weights.values)
    np.add.at(entries, gradients.biases.indices, gradients.biases.values)
    inputs += gradients.inputs.ravel()

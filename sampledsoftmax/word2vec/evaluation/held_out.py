"""The exact softmax loss and the rank of the true class, on pairs that were not trained on."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.full_softmax import full_softmax_loss

# Logits of a block of inputs with all classes: 64 MB of float32, and as much again while they are sorted.
_BLOCK = 16_000_000


class HeldOut(NamedTuple):
    """How well a model predicts pairs, by the full softmax over all classes.

    Attributes
    ----------
    loss : float
        Mean loss of a pair, in nats.
    mrr : float
        Mean reciprocal rank of the label among all classes.
    recall : dict of int to float
        For each k, the share of pairs whose label is among the k best classes.
    num_pairs : int
        Pairs.
    """

    loss: float
    mrr: float
    recall: dict[int, float]
    num_pairs: int


def held_out(
    embeddings: NDArray[Any],
    weights: NDArray[Any],
    biases: NDArray[Any] | None,
    inputs: ArrayLike,
    labels: ArrayLike,
    k: Sequence[int] = (1, 10, 100),
) -> HeldOut:
    """Return loss, reciprocal rank and recall of pairs under the exact softmax.

    Logits are embeddings[input] . weights[c] + biases[c] for all classes c. Pairs are grouped by their input:
    the work is that of the distinct inputs, and the memory 128 MB beside that of `full_softmax_loss`.

    Parameters
    ----------
    embeddings : float32 or float64 [num_inputs, dim]
        Input table.
    weights : float [num_classes, dim]
        Output table, of the dtype of `embeddings`.
    biases : float [num_classes] or None
        Output biases; None for none.
    inputs, labels : int [num_pairs]
        Ids of the input and of the true class of each pair, at least one pair.
    k : sequence of int
        What recall is asked for, each at least 1.

    Returns
    -------
    HeldOut
        A rank is 1 for the best class. Classes of a logit equal to the label's (as it was computed, in the
        dtype of the tables) share the mean of their ranks.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range, or a table is not finite.

    Examples
    --------
    >>> identity = np.eye(3)
    >>> scores = held_out(identity, identity, None, [0, 1], [0, 2], k=(1, 2))
    >>> round(scores.loss, 4), scores.mrr, scores.recall
    (1.0514, 0.7, {1: 0.5, 2: 0.5})
    """
    table = validation.floats("embeddings", embeddings, ("num_inputs", "dim"))
    outer = validation.floats("weights", weights, ("num_classes", table.shape[1]), table.dtype)
    offsets = np.zeros(len(outer), table.dtype) if biases is None else biases
    offsets = validation.floats("biases", offsets, (len(outer),), table.dtype)
    for name, array in (("embeddings", table), ("weights", outer), ("biases", offsets)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite to be evaluated")
    centres = validation.ids("inputs", inputs, ("num_pairs",), len(table))
    targets = validation.ids("labels", labels, (centres.size,), len(outer))
    if not centres.size:
        raise ValueError("inputs and labels must hold at least one pair, got none")
    sizes = [validation.whole_number("k", size, at_least=1) for size in k]
    order = np.argsort(centres, kind="stable")
    pairs = _Pairs(table, outer, offsets, centres[order], targets[order])
    ranks = np.concatenate(list(_ranks(pairs)))
    recall = {size: float((ranks <= size).mean()) for size in sizes}
    return HeldOut(_mean_loss(pairs), float((1 / ranks).mean()), recall, int(ranks.size))


class _Pairs(NamedTuple):
    """Finite tables, and pairs by rising input."""

    embeddings: NDArray[Any]
    weights: NDArray[Any]
    biases: NDArray[Any]
    inputs: NDArray[np.int64]
    labels: NDArray[np.int64]

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Yield (distinct inputs, place of each pair's input among them, labels) of a block."""
        size = max(1, _BLOCK // len(self.weights))
        starts = np.flatnonzero(np.diff(self.inputs, prepend=-1))
        ends = [*starts[size::size].tolist(), self.inputs.size]
        for first, last in zip([0, *ends], ends, strict=False):
            distinct, places = np.unique(self.inputs[first:last], return_inverse=True)
            yield distinct, places, self.labels[first:last]


def _ranks(pairs: _Pairs) -> Iterator[NDArray[np.float64]]:
    """Yield the ranks of the labels: each input's logits are sorted once, for all of its labels."""
    for distinct, places, labels in pairs.blocks():
        logits = pairs.embeddings[distinct] @ pairs.weights.T + pairs.biases
        true = logits[places, labels]
        logits.sort(axis=1)
        rows = np.searchsorted(places, np.arange(distinct.size + 1))
        for row, (first, last) in enumerate(pairwise(rows)):
            below = np.searchsorted(logits[row], true[first:last], side="left")
            not_above = np.searchsorted(logits[row], true[first:last], side="right")
            better = logits.shape[1] - not_above
            yield better + (not_above - below + 1) / 2


def _mean_loss(pairs: _Pairs) -> float:
    """Return the mean of `full_softmax_loss`.

    It is computed for the first label of each input; the loss of another label differs by the difference of
    the two logits.
    """
    total = 0.0
    for distinct, places, labels in pairs.blocks():
        first = labels[np.searchsorted(places, np.arange(distinct.size))]
        losses = full_softmax_loss(pairs.weights, pairs.biases, first, pairs.embeddings[distinct]).astype(np.float64)
        log_normalizer = losses + _logits(pairs, distinct, first)
        total += float((log_normalizer[places] - _logits(pairs, distinct[places], labels)).sum())
    return total / pairs.inputs.size


def _logits(pairs: _Pairs, inputs: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logit of each pair, summed in float64, a part of the pairs at a time."""
    size = max(1, _BLOCK // (4 * pairs.weights.shape[1]))
    logits = pairs.biases[labels].astype(np.float64)
    for first in range(0, labels.size, size):
        part = slice(first, first + size)
        outer = pairs.weights[labels[part]].astype(np.float64)
        logits[part] += (pairs.embeddings[inputs[part]] * outer).sum(axis=1)
    return logits

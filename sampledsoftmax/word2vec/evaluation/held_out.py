"""Exact softmax loss and rank of the true class on held-out pairs."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.full_softmax import full_softmax_loss
from sampledsoftmax.not_a_number import not_a_number

# Logits per block of inputs: 64 MB of float32, and the same again while they are sorted.
_BLOCK = 16_000_000


@not_a_number()
class HeldOut(NamedTuple):
    """Scores of a model on pairs, by the full softmax over all classes.

    Attributes
    ----------
    loss : float
        Mean loss per pair, in nats.
    mrr : float
        Mean reciprocal rank of the label among all classes.
    recall : dict of int to float
        For each k, the share of pairs whose label is among the k best classes.
    num_pairs : int
        Number of pairs.
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

    Logits are embeddings[input] . weights[c] + biases[c] for all classes c. Pairs are grouped by input, so that the
    cost is that of the distinct inputs; the memory is 128 MB plus that of `full_softmax_loss`.

    Parameters
    ----------
    embeddings : float32 or float64 [num_inputs, dim]
        Input table.
    weights : float [num_classes, dim]
        Output table, with the dtype of `embeddings`.
    biases : float [num_classes] or None
        Output biases; None for none.
    inputs, labels : int [num_pairs]
        Ids of the input and of the true class of each pair, at least one pair.
    k : sequence of int
        The values of k for `recall`, each at least 1.

    Returns
    -------
    HeldOut
        Rank 1 is the best class. Classes whose computed logits, in the dtype of the tables, equal that of the label
        share the mean of their ranks.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range, a table is not finite, or logits overflow.

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
            raise ValueError(f"{name} must be finite")
    sources = validation.ids("inputs", inputs, ("num_pairs",), len(table))
    targets = validation.ids("labels", labels, (sources.size,), len(outer))
    if not sources.size:
        raise ValueError("inputs and labels must hold at least one pair, got none")
    sizes = [validation.whole_number("k", size, at_least=1) for size in k]
    order = np.argsort(sources, kind="stable")
    pairs = _Pairs(table, outer, offsets, sources[order], targets[order])
    with np.errstate(over="ignore", invalid="ignore"):  # then the loss is not finite
        ranks, loss = np.concatenate(list(_ranks(pairs))), _mean_loss(pairs)
    recall = {size: float((ranks <= size).mean()) for size in sizes}
    if not np.isfinite(loss):
        raise ValueError(f"embeddings and weights are too large for {table.dtype}: their logits are not finite")
    return HeldOut(loss, float((1 / ranks).mean()), recall, int(ranks.size))


class _Pairs(NamedTuple):
    """Finite tables, and pairs sorted by input."""

    embeddings: NDArray[Any]
    weights: NDArray[Any]
    biases: NDArray[Any]
    inputs: NDArray[np.int64]
    labels: NDArray[np.int64]

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Yield (distinct inputs, index of each pair's input among them, labels) of each block."""
        size = max(1, _BLOCK // len(self.weights))
        starts = np.flatnonzero(np.diff(self.inputs, prepend=-1))
        ends = [*starts[size::size].tolist(), self.inputs.size]
        for first, last in zip([0, *ends], ends, strict=False):
            distinct, inverse = np.unique(self.inputs[first:last], return_inverse=True)
            yield distinct, inverse, self.labels[first:last]


def _ranks(pairs: _Pairs) -> Iterator[NDArray[np.float64]]:
    """Yield the ranks of the labels; the logits of an input are sorted once for all its labels."""
    for distinct, inverse, labels in pairs.blocks():
        logits = pairs.embeddings[distinct] @ pairs.weights.T + pairs.biases
        true = logits[inverse, labels]
        logits.sort(axis=1)
        rows = np.searchsorted(inverse, np.arange(distinct.size + 1))
        for row, (first, last) in enumerate(pairwise(rows)):
            below = np.searchsorted(logits[row], true[first:last], side="left")
            not_above = np.searchsorted(logits[row], true[first:last], side="right")
            better = logits.shape[1] - not_above
            yield better + (not_above - below + 1) / 2


def _mean_loss(pairs: _Pairs) -> float:
    """Return the mean of `full_softmax_loss`.

    It is computed for the first label of each input; the losses of two labels of an input differ by the difference of
    their logits.
    """
    total = 0.0
    for distinct, inverse, labels in pairs.blocks():
        first = labels[np.searchsorted(inverse, np.arange(distinct.size))]
        losses = full_softmax_loss(pairs.weights, pairs.biases, first, pairs.embeddings[distinct]).astype(np.float64)
        log_normalizer = losses + _logits(pairs, distinct, first)
        total += float((log_normalizer[inverse] - _logits(pairs, distinct[inverse], labels)).sum())
    return total / pairs.inputs.size


def _logits(pairs: _Pairs, inputs: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logit of each pair, summed in float64, in blocks of pairs."""
    size = max(1, _BLOCK // (4 * pairs.weights.shape[1]))
    logits = pairs.biases[labels].astype(np.float64)
    for first in range(0, labels.size, size):
        block = slice(first, first + size)
        outer = pairs.weights[labels[block]].astype(np.float64)
        logits[block] += (pairs.embeddings[inputs[block]] * outer).sum(axis=1)
    return logits

"""Sampled softmax losses with the kinds of fault that were found in public code, each one step of a short loss."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Loss = Callable[..., Array]


def remove_all(logits: Array, labels: Array, ids: Array) -> Array:
    """Remove all copies of the label of each example."""
    return np.where(labels == ids, -np.inf, logits)


def subtract(logits: Array, counts: Array) -> Array:
    """Subtract log Q."""
    return logits - np.log(counts)


def log_sum_exp(logits: Array) -> Array:
    """Return log sum exp of each row, without overflow."""
    top = logits.max(axis=1)
    return np.asarray(top + np.log(np.exp(logits - top[:, np.newaxis]).sum(axis=1)))


class Steps(NamedTuple):
    """The steps of a loss; the defaults are right.

    Attributes
    ----------
    read : function
        From ids to the ids that are used.
    correct_label, correct_candidates : function
        From logits and expected counts to logits.
    remove : function
        From logits of candidates, labels and ids to logits.
    normalizer : function
        From logits to log sum exp.
    divide_last : bool
        Whether to divide by the temperature after log Q.
    """

    read: Callable[[Array], Array] = lambda ids: ids
    correct_label: Callable[[Array, Array], Array] = subtract
    correct_candidates: Callable[[Array, Array], Array] = subtract
    remove: Callable[[Array, Array, Array], Array] = remove_all
    normalizer: Callable[[Array], Array] = log_sum_exp
    divide_last: bool = False


def loss_of(steps: Steps, temperature: float) -> Loss:
    """Return a loss with these steps, as `check_loss` takes it.

    Examples
    --------
    >>> from sampledsoftmax.testing import check_loss
    >>> assert check_loss(loss_of(Steps(), 0.5), temperature=0.5, large_ids=False)
    """

    def loss(weights: Array, biases: Array, labels: Array, inputs: Array, values: Any) -> Array:
        labels, ids = steps.read(labels), steps.read(values.sampled_candidates)
        early, late = (1.0, temperature) if steps.divide_last else (temperature, 1.0)
        true = ((weights[labels[:, 0]] * inputs).sum(axis=1, keepdims=True)) / early + biases[labels]
        sampled = inputs @ weights[ids].T / early + biases[ids]
        true = steps.correct_label(true, values.true_expected_count) / late
        sampled = steps.correct_candidates(sampled, values.sampled_expected_count) / late
        sampled = steps.remove(sampled, labels, ids)
        return steps.normalizer(np.concatenate([true, sampled], axis=1)) - true[:, 0]

    return loss


def _smallest_added(logits: Array, labels: Array, ids: Array) -> Array:
    tiny = np.finfo(np.float32).smallest_normal / 100  # the lowest number was meant
    return np.where(labels == ids, logits + tiny, logits)


def _first_row(logits: Array, labels: Array, ids: Array) -> Array:
    return np.where(np.broadcast_to(labels[0] == ids, logits.shape), -np.inf, logits)


def _any_row(logits: Array, labels: Array, ids: Array) -> Array:
    return np.where(np.broadcast_to(np.isin(ids, labels), logits.shape), -np.inf, logits)


def _last_copy(logits: Array, labels: Array, ids: Array) -> Array:
    hits = labels == ids
    last = ids.size - 1 - hits[:, ::-1].argmax(axis=1)
    return np.where(hits & (np.arange(ids.size) == last[:, np.newaxis]), -np.inf, logits)


def _kept(logits: Array, _: Array, __: Array) -> Array:
    return logits


def _not_corrected(logits: Array, _: Array) -> Array:
    return logits


def _added(logits: Array, counts: Array) -> Array:
    return logits + np.log(counts)


def _clipped(logits: Array, counts: Array) -> Array:
    return subtract(logits, np.maximum(counts, 0.1))


def _overflowing(logits: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(np.log(np.exp(logits).sum(axis=1)))


def _through_float32(ids: Array) -> Array:
    rounded: Array = ids.astype(np.float32).astype(np.int64)
    return rounded


FAULTY_LOSSES = {
    "log Q not subtracted": Steps(correct_label=_not_corrected, correct_candidates=_not_corrected),
    "log Q added": Steps(correct_label=_added, correct_candidates=_added),
    "log Q subtracted from candidates only": Steps(correct_label=_not_corrected),
    "temperature after log Q": Steps(divide_last=True),
    "expected counts clipped": Steps(correct_label=_clipped, correct_candidates=_clipped),
    "hits kept": Steps(remove=_kept),
    "hits get a number next to 0, not the lowest": Steps(remove=_smallest_added),
    "hits of the first example's label only": Steps(remove=_first_row),
    "only the last copy of a hit removed": Steps(remove=_last_copy),
    "labels of all examples removed for each": Steps(remove=_any_row),
    "ids through float32": Steps(read=_through_float32),
    "exponentials overflow": Steps(normalizer=_overflowing),
}

"""Accidental hits: candidates that are labels of an example."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation

MAX_CLASSES = 2**63 - 1  # any int64 id: the number of classes is not an argument


def compute_accidental_hits(
    true_classes: ArrayLike,
    sampled_candidates: ArrayLike,
    num_true: int,
    seed: Any = None,
    name: str | None = None,
    *,
    copies: str = "last",
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[Any]]:
    """Return the (example, candidate) pairs that coincide, as `tf.nn.compute_accidental_hits` does.

    Parameters
    ----------
    true_classes : int [batch_size, num_true]
        Labels of the batch.
    sampled_candidates : int [num_sampled]
        Candidates of the batch.
    num_true : int
        Number of labels per example, at least 1.
    seed : object, optional
        Accepted for TensorFlow's sake, and ignored: nothing is drawn.
    name : str, optional
        Accepted for TensorFlow's sake, and ignored.
    copies : str
        For a candidate drawn several times, "last" returns only its last position, as TensorFlow does;
        "all" returns every position, as the losses here do.

    Returns
    -------
    indices : int32 [num_hits]
        Rows of `true_classes`, in the order of the labels.
    ids : int64 [num_hits]
        Positions in `sampled_candidates`.
    weights : float32 [num_hits]
        The lowest float32, which TensorFlow adds to the logits; the losses here leave hits out instead.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range.

    Examples
    --------
    >>> compute_accidental_hits([[7, 2], [5, 7]], [1, 7, 2], 2)[:2]
    (array([0, 0, 1], dtype=int32), array([1, 2, 1]))
    """
    del seed, name
    num_true = validation.whole_number("num_true", num_true, 1)
    labels = validation.labels("true_classes", true_classes, num_true, MAX_CLASSES)
    candidates = validation.ids("sampled_candidates", sampled_candidates, ("num_sampled",), MAX_CLASSES)
    validation.choice("copies", copies, ("all", "last"))
    order = np.argsort(candidates, kind="stable")
    first = np.searchsorted(candidates[order], labels.ravel(), side="left")
    end = np.searchsorted(candidates[order], labels.ravel(), side="right")
    if copies == "last":
        first = np.maximum(first, end - 1)
    counts = end - first
    label = np.repeat(np.arange(labels.size), counts)
    within = np.arange(label.size) - np.repeat(np.cumsum(counts) - counts, counts)
    ids = order[np.repeat(first, counts) + within]
    lowest = np.full(ids.size, np.finfo(np.float32).min, np.float32)
    return (label // num_true).astype(np.int32), ids.astype(np.int64), lowest

"""The logits of a sampled loss, before it is taken: for losses of your own and for looking at."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax.losses import evaluate
from sampledsoftmax.losses.arguments import checked_call
from sampledsoftmax.types import Correction


def compute_sampled_logits(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    subtract_log_q: bool = True,
    remove_accidental_hits: bool = False,
    seed: Any = None,
    name: str | None = None,
    *,
    hit_copies: str = "all",
    partition_strategy: str = "div",
    temperature: float = 1.0,
    normalize: bool = False,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the logits that a sampled loss is computed from, and their target probabilities.

    f(c) = inputs[b] . weights[c] / temperature + biases[c] - log(expected count of c), of labels and candidates c.

    Parameters
    ----------
    weights : float [num_classes, dim], or list of shards
        As for `sampled_softmax_loss`, like all that follow up to `sampled_values`.
    biases : float [num_classes], list of shards, or None
        Output biases.
    labels : int [batch_size, num_true], or [batch_size] when num_true is 1
        Ids of the true classes.
    inputs : float [batch_size, dim]
        Output of the encoder.
    num_sampled : int
        Number of candidates.
    num_classes : int
        Number of classes.
    num_true : int
        Number of labels per example.
    sampled_values : SampledValues or triple, optional
        Candidates and expected counts.
    subtract_log_q : bool
        Whether log(expected count) is subtracted.
    remove_accidental_hits : bool
        Whether a candidate that is a label of the example gets the logit -inf there.
    seed : None, int or (int, int)
        Seed of the sampler when `sampled_values` is not given.
    name : str, optional
        Accepted for TensorFlow's sake, and ignored.
    hit_copies : str
        With a candidate drawn more than once: which copies of a hit get -inf, "all" or "last".
    partition_strategy : str
        How a list of shards holds the classes, "div" or "mod".
    temperature : float
        Logits are dot products / temperature, then biases are added, then log(expected count) is subtracted; above 0.
    normalize : bool
        Whether `inputs` and rows of `weights` are divided by their lengths, so that dot products are cosines. A row
        shorter than 1e-12 counts as zeros: its cosines and its gradient are 0.

    Returns
    -------
    logits : float [batch_size, num_true + num_sampled]
        True classes first.
    labels : float [batch_size, num_true + num_sampled]
        1 / num_true in the true columns, 0 in the sampled ones.

    Raises
    ------
    TypeError, ValueError
        As `sampled_softmax_loss`.

    Notes
    -----
    TensorFlow's `_compute_sampled_logits` in tensorflow/python/ops/nn_impl.py (2.21), which is private there.

    Examples
    --------
    >>> import numpy as np
    >>> logits, targets = compute_sampled_logits(
    ...     np.eye(6, 3), np.zeros(6), [[1]], np.ones((1, 3)), 3, 6, remove_accidental_hits=True, seed=1)
    >>> logits.round(2)
    array([[1.47, 1.27, -inf, 1.81]])
    >>> targets
    array([[1., 0., 0., 0.]])
    """
    del name
    arrays, sizes = (weights, biases, labels, inputs), (num_sampled, num_classes, num_true)
    correction = Correction(subtract_log_q, remove_accidental_hits, hit_copies, temperature, normalize)
    call = checked_call(arrays, sizes, sampled_values, correction, seed, partition_strategy)
    true, sampled = evaluate.logits(call)
    targets = np.zeros((true.shape[0], true.shape[1] + sampled.shape[1]), true.dtype)
    targets[:, : true.shape[1]] = 1.0 / true.shape[1]
    return np.concatenate((true, sampled), axis=1), targets

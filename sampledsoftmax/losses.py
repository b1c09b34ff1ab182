"""Sampled softmax: TensorFlow's losses on arrays, and their closed-form gradients."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import check
from sampledsoftmax.arguments import checked_batch, checked_loss_grad, checked_values
from sampledsoftmax.samplers.log_uniform import log_uniform_candidate_sampler
from sampledsoftmax.stages.cross_entropy import cross_entropy, logit_gradients
from sampledsoftmax.stages.gradients import gradients
from sampledsoftmax.stages.logits import sampled_logits
from sampledsoftmax.types import Batch, Gradients, SampledValues


def sampled_softmax_loss(
    weights: ArrayLike,
    biases: ArrayLike,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: Any = None,
) -> NDArray[Any]:
    """Return the sampled softmax loss of each example, as `tf.nn.sampled_softmax_loss` does.

    With the logits f(c) = inputs[b] . weights[c] + biases[c] - log(expected count of c) of the labels y
    and of the candidates that are not labels of example b,

        loss[b] = log(sum over both of exp f(c)) - mean over y of f(y).

    Parameters
    ----------
    weights : float32 or float64 [num_classes, dim]
        Output weights. Read: the rows of the labels, then those of the candidates, and no others.
    biases : same dtype, [num_classes]
        Output biases, read in the same places.
    labels : int [batch_size, num_true], or [batch_size] when num_true is 1
        Ids of the true classes, in [0, num_classes).
    inputs : same dtype, [batch_size, dim]
        Output of the encoder.
    num_sampled : int
        Number of candidates, shared by the batch; at least 1.
    num_classes : int
        Number of rows of `weights`.
    num_true : int
        Number of labels an example; each has target probability 1 / num_true.
    sampled_values : SampledValues or triple, optional
        Candidates and expected counts; default: `log_uniform_candidate_sampler`, unique, with `seed`.
    remove_accidental_hits : bool
        Whether a candidate that is a label of an example is left out of that example's sum.
    seed : None, int or (int, int)
        Seed of the sampler when `sampled_values` is not given.

    Returns
    -------
    float [batch_size]
        The losses, in the dtype of `weights`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range, or an expected count is not above 0.

    Notes
    -----
    Bengio and Senecal, "Adaptive importance sampling to accelerate training of a neural probabilistic
    language model", 2008; Jean et al., "On using very large target vocabulary for neural machine
    translation", 2015, section 3. TensorFlow adds the lowest float to hits; here they are left out.

    Examples
    --------
    >>> import numpy as np
    >>> weights, biases = np.eye(6, 3), np.zeros(6)
    >>> sampled_softmax_loss(weights, biases, [[1], [2]], np.ones((2, 3)), 4, 6, seed=1).round(4)
    array([1.3026, 1.0782])
    """
    batch, values, hits = _checked(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
        True, remove_accidental_hits, seed,
    )  # fmt: skip
    losses, _ = cross_entropy(sampled_logits(batch, values, True, hits))
    return losses


def sampled_softmax_loss_and_grad(
    weights: ArrayLike,
    biases: ArrayLike,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: Any = None,
    *,
    subtract_log_q: bool = True,
    loss_grad: ArrayLike | None = None,
) -> tuple[NDArray[Any], Gradients]:
    """Return (`sampled_softmax_loss`, its gradients); the candidates count as constants.

    Parameters
    ----------
    weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values
        As for `sampled_softmax_loss`.
    remove_accidental_hits, seed
        As for `sampled_softmax_loss`.
    subtract_log_q : bool
        Whether log(expected count) is subtracted from the logits; without it the loss is biased.
    loss_grad : same dtype, [batch_size], optional
        Gradient of what is minimised with respect to each loss; ones by default. For the mean of the
        batch, pass 1 / batch_size.

    Returns
    -------
    loss : float [batch_size]
    gradients : Gradients
        Slices of `weights` and `biases` with TensorFlow's indices: labels row by row, then candidates,
        not summed; and `inputs` [batch_size, dim].

    Raises
    ------
    TypeError, ValueError
        As `sampled_softmax_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> weights, biases = np.eye(6, 3), np.zeros(6)
    >>> loss, grad = sampled_softmax_loss_and_grad(weights, biases, [[1], [2]], np.ones((2, 3)), 4, 6, seed=1)
    >>> grad.weights.indices
    array([1, 2, 4, 1, 2, 0])
    """
    subtract_log_q = check.flag("subtract_log_q", subtract_log_q)
    batch, values, hits = _checked(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
        subtract_log_q, remove_accidental_hits, seed,
    )  # fmt: skip
    return loss_and_grad(batch, values, subtract_log_q, hits, checked_loss_grad(loss_grad, batch))


def loss_and_grad(
    batch: Batch, values: SampledValues, subtract_log_q: bool, hits: bool, loss_grad: NDArray[Any]
) -> tuple[NDArray[Any], Gradients]:
    """Run the stages on checked arrays: the losses and the gradients of one batch."""
    logits = sampled_logits(batch, values, subtract_log_q, hits)
    losses, normalizers = cross_entropy(logits)
    logit_gradients(logits, normalizers, loss_grad)
    return losses, gradients(batch, values.sampled_candidates, logits)


def compute_sampled_logits(
    weights: ArrayLike,
    biases: ArrayLike,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    subtract_log_q: bool = True,
    remove_accidental_hits: bool = False,
    seed: Any = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the logits that a sampled loss is computed from, and their target probabilities.

    Parameters
    ----------
    weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values
        As for `sampled_softmax_loss`.
    subtract_log_q : bool
        Whether log(expected count) is subtracted.
    remove_accidental_hits : bool
        Whether a candidate that is a label of the example gets the logit -inf there.
    seed : None, int or (int, int)
        Seed of the sampler when `sampled_values` is not given.

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
    subtract_log_q = check.flag("subtract_log_q", subtract_log_q)
    batch, values, hits = _checked(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
        subtract_log_q, remove_accidental_hits, seed,
    )  # fmt: skip
    true, sampled, _ = sampled_logits(batch, values, subtract_log_q, hits)
    targets = np.zeros((true.shape[0], true.shape[1] + sampled.shape[1]), true.dtype)
    targets[:, : true.shape[1]] = 1.0 / true.shape[1]
    return np.concatenate((true, sampled), axis=1), targets


def _checked(  # the public functions' arguments, in their order
    weights: ArrayLike,
    biases: ArrayLike,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int,
    sampled_values: Any,
    subtract_log_q: bool,
    remove_accidental_hits: bool,
    seed: Any,
) -> tuple[Batch, SampledValues, bool]:
    hits = check.flag("remove_accidental_hits", remove_accidental_hits)
    batch = checked_batch(weights, biases, labels, inputs, num_true)
    rows = batch.weights.shape[0]
    if check.whole_number("num_classes", num_classes, 1) != rows:
        raise ValueError(f"num_classes = {num_classes}, but weights has {rows} rows: they must be equal")
    unique = sampled_values is None
    num_sampled = check.sample_size("num_sampled", num_sampled, unique, "num_classes", rows)
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(batch.labels, num_true, num_sampled, True, rows, seed)
    return batch, checked_values(sampled_values, batch, num_sampled, subtract_log_q), hits

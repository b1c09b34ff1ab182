"""Sampled softmax: TensorFlow's losses on arrays, and their closed-form gradients."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses import evaluate
from sampledsoftmax.losses.arguments import checked_call, checked_loss_grad
from sampledsoftmax.losses.counted import Selection
from sampledsoftmax.losses.objectives import SAMPLED_SOFTMAX, Objective
from sampledsoftmax.losses.retrieval_objectives import CORRECTIONS, LogQ2025
from sampledsoftmax.types import Correction, Gradients


def sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: Any = None,
    name: str | None = None,
    *,
    subtract_log_q: bool = True,
    correction: str | None = None,
    hit_copies: str = "all",
    partition_strategy: str = "div",
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
) -> NDArray[Any]:
    """Return the sampled softmax loss of each example, as `tf.nn.sampled_softmax_loss` does.

    With the logits f(c) = inputs[b] . weights[c] / temperature + biases[c] - log(expected count of c) of the labels y
    and of the candidates that are not labels of example b,

        loss[b] = log(sum over both of exp f(c)) - mean over y of f(y).

    Parameters
    ----------
    weights : float [num_classes, dim], or list of shards
        Output weights. Read: the rows of the labels, then those of the candidates, and no others. float64,
        float32, float16 or bfloat16 (of ml_dtypes); half precision is widened to float32 where it is read.
    biases : float [num_classes], list of shards, or None
        Output biases, read in the same places and rounded to the precision of the arithmetic; None for none.
    labels : int [batch_size, num_true], or [batch_size] when num_true is 1
        Ids of the true classes, in [0, num_classes).
    inputs : float [batch_size, dim]
        Output of the encoder: float64 with float64 tables, else float32 or half precision.
    num_sampled : int
        Number of candidates, shared by the batch; at least 1.
    num_classes : int
        Number of classes, at most the rows of `weights`: rows above are neither candidates nor labels.
    num_true : int
        Number of labels per example; each has target probability 1 / num_true.
    sampled_values : SampledValues or triple, optional
        Candidates and expected counts, which broadcast to [batch_size, num_true] and [num_sampled]; default:
        `log_uniform_candidate_sampler`, unique, with `seed`.
    remove_accidental_hits : bool
        Whether a candidate that is a label of an example is left out of that example's sum.
    seed : None, int or (int, int)
        Seed of the sampler when `sampled_values` is not given.
    name : str, optional
        Accepted for TensorFlow's sake, and ignored.
    subtract_log_q : bool
        Whether log(expected count) is subtracted from the logits; without it the loss is biased.
    correction : str, optional
        "log_q" and "none" are `subtract_log_q` by another name, that of the losses over a batch's own candidates.
        "log_q_2025" subtracts log(expected count) from the candidates only, and weighs the examples: `LogQ2025`.
    hit_copies : str
        With a candidate drawn more than once: "all" leaves out every copy of a hit, "last" the last copy
        only, as TensorFlow does.
    partition_strategy : str
        How a list of shards holds the classes, "div" (TensorFlow 2's) or "mod".
    sample_weight : float or bool [batch_size], optional
        Weight of each example, finite and at least 0, or a mask; its loss is multiplied by it. An example of weight 0
        contributes nothing, whatever its inputs are: loss 0, gradient 0, and no row of its labels is named.
    ignore_index : int, optional
        A label that says "no label", such as -1: padding. The target is uniform over the other labels of the example;
        one without any has weight 0.
    temperature : float
        Logits are dot products / temperature, then biases are added, then log(expected count) is subtracted; above 0.
    normalize : bool
        Whether `inputs` and rows of `weights` are divided by their lengths, so that dot products are cosines. A row
        shorter than 1e-12 counts as zeros: its cosines and its gradient are 0.

    Returns
    -------
    float32 or float64 [batch_size]
        The losses, in the precision of the arithmetic.

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
    del name
    arrays, sizes = (weights, biases, labels, inputs), (num_sampled, num_classes, num_true)
    objective, subtract_log_q = _corrected(correction, subtract_log_q)
    settings = Correction(subtract_log_q, remove_accidental_hits, hit_copies, temperature, normalize)
    selection = Selection(sample_weight, ignore_index)
    call = checked_call(arrays, sizes, sampled_values, settings, seed, partition_strategy, selection=selection)
    return evaluate.loss(call, objective)


def sampled_softmax_loss_and_grad(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: Any = None,
    name: str | None = None,
    *,
    subtract_log_q: bool = True,
    correction: str | None = None,
    hit_copies: str = "all",
    partition_strategy: str = "div",
    loss_grad: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
) -> tuple[NDArray[Any], Gradients]:
    """Return (`sampled_softmax_loss`, its gradients); the candidates count as constants.

    With g[b, c] = loss_grad[b] * (softmax(f)[c] - target[c]), where the target is 1 / num_true for a label and 0 for a
    candidate: the row of a label gets g[b, c] * inputs[b], that of a candidate sum_b g[b, c] * inputs[b], its
    bias the same without the inputs, and inputs[b] gets sum_c g[b, c] * weights[c].

    Parameters
    ----------
    weights : float [num_classes, dim], or list of shards
        As for `sampled_softmax_loss`, like all that follow up to `partition_strategy`.
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
    remove_accidental_hits : bool
        Whether hits are left out.
    seed : None, int or (int, int)
        Seed of the sampler when `sampled_values` is not given.
    name : str, optional
        Accepted for TensorFlow's sake, and ignored.
    subtract_log_q : bool
        Whether log(expected count) is subtracted from the logits.
    correction : str, optional
        "log_q", "log_q_2025" or "none", in place of `subtract_log_q`.
    hit_copies : str
        Which copies of a hit are left out, "all" or "last".
    partition_strategy : str
        How a list of shards holds the classes, "div" or "mod".
    loss_grad : dtype of the loss, [batch_size], optional
        Gradient of what is minimized with respect to each loss; ones by default. For the mean of the
        batch, pass 1 / batch_size.
    sample_weight : float or bool [batch_size], optional
        Weight of each example; its loss and what it adds to the gradients are multiplied by it. The gradients name no
        label of an example of weight 0, and no row at all if every weight is 0.
    ignore_index : int, optional
        A label that says "no label"; the gradients do not name it.
    temperature : float
        Dot products are divided by it.
    normalize : bool
        Whether rows are divided by their lengths, so that dot products are cosines.

    Returns
    -------
    loss : float32 or float64 [batch_size]
        The losses.
    gradients : Gradients
        Slices of `weights` and `biases` with TensorFlow's indices: labels row by row, then candidates,
        not summed, one `IndexedSlices` a shard where shards are given; and `inputs` [batch_size, dim].
        All in the dtype of the loss, also for tables of half precision.

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
    del name
    arrays, sizes = (weights, biases, labels, inputs), (num_sampled, num_classes, num_true)
    objective, subtract_log_q = _corrected(correction, subtract_log_q)
    settings = Correction(subtract_log_q, remove_accidental_hits, hit_copies, temperature, normalize)
    selection = Selection(sample_weight, ignore_index)
    call = checked_call(arrays, sizes, sampled_values, settings, seed, partition_strategy, selection=selection)
    return evaluate.loss_and_grad(call, objective, checked_loss_grad(loss_grad, call.batch))


def _corrected(correction: str | None, subtract_log_q: bool) -> tuple[Objective, bool]:
    """Return the objective, and whether log Q is subtracted."""
    if correction is None:
        return SAMPLED_SOFTMAX, subtract_log_q
    validation.choice("correction", correction, CORRECTIONS)
    if validation.flag("subtract_log_q", subtract_log_q) is False and correction != "none":
        raise ValueError(f"subtract_log_q = False contradicts correction={correction!r}: give one of them")
    return LogQ2025() if correction == "log_q_2025" else SAMPLED_SOFTMAX, correction != "none"

"""Objectives of retrieval models: log Q of 2025, gBCE and BSL, each in NumPy and with kernels."""

# ruff: noqa: D102 - Objective documents its methods

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.loss.objectives import BilateralSoftmax, CalibratedSigmoid
from sampledsoftmax.kernels.loss.objectives import LogQ2025 as CompiledLogQ2025
from sampledsoftmax.losses.objectives import Objective

Floats = NDArray[np.floating[Any]]

# What is done about the frequency of candidates: log Q subtracted from all columns (Bengio and Senecal 2008), from the
# candidates only (arXiv 2507.09331), or nothing.
CORRECTIONS = ("log_q", "log_q_2025", "none")


class LogQ2025(Objective):
    """Sampled softmax whose label is not corrected: log Q is subtracted from the candidates only.

    With Z = sum of exp(logit) / Q over the candidates that are no labels, which estimates the sum over all other
    classes, and P = exp(s) / (exp(s) + Z) the estimated probability of a label of logit s, the loss is

        (1 - P) * (log Z - s),   1 - P held fixed; the mean over the labels of an example.

    The label is among the classes that are compared whatever the sampler does, so the expected count of the sampler
    says nothing of it. The gradient estimates that of the softmax over all classes; it is a ratio of estimates, so a
    bias that falls as 1 / num_sampled is left. The *value* is no log-likelihood: it is 0 where exp(s) = Z and negative
    where the label is ahead. Compare models by the loss over all classes.

    Attributes
    ----------
    subtract_log_q, remove_accidental_hits : bool
        True.
    corrects_labels : bool
        False.

    Notes
    -----
    arXiv 2507.09331, 2025. There the sum is a mean over the n candidates left, each divided by its probability given
    that it is not the label: (num_sampled - Q(label)) / n times Z, the same in the mean.

    Examples
    --------
    >>> import numpy as np
    >>> loss, gradient = LogQ2025().loss_and_grad(np.log([[1.0, 2.0, 1.0]]), 1)
    >>> loss.round(3), gradient.round(3)
    (array([0.824]), array([[-0.75,  0.5 ,  0.25]]))
    """

    corrects_labels = False

    def __repr__(self) -> str:
        return "LogQ2025()"

    def loss_and_grad(self, logits: Floats, num_true: int) -> tuple[Floats, Floats]:
        log_sum, gradient = _softmax_of_candidates(logits, num_true)
        labels, seen = logits[:, :num_true], log_sum > -np.inf
        distance = np.where(seen, log_sum - labels, 0)
        weight = np.where(seen, np.exp(-np.logaddexp(0, -distance)), 0) / num_true
        gradient[:, num_true:] *= weight.sum(axis=1, keepdims=True)
        gradient[:, :num_true] = -weight
        return (weight * distance).sum(axis=1), gradient

    def compiled_loss(self) -> Any:
        return CompiledLogQ2025()


class BSL(Objective):
    """The bilateral softmax loss: -log(exp(s) / (mean of exp(logit) over the candidates) ^ exponent).

    The label, of logit s, is not in the mean, so pairs that are right already are still pushed apart. With exponent 1
    it is the sampled softmax loss without its label in the sum; above 1 negatives weigh more. Log Q is not subtracted
    by default: the published results draw negatives uniformly. A candidate that is left out adds 0 to the mean.

    Parameters
    ----------
    exponent : float
        Above 0: the ratio of the temperatures of labels and of candidates. The published models have 1.06 to 1.32,
        with logits that are cosines divided by 0.08 to 0.17.

    Attributes
    ----------
    exponent : float
        As given.
    subtract_log_q : bool
        False.

    Raises
    ------
    TypeError, ValueError
        If `exponent` is no number above 0.

    Notes
    -----
    Wu et al., "BSL: Understanding and improving softmax loss for recommendation", ICDE 2024, arXiv 2312.12882.

    Examples
    --------
    >>> import numpy as np
    >>> loss, gradient = BSL(1.2).loss_and_grad(np.array([[1.0, 0.0, 0.0]]), 1)
    >>> loss, gradient
    (array([-1.]), array([[-1. ,  0.6,  0.6]]))
    """

    subtract_log_q = False

    def __init__(self, exponent: float = 1.0) -> None:
        self.exponent = validation.number("exponent", exponent, above=0)

    def __repr__(self) -> str:
        return f"BSL(exponent={self.exponent})"

    def loss_and_grad(self, logits: Floats, num_true: int) -> tuple[Floats, Floats]:
        log_sum, gradient = _softmax_of_candidates(logits, num_true)
        seen = log_sum[:, 0] > -np.inf
        log_mean = np.where(seen, log_sum[:, 0], 0) - np.log(max(logits.shape[1] - num_true, 1))
        loss = self.exponent * log_mean - logits[:, :num_true].mean(axis=1)
        gradient[:, num_true:] *= self.exponent
        gradient[:, :num_true] = np.where(seen, -1 / num_true, 0)[:, np.newaxis]
        return np.where(seen, loss, 0), gradient

    def compiled_loss(self) -> Any:
        return BilateralSoftmax(self.exponent)


class GBCE(Objective):
    """Generalized binary cross-entropy: a sigmoid for each class, with the label's made up for classes not drawn.

    With k candidates of num_classes - 1 others, a = k / (num_classes - 1) and b = 1 - calibration * (1 - a), the loss
    of a label of logit s is

        (b * log(1 + exp(-s)) + sum over the candidates of log(1 + exp(logit))) / (k + 1).

    Where negatives are drawn uniformly, plain cross-entropy (calibration 0) sees a share a of them, and overstates the
    odds of a label by 1 / a. With calibration 1 the sigmoids are calibrated, and training is slower. Log Q is not
    subtracted by default; the mean over the labels of an example is taken.

    Parameters
    ----------
    num_classes : int
        At least 2.
    calibration : float
        From 0 to 1: t of the paper, whose gSASRec has 0.75.

    Attributes
    ----------
    num_classes : int
        As given.
    calibration : float
        As given.
    subtract_log_q : bool
        False.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of range.

    Notes
    -----
    Petrov and Macdonald, "gSASRec: Reducing overconfidence in sequential recommendation trained with negative
    sampling", RecSys 2023, arXiv 2308.07192. There b is the power of the label's sigmoid, a (t (1 - 1/a) + 1/a); here
    it is multiplied out, and powers are factors of logarithms: exact in float32 without clamps.

    Examples
    --------
    >>> import numpy as np
    >>> loss, gradient = GBCE(5, 1.0).loss_and_grad(np.zeros((1, 3)), 1)
    >>> loss.round(3), gradient.round(3)
    (array([0.578]), array([[-0.083,  0.167,  0.167]]))
    """

    subtract_log_q = False

    def __init__(self, num_classes: int, calibration: float = 0.75) -> None:
        self.num_classes = validation.whole_number("num_classes", num_classes, 2)
        self.calibration = validation.number("calibration", calibration, at_least=0, at_most=1)

    def __repr__(self) -> str:
        return f"GBCE(num_classes={self.num_classes}, calibration={self.calibration})"

    def loss_and_grad(self, logits: Floats, num_true: int) -> tuple[Floats, Floats]:
        num_sampled = logits.shape[1] - num_true
        weights = np.full(logits.shape[1], 1 / (num_sampled + 1))
        drawn = min(1.0, num_sampled / (self.num_classes - 1))
        weights[:num_true] *= (1 - self.calibration * (1 - drawn)) / num_true
        sign = np.where(np.arange(logits.shape[1]) < num_true, -1.0, 1.0)
        softplus = np.logaddexp(0, sign * logits)
        return (weights * softplus).sum(axis=1), sign * weights * np.exp(sign * logits - softplus)

    def compiled_loss(self) -> Any:
        return CalibratedSigmoid(self.num_classes, self.calibration)


def _softmax_of_candidates(logits: Floats, num_true: int) -> tuple[Floats, Floats]:
    """Return the log-sum-exp of the candidates [batch_size, 1], and a gradient with zeros, then their softmax."""
    gradient = np.zeros_like(logits)
    candidates = logits[:, num_true:]
    largest = candidates.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(candidates - np.where(largest > -np.inf, largest, 0))
    total = exponentials.sum(axis=1, keepdims=True)
    np.divide(exponentials, total, out=gradient[:, num_true:], where=total != 0)
    with np.errstate(divide="ignore"):
        return np.log(total) + np.where(largest > -np.inf, largest, 0), gradient

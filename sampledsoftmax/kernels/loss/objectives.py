"""What a loss kernel is: the built-in objectives and the operations that an objective implements.

An objective of a user's own registers `row_loss`, and nothing else is needed; `block_loss` and `label_block_loss` are
for objectives that compute many rows at once.
"""

from typing import NamedTuple

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch


class LogitsOnly(NamedTuple):
    """No loss: stop at the logits."""


class SoftmaxCrossEntropy(NamedTuple):
    """Softmax cross-entropy over the true and the sampled columns: sampled softmax."""


class SigmoidCrossEntropy(NamedTuple):
    """Sigmoid cross-entropy, summed over the columns: NCE and negative sampling."""


class LogQ2025(NamedTuple):
    """Softmax over the candidates alone, weighted by 1 - P of the label: arXiv 2507.09331."""


class BilateralSoftmax(NamedTuple):
    """Softmax over the candidates alone, its log-sum-exp times an exponent: arXiv 2312.12882."""

    exponent: float


class CalibratedSigmoid(NamedTuple):
    """Sigmoid cross-entropy whose label counts less, as most classes are not drawn: gBCE, arXiv 2308.07192."""

    num_classes: int
    calibration: float


@dispatch
def corrects_labels(objective):
    """Return whether log Q is subtracted from the logits of labels, where it is from those of candidates."""


@corrects_labels.default
@jit
def _every_label(objective):
    return True


@dispatch
def row_loss(objective, logits, num_true, gradient):
    """Return the loss of one example and write its gradient.

    Parameters
    ----------
    objective : NamedTuple
        The parameters.
    logits : float [num_true + num_sampled]
        Corrected logits of the labels, then of the candidates. A candidate that is left out, because it is a label of
        the example, has -inf: its share of the loss and its gradient must be 0.
    num_true : int
    gradient : float [num_true + num_sampled]
        Written: the derivative of the loss with respect to each logit.
    """


@dispatch
def block_loss(objective, block, settings, scratch, buffers, thread_id):
    """Turn the logits of a block of examples into losses and gradients of the logits.

    Reads scratch.true_logits and scratch.sampled_logits. Writes scratch.losses, scratch.true_grad (times
    scratch.loss_grad), scratch.sampled_grad, and to all lanes of a row of buffers.row_scales the factor that
    sampled_grad of the row is still to be multiplied by.
    """


@dispatch
def label_block_loss(objective, block, settings, starts, scratch, buffers, thread_id):
    """As `block_loss`, for examples whose labels have a loss each, over the same candidates.

    The labels of example b are starts[b] .. starts[b + 1]; scratch.group_of_label tells which candidate a label is,
    if it is below block.num_sampled. The loss of an example is the sum of those of its labels.
    """


@block_loss.register(LogitsOnly)
@jit
def _no_loss(objective, block, settings, scratch, buffers, thread_id):
    pass

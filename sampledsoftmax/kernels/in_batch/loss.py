"""Losses of rows of the in-batch softmax, given the sums of their exponentials."""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.kernels.loss.objectives import LogQ2025, SoftmaxCrossEntropy
from sampledsoftmax.kernels.loss.retrieval import one_minus_share


@dispatch
def loss_of_sum(objective, b, positive, largest, total, operands):
    """Return (loss, weight) of example b: the gradient of its logits is weight * (exponentials / total - target).

    `total` is the sum of exp(logit - largest), `positive` the logit of the positive as it is to be compared.
    """


@loss_of_sum.register(SoftmaxCrossEntropy)
@jit
def _softmax(objective, b, positive, largest, total, operands):
    return math.log(total) - (positive - operands.own_log_q[b] - largest), 1.0


@loss_of_sum.register(LogQ2025)
@jit
def _log_q_2025(objective, b, positive, largest, total, operands):
    if total == 0:  # no negatives
        return 0.0, 0.0
    log_sum = math.log(total) + largest + operands.log_total[b]
    weight = one_minus_share(positive, log_sum - operands.log_negatives[b])
    return weight * (log_sum - positive), weight

"""The stages of a sampled loss, one after the other, on a call that has been checked."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.arguments import Call
from sampledsoftmax.stages import cross_entropy as softmax
from sampledsoftmax.stages import sigmoid_cross_entropy as sigmoid
from sampledsoftmax.stages.gather import gather_batch
from sampledsoftmax.stages.gradients import gradients
from sampledsoftmax.stages.logits import SampledLogits, sampled_logits
from sampledsoftmax.types import Gradients

Objective = Literal["sampled_softmax", "nce"]


def logits(call: Call) -> SampledLogits:
    """Return the corrected logits."""
    rows = gather_batch(call.batch, call.values.sampled_candidates)
    return sampled_logits(call.batch, rows, call.values, call.correction)


def loss(call: Call, objective: Objective) -> NDArray[Any]:
    """Return the losses [batch_size]."""
    if objective == "nce":
        return sigmoid.sigmoid_cross_entropy(logits(call))
    losses, _ = softmax.cross_entropy(logits(call))
    return losses


def loss_and_grad(call: Call, objective: Objective, loss_grad: NDArray[Any]) -> tuple[NDArray[Any], Gradients]:
    """Return the losses [batch_size] and the gradients of sum(loss_grad * loss)."""
    batch, candidates = call.batch, call.values.sampled_candidates
    rows = gather_batch(batch, candidates)
    of_logits = sampled_logits(batch, rows, call.values, call.correction)
    if objective == "nce":
        losses = sigmoid.sigmoid_cross_entropy(of_logits)
        sigmoid.logit_gradients(of_logits, loss_grad)
    else:
        losses, normalizers = softmax.cross_entropy(of_logits)
        softmax.logit_gradients(of_logits, normalizers, loss_grad)
    return losses, gradients(batch, rows, candidates, of_logits)


def mean_loss_and_grad(call: Call) -> tuple[float, Gradients]:
    """Return the mean sampled softmax loss of a batch, 0.0 of an empty one, and the gradients of the mean."""
    batch_size = max(call.batch.inputs.shape[0], 1)
    share = np.full(call.batch.inputs.shape[0], 1.0 / batch_size, call.batch.inputs.dtype)
    losses, grads = loss_and_grad(call, "sampled_softmax", share)
    return float(losses.sum(dtype=np.float64)) / batch_size, grads

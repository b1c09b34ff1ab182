"""A sampled loss and its gradients, for a call that has been checked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.losses import sampled_pass
from sampledsoftmax.losses.arguments import Call
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.types import Gradients


def logits(call: Call) -> sampled_pass.SampledLogits:
    """Return the corrected logits."""
    return sampled_pass.logits(*call)


def loss(call: Call, objective: Objective) -> NDArray[Any]:
    """Return the losses [batch_size]."""
    return sampled_pass.losses(*call, objective)


def loss_and_grad(call: Call, objective: Objective, loss_grad: NDArray[Any]) -> tuple[NDArray[Any], Gradients]:
    """Return the losses [batch_size] and the gradients of sum(loss_grad * loss)."""
    return sampled_pass.losses_and_gradients(*call, objective, loss_grad)


def mean_loss_and_grad(call: Call, objective: Objective) -> tuple[float, Gradients]:
    """Return the mean loss of a batch, 0.0 of an empty one, and the gradients of the mean."""
    batch_size = max(call.batch.inputs.shape[0], 1)
    share = np.full(call.batch.inputs.shape[0], 1.0 / batch_size, call.batch.inputs.dtype)
    losses, grads = loss_and_grad(call, objective, share)
    return float(losses.sum(dtype=np.float64)) / batch_size, grads

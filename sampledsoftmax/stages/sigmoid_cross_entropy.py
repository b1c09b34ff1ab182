"""Sum of sigmoid cross-entropies of true and sampled logits (NCE), and its gradient with respect to them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels import sigmoid_cross_entropy as kernels
from sampledsoftmax.stages.logits import SampledLogits


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table shows in the loss
def sigmoid_cross_entropy(logits: SampledLogits) -> NDArray[Any]:
    """Return the losses [batch_size]: each column is a decision of its own between label and candidate."""
    losses = np.empty(logits.true.shape[0], logits.true.dtype)
    kernels.row_losses(logits.true, logits.sampled, losses)
    return losses


@np.errstate(over="ignore", invalid="ignore")
def logit_gradients(logits: SampledLogits, loss_grad: NDArray[Any]) -> None:
    """Turn the logits into loss_grad * (sigmoid - target), in place."""
    kernels.logit_gradients(logits.true, logits.sampled, loss_grad)

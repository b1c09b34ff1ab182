"""Softmax cross-entropy of true and sampled logits, and its gradient with respect to them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels import cross_entropy as kernels
from sampledsoftmax.stages.logits import SampledLogits


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table shows in the loss
def cross_entropy(logits: SampledLogits) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (losses [batch_size], normalizers [batch_size]).

    Works in place: the true logits become logits less the maximum of their row, the sampled ones the
    exponentials of that. NumPy's exp stands between two kernels because it is vectorised, which a
    scalar exp inside a kernel is not.
    """
    kernels.subtract_row_max(logits.true, logits.sampled)
    np.exp(logits.sampled, out=logits.sampled)
    losses = np.empty(logits.true.shape[0], logits.true.dtype)
    normalizers = np.empty_like(losses)
    kernels.row_losses(logits.true, logits.sampled, normalizers, losses)
    return losses, normalizers


def logit_gradients(logits: SampledLogits, normalizers: NDArray[Any], loss_grad: NDArray[Any]) -> None:
    """Turn what `cross_entropy` left in `logits` into loss_grad * (probability - target), in place."""
    kernels.logit_gradients(logits.true, logits.sampled, normalizers, loss_grad)

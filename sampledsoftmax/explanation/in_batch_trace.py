"""The numbers of one traced in-batch softmax, and the choices that made them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.losses.in_batch_arguments import Choices


class InBatchTrace(NamedTuple):
    """The fields of `InBatchExplanation`, which describes them."""

    logits: NDArray[Any]
    hits: NDArray[np.bool_]
    merged: NDArray[np.bool_]
    expected_count: NDArray[np.float64]
    ids: NDArray[Any] | None
    loss: NDArray[Any]
    choices: Choices

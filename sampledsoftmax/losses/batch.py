"""A batch whose arrays have been checked."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.losses.shards import Shards


class Batch(NamedTuple):
    """The arrays of one batch.

    Attributes
    ----------
    weights : Shards
        Output weights [num_classes, dim].
    biases : Shards or None
        Output biases [num_classes].
    labels : int64 [batch_size, num_true]
        Ids of the true classes.
    inputs : float32 or float64 [batch_size, dim]
        Output of the encoder, in the precision of all arithmetic.
    """

    weights: Shards
    biases: Shards | None
    labels: NDArray[np.int64]
    inputs: NDArray[Any]

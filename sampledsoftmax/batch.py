"""A batch whose arrays have been checked, and how its logits are corrected."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.shards import Shards


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


class Correction(NamedTuple):
    """What is done to the logits of a batch before a loss is taken of them.

    Attributes
    ----------
    subtract_log_q : bool
        Subtract log(expected count) from true and sampled logits.
    remove_accidental_hits : bool
        Leave a candidate out of the sums of the examples that it is a label of.
    hit_copies : str
        "all" leaves out every copy of such a candidate; "last" leaves out the last one only, which is what
        TensorFlow does. They differ only for samples drawn with replacement.
    """

    subtract_log_q: bool
    remove_accidental_hits: bool
    hit_copies: str = "all"

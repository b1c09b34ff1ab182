"""A batch whose arrays have been checked."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.losses.counted import Counted, Ids
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
    counted : Counted or None
        The examples and labels that count; None where all count alike.
    """

    weights: Shards
    biases: Shards | None
    labels: NDArray[np.int64]
    inputs: NDArray[Any]
    counted: Counted | None = None

    def part(self, rows: Ids) -> "Batch":
        """Return what counts of some examples, which have the same number of labels that count."""
        if self.counted is None or (self.counted.is_whole and rows.size == self.labels.shape[0]):
            return self._replace(counted=None)
        return self._replace(labels=self.counted.of(self.labels, rows), inputs=self.inputs[rows], counted=None)

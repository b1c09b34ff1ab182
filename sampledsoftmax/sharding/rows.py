"""Which rows a batch uses, and which shard has them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.losses.full_softmax import BLOCK

Ids = NDArray[np.int64]
Floats = NDArray[Any]
NO_IDS: Ids = np.zeros(0, np.int64)


class RowIds(NamedTuple):
    """Distinct rows in increasing order.

    Attributes
    ----------
    classes : int64 [num_classes_used]
        Rows of the weights and the biases.
    inputs : int64 [num_inputs_used]
        Rows of the embeddings; none for an output layer.
    """

    classes: Ids
    inputs: Ids = NO_IDS

    @property
    def nbytes(self) -> int:
        """Bytes of the ids."""
        return self.classes.nbytes + self.inputs.nbytes

    def minus(self, other: "RowIds") -> "RowIds":
        """Return the rows that `other` does not have."""
        pairs = zip(self, other, strict=True)
        return RowIds(*(np.setdiff1d(mine, theirs, assume_unique=True) for mine, theirs in pairs))

    def common(self, other: "RowIds") -> "RowIds":
        """Return the rows that both have."""
        pairs = zip(self, other, strict=True)
        return RowIds(*(np.intersect1d(mine, theirs, assume_unique=True) for mine, theirs in pairs))


class RowValues(NamedTuple):
    """Rows of the tables, or their gradients, in the order of `RowIds`.

    Attributes
    ----------
    weights, biases : float [num_classes_used, dim] and [num_classes_used]
    embeddings : float [num_inputs_used, dim] or [0, dim]
    """

    weights: Floats
    biases: Floats
    embeddings: Floats

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return sum(array.nbytes for array in self)

    @classmethod
    def empty(cls, ids: RowIds, dim: int, dtype: np.dtype[Any]) -> "RowValues":
        """Return memory for rows."""
        num_classes, num_inputs = ids.classes.size, ids.inputs.size
        return cls(
            np.empty((num_classes, dim), dtype), np.empty(num_classes, dtype), np.empty((num_inputs, dim), dtype)
        )

    def write(self, own: RowIds, part: RowIds, values: "RowValues") -> None:
        """Write the rows `part` of `own`, which are the rows of this memory."""
        classes, inputs = np.searchsorted(own.classes, part.classes), np.searchsorted(own.inputs, part.inputs)
        self.weights[classes], self.biases[classes] = values.weights, values.biases
        self.embeddings[inputs] = values.embeddings

    def between(self, classes: slice, inputs: slice) -> "RowValues":
        """Return views of some of the rows."""
        return RowValues(self.weights[classes], self.biases[classes], self.embeddings[inputs])


class Ranges:
    """The rows of each shard: shard k has the rows starts[k] .. starts[k + 1] of every table.

    The boundaries are multiples of the blocks in which all classes are evaluated, where there are enough classes:
    shards then evaluate blocks without rows of others.

    Parameters
    ----------
    num_rows, num_shards : int
        At least one row for each shard.
    """

    def __init__(self, num_rows: int, num_shards: int) -> None:
        unit = BLOCK if num_rows >= BLOCK * num_shards else 1
        size, extra = divmod(num_rows // unit, num_shards)
        sizes = np.array([size + (k < extra) for k in range(num_shards)], np.int64) * unit
        sizes[-1] += num_rows % unit
        self.starts: Ids = np.concatenate(([0], np.cumsum(sizes)))

    @property
    def num_shards(self) -> int:
        """How many shards there are."""
        return self.starts.size - 1

    def of(self, shard: int) -> tuple[int, int]:
        """Return first and end of the rows of a shard."""
        return int(self.starts[shard]), int(self.starts[shard + 1])

    def split(self, ids: RowIds) -> list[tuple[slice, slice]]:
        """Return where the rows of each shard are in `ids`: a slice of the classes, and one of the inputs."""
        places = [np.searchsorted(part, self.starts).tolist() for part in ids]
        return [
            (slice(places[0][k], places[0][k + 1]), slice(places[1][k], places[1][k + 1]))
            for k in range(self.num_shards)
        ]

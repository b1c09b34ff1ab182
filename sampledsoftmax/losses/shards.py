"""A table as one array or as shards, partitioned as TensorFlow partitions an embedding."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.types import IndexedSlices


class Shards(NamedTuple):
    """The shards of a table, and how ids are distributed over them.

    "div": shard i holds consecutive ids, and the first num_rows % num_shards shards hold one more. "mod": id k
    is row k // num_shards of shard k % num_shards. Both give the same sizes of shards.
    tensorflow/python/ops/embedding_ops.py.

    Attributes
    ----------
    arrays : tuple of arrays [rows of the shard, ...]
        A single one for a whole table.
    strategy : str
        "div" or "mod".
    in_one_piece : bool
        Whether the caller gave an array and not a list.
    """

    arrays: tuple[NDArray[Any], ...]
    strategy: str = "div"
    in_one_piece: bool = True

    @property
    def num_rows(self) -> int:
        """Rows of all shards together."""
        return self.arrays[0].shape[0] if len(self.arrays) == 1 else sum(shard.shape[0] for shard in self.arrays)

    def locate(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (shard, row in the shard) of each id."""
        num_shards = len(self.arrays)
        if self.strategy == "mod":
            return ids % num_shards, ids // num_shards
        size, extra = divmod(self.num_rows, num_shards)
        in_longer = ids < extra * (size + 1)
        shifted = np.where(in_longer, ids, ids - extra)
        length = np.where(in_longer, size + 1, max(size, 1))
        return shifted // length, shifted % length

    def gradient(self, slices: IndexedSlices) -> Any:
        """Return the gradient of the whole table split by shard: a list if a list was given."""
        if self.in_one_piece:
            return slices
        shard_of, row_of = self.locate(slices.indices)
        return [
            IndexedSlices(slices.values[shard_of == i], row_of[shard_of == i], shard.shape)
            for i, shard in enumerate(self.arrays)
        ]

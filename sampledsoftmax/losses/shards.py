"""A table in one piece or in shards, as TensorFlow partitions an embedding."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.types import IndexedSlices


class Shards(NamedTuple):
    """Parts of a table and how ids are spread over them.

    "div": part i holds consecutive ids, and the first num_rows % num_parts parts hold one more. "mod": id k
    is in part k % num_parts at row k // num_parts. Either way the parts have the same sizes.
    tensorflow/python/ops/embedding_ops.py.

    Attributes
    ----------
    parts : tuple of arrays [rows of the part, ...]
        One array for a table in one piece.
    strategy : str
        "div" or "mod".
    in_one_piece : bool
        Whether the caller gave an array and not a list.
    """

    parts: tuple[NDArray[Any], ...]
    strategy: str = "div"
    in_one_piece: bool = True

    @property
    def num_rows(self) -> int:
        """Rows of all parts together."""
        return sum(part.shape[0] for part in self.parts)

    def locate(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (part, row in the part) of each id."""
        num_parts = len(self.parts)
        if self.strategy == "mod":
            return ids % num_parts, ids // num_parts
        size, extra = divmod(self.num_rows, num_parts)
        in_longer = ids < extra * (size + 1)
        shifted = np.where(in_longer, ids, ids - extra)
        length = np.where(in_longer, size + 1, max(size, 1))
        return shifted // length, shifted % length

    def gradient(self, slices: IndexedSlices) -> Any:
        """Return a gradient of the whole table as one of each part: a list where a list was given."""
        if self.in_one_piece:
            return slices
        part_of, row_of = self.locate(slices.indices)
        return [
            IndexedSlices(slices.values[part_of == i], row_of[part_of == i], part.shape)
            for i, part in enumerate(self.parts)
        ]

"""Rows of the tables for the ids of a batch, in the precision of the arithmetic."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.update.coalesce import gather_rows
from sampledsoftmax.losses.shards import Shards


def gather(table: Shards, ids: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return rows [num_ids, dim] of a table [num_classes, dim]: a copy, half precision widened to `dtype`."""
    rows = np.empty((ids.size, table.arrays[0].shape[1]), dtype)
    if len(table.arrays) == 1 and table.arrays[0].dtype == dtype:
        gather_rows(table.arrays[0], ids, rows)
        return rows
    shard_of, row_of = table.locate(ids)
    for i, shard in enumerate(table.arrays):
        rows[shard_of == i] = shard[row_of[shard_of == i]]
    return rows


def gather_biases(biases: Shards | None, ids: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the biases [num_ids] of ids, zeros if there are none."""
    if biases is None:
        return np.zeros(ids.size, dtype)
    columns = Shards(tuple(shard[:, np.newaxis] for shard in biases.arrays), biases.strategy)
    return gather(columns, ids, dtype)[:, 0]

"""Rows of the tables for the ids of a batch, in the precision of the arithmetic."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.update.coalesce import gather_rows
from sampledsoftmax.losses.shards import Shards


def gather(table: Shards, ids: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return rows [num_ids, dim] of a table [num_classes, dim]: a copy, half precision widened to `dtype`."""
    rows = np.empty((ids.size, table.parts[0].shape[1]), dtype)
    if len(table.parts) == 1 and table.parts[0].dtype == dtype:
        gather_rows(table.parts[0], ids, rows)
        return rows
    part_of, row_of = table.locate(ids)
    for i, part in enumerate(table.parts):
        rows[part_of == i] = part[row_of[part_of == i]]
    return rows


def gather_biases(biases: Shards | None, ids: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the biases [num_ids] of ids, zeros where there are none."""
    if biases is None:
        return np.zeros(ids.size, dtype)
    columns = Shards(tuple(part[:, np.newaxis] for part in biases.parts), biases.strategy)
    return gather(columns, ids, dtype)[:, 0]

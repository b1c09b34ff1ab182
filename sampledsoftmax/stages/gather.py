"""Rows of the tables for the ids of a batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.rows import gather_rows


def gather(table: NDArray[Any], ids: NDArray[np.int64]) -> NDArray[Any]:
    """Return rows [num_ids, dim] of `table` [num_classes, dim], a copy."""
    rows = np.empty((ids.size, table.shape[1]), table.dtype)
    gather_rows(table, ids, rows)
    return rows

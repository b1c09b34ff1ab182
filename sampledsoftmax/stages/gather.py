"""Rows of the tables for the ids of a batch, in the precision of the arithmetic."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.batch import Batch
from sampledsoftmax.kernels.rows import gather_rows
from sampledsoftmax.shards import Shards


class Rows(NamedTuple):
    """What a batch reads of weights and biases: all that later stages know of the tables.

    Attributes
    ----------
    true : float [batch_size * num_true, dim]
        Rows of the labels, example by example.
    true_biases : float [batch_size, num_true]
        Their biases.
    sampled : float [num_sampled, dim]
        Rows of the candidates.
    sampled_biases : float [num_sampled]
        Their biases.
    """

    true: NDArray[Any]
    true_biases: NDArray[Any]
    sampled: NDArray[Any]
    sampled_biases: NDArray[Any]


def gather_batch(batch: Batch, candidates: NDArray[np.int64]) -> Rows:
    """Return the rows of the labels and of the candidates."""
    dtype = batch.inputs.dtype
    labels = batch.labels.ravel()
    return Rows(
        gather(batch.weights, labels, dtype),
        gather_biases(batch.biases, labels, dtype).reshape(batch.labels.shape),
        gather(batch.weights, candidates, dtype),
        gather_biases(batch.biases, candidates, dtype),
    )


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

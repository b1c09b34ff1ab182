"""The parts of a trace."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.types import IndexedSlices

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]


class Settings(NamedTuple):
    """What a trace was asked for.

    Attributes
    ----------
    num_sampled, num_classes, num_true : int
        As for `sampled_softmax_loss`.
    subtract_log_q, remove_accidental_hits : bool
        As for `sampled_softmax_loss`.
    hit_copies : str
        As for `sampled_softmax_loss`.
    seed : int, (int, int) or None
        What to pass as `seed` to get the same candidates; None where they were given.
    path : str
        "compiled" or "reference": whose numbers these are.
    """

    num_sampled: int
    num_classes: int
    num_true: int
    subtract_log_q: bool
    remove_accidental_hits: bool
    hit_copies: str
    seed: Any
    path: str


class TableRows(NamedTuple):
    """Copies of rows of the output tables.

    Attributes
    ----------
    ids : int64 [num_rows]
        Which rows.
    weights : float [num_rows, dim]
        Rows of the weights, in the precision of the arithmetic.
    biases : float [num_rows]
        Entries of the biases; zeros where there are none.
    """

    ids: Ids
    weights: Floats
    biases: Floats


class Summed(NamedTuple):
    """Gradients with sorted, different ids: those of equal ids are summed.

    Attributes
    ----------
    weights : IndexedSlices
        Rows of the weights.
    biases : IndexedSlices or None
        Entries of the biases; None where there are none.
    embeddings : IndexedSlices or None
        Rows of the table that the inputs were looked up from; None without `input_ids`.
    """

    weights: IndexedSlices
    biases: IndexedSlices | None
    embeddings: IndexedSlices | None


class TableCost(NamedTuple):
    """How much of one table a batch touches, counted from the arrays.

    Attributes
    ----------
    name : str
        Of the table.
    num_rows, row_bytes : int
        All of its rows, and the bytes of one.
    gathered : int
        Rows looked up, a row that is named twice counted twice.
    read : int
        Different rows looked up.
    given_gradient : int
        Different rows that get a gradient.
    """

    name: str
    num_rows: int
    row_bytes: int
    gathered: int
    read: int
    given_gradient: int

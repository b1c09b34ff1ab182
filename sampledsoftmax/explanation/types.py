"""The trace of one batch: plain arrays in the order in which they are computed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.types import Correction, Gradients, IndexedSlices, SampledValues

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]


@not_a_number()
class Settings(NamedTuple):
    """The arguments of a traced call.

    Attributes
    ----------
    num_sampled, num_classes, num_true : int
        As for `sampled_softmax_loss`.
    correction : Correction
        The flags `subtract_log_q`, `remove_accidental_hits` and `hit_copies`, which are attributes here too.
    seed : int, (int, int) or None
        The seed that draws the same candidates; None if the candidates were given.
    path : str
        Which implementation computed the numbers: "compiled" or "reference".
    """

    num_sampled: int
    num_classes: int
    num_true: int
    correction: Correction
    seed: Any
    path: str

    @property
    def subtract_log_q(self) -> bool:
        """Whether log(expected count) is subtracted from the logits."""
        return self.correction.subtract_log_q

    @property
    def remove_accidental_hits(self) -> bool:
        """Whether candidates that are labels of an example are excluded from its softmax."""
        return self.correction.remove_accidental_hits

    @property
    def hit_copies(self) -> str:
        """Which copies of a hit are removed, "all" or "last"."""
        return self.correction.hit_copies


@not_a_number(has_arrays=True)
class TableRows(NamedTuple):
    """Copies of rows of the output tables.

    Attributes
    ----------
    ids : int64 [num_rows]
        Row numbers.
    weights : float [num_rows, dim]
        Rows of the weights, in the dtype of the computation.
    biases : float [num_rows]
        Entries of the biases; zeros if there are none.
    """

    ids: Ids
    weights: Floats
    biases: Floats


@not_a_number(has_arrays=True)
class SummedGradients(NamedTuple):
    """Gradients with sorted unique ids: rows of equal ids are summed.

    Attributes
    ----------
    weights : IndexedSlices
        Rows of the weights.
    biases : IndexedSlices or None
        Entries of the biases; None if there are none.
    embeddings : IndexedSlices or None
        Rows of the embedding table that holds the inputs; None without `input_ids`.
    """

    weights: IndexedSlices
    biases: IndexedSlices | None
    embeddings: IndexedSlices | None


@not_a_number()
class TableCost(NamedTuple):
    """How much of one table a batch touches, counted from the arrays.

    Attributes
    ----------
    name : str
        Name of the table.
    num_rows, row_bytes : int
        Size of the table: rows, and bytes per row.
    gathered : int
        Row lookups, including repeated ones.
    read : int
        Distinct rows read.
    given_gradient : int
        Distinct rows that get a gradient.
    """

    name: str
    num_rows: int
    row_bytes: int
    gathered: int
    read: int
    given_gradient: int


@not_a_number(has_arrays=True)
class Trace(NamedTuple):
    """The arrays of an `Explanation`, which the views read."""

    settings: Settings
    labels: Ids
    inputs: Floats
    input_ids: Ids | None
    values: SampledValues
    label_rows: TableRows
    candidate_rows: TableRows
    unread_rows: TableRows
    hits: Ids
    raw_logits: Floats
    logits: Floats
    probabilities: Floats
    logit_gradients: Floats
    loss: Floats
    gradients: Gradients
    summed: SummedGradients
    changed_rows: Ids | None
    cost: tuple[TableCost, ...]
    class_names: Sequence[str] | None
    alternatives: "tuple[Trace, ...]" = ()

    def name(self, class_id: int) -> str:
        """Return the id of a class, followed by its name if it has one: "3 cat".

        Parameters
        ----------
        class_id : int
            In [0, num_classes).

        Returns
        -------
        str
            Only the id if no names were given.
        """
        return str(class_id) if self.class_names is None else f"{class_id} {self.class_names[class_id]}"

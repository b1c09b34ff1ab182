"""Which examples and labels of a batch count, and how much: example weights, and labels that are padding."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]
_ANY_CLASS = 0  # takes the place of padding, which is not read


class Selection(NamedTuple):
    """What the caller says about the examples of a batch: the arguments `sample_weight` and `ignore_index`."""

    sample_weight: Any = None
    ignore_index: Any = None


class Counted(NamedTuple):
    """The examples and labels that count. An example counts if its weight is above 0 and a label is no padding.

    Attributes
    ----------
    weights : float64 [batch_size]
        0 where an example does not count.
    labels : bool [batch_size, num_true]
        Whether a label counts: neither padding, nor of an example that does not count.
    """

    weights: NDArray[np.float64]
    labels: NDArray[np.bool_]

    @property
    def rows(self) -> Ids:
        """The examples that count, in order."""
        return np.flatnonzero(self.weights)

    @property
    def num_labels(self) -> int | None:
        """How many labels count in each example that counts; None where it is not the same number in all."""
        if self.is_whole and self.labels.size > 0:
            return int(self.labels.shape[1])
        numbers = np.unique(self.labels.sum(axis=1)[self.rows])
        return int(numbers[0]) if numbers.size == 1 else None

    @property
    def is_whole(self) -> bool:
        """Whether every label of every example counts."""
        return bool(self.labels.all())

    def by_number_of_labels(self) -> Iterator[Ids]:
        """Yield the examples that count, those with the same number of labels together."""
        numbers = self.labels.sum(axis=1)
        for number in np.unique(numbers[self.rows]):
            yield np.flatnonzero(numbers == number)

    def between(self, first: int, end: int) -> "Counted":
        """Return what counts of the examples first .. end."""
        return Counted(self.weights[first:end], self.labels[first:end])

    def of(self, per_label: NDArray[Any], rows: Ids) -> NDArray[Any]:
        """Return what counts of an array [batch_size, num_true], for examples with the same number of labels."""
        return per_label[rows][self.labels[rows]].reshape(rows.size, -1)

    def shares(self) -> NDArray[np.float64]:
        """Return weights of the same ratios whose largest is 1 to 2: their sum neither overflows nor vanishes."""
        largest = self.weights.max(initial=0.0)
        return np.ldexp(self.weights, 1 - int(np.frexp(largest)[1])) if largest > 0 else self.weights


def without_padding(
    labels: Any, num_true: int, num_classes: int, selection: Selection, dtype: np.dtype[Any]
) -> tuple[Ids, Counted | None]:
    """Return checked labels, in which padding is replaced by some class, and what counts; None where all counts alike.

    Weights must be finite in `dtype`, the precision of the losses.
    """
    array = validation.as_ids("labels", labels)
    if array.shape == (0,):
        array = array.reshape(0, num_true)
    padding = _padding(array, selection.ignore_index)
    if padding is not None:
        array = np.where(padding, array.dtype.type(_ANY_CLASS), array)
    ids = _checked_ids(array, num_true, num_classes, selection)
    if padding is None and selection.sample_weight is None:
        return ids, None
    real = np.ones(ids.shape, np.bool_) if padding is None else ~padding.reshape(ids.shape)
    weights = _checked_weights(selection.sample_weight, ids.shape[0], dtype) * real.any(axis=1)
    return ids, Counted(weights, real & (weights > 0)[:, np.newaxis])


def _checked_ids(array: NDArray[Any], num_true: int, num_classes: int, selection: Selection) -> Ids:
    """Return labels in [0, num_classes); an error says what to write where -1 seems to be padding."""
    try:
        return validation.labels("labels", array, num_true, num_classes)
    except ValueError as error:
        if selection.ignore_index is None and (array == -1).any():
            raise ValueError(f"{error}; if -1 is padding, write ignore_index=-1") from None
        raise


def number_of_labels(labels: NDArray[Any]) -> int:
    """Return num_true of labels [batch_size, num_true], and 1 for others."""
    if labels.ndim == 2 and labels.shape[1] == 0 < labels.shape[0]:
        raise ValueError(
            f"labels must hold at least one label for each example, got {list(labels.shape)}: padding of ignore_index="
            " stands for none"
        )
    return labels.shape[1] if labels.ndim == 2 else 1


def _padding(labels: NDArray[Any], ignore_index: Any) -> NDArray[np.bool_] | None:
    """Return which labels are padding, None if there is none."""
    if ignore_index is None:
        return None
    index = validation.whole_number("ignore_index", ignore_index, -(2**63), 2**63 - 1)
    if labels.dtype.kind not in "iu" or not np.iinfo(labels.dtype).min <= index <= np.iinfo(labels.dtype).max:
        return None
    found = labels == labels.dtype.type(index)
    return found if found.any() else None


def _checked_weights(sample_weight: Any, batch_size: int, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Return float64 weights; ones for None."""
    if sample_weight is None:
        return np.ones(batch_size)
    array = validation.as_array("sample_weight", sample_weight)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"sample_weight must be numbers or a mask of bools, got {validation.shown(array.dtype)}")
    if array.shape != (batch_size,):
        raise ValueError(
            f"sample_weight must have shape [{batch_size}], one weight an example, got {list(array.shape)}"
        )
    weights = array.astype(np.float64)
    good = (weights >= 0) & (weights <= float(np.finfo(dtype).max))
    if not good.all():
        first = int(good.argmin())
        raise ValueError(f"sample_weight[{first}] = {array[first]} must be at least 0 and finite in {dtype}")
    return weights

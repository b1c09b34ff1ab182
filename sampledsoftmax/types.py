"""Named tuples of arrays that the stages of a step exchange."""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update.coalesce import sum_duplicate_rows
from sampledsoftmax.not_a_number import not_a_number


@not_a_number("take its fields, as in values.sampled_expected_count * 2", has_arrays=True)
class SampledValues(NamedTuple):
    """Candidates of one batch and how often each class is expected among them.

    The same triple as TensorFlow's candidate samplers return, and what `sampled_values=` accepts here and in
    TensorFlow.

    Attributes
    ----------
    sampled_candidates : int64 [num_sampled]
        Class ids drawn for the batch.
    true_expected_count : float32 [batch_size, num_true]
        Expected number of times that each true class is in a sample of this size.
    sampled_expected_count : float32 [num_sampled]
        The same for each candidate.

    Examples
    --------
    >>> import numpy as np
    >>> values = SampledValues(np.array([4, 0]), np.array([[0.5]]), np.array([0.25, 0.5]))
    >>> candidates, true_expected_count, sampled_expected_count = values
    >>> candidates
    array([4, 0])
    """

    sampled_candidates: NDArray[np.int64]
    true_expected_count: NDArray[np.floating[Any]]
    sampled_expected_count: NDArray[np.floating[Any]]


@not_a_number("take gradient.to_dense() for an array, or gradient._replace(values=...) for other rows", has_arrays=True)
class IndexedSlices(NamedTuple):
    """A gradient of a table, nonzero in some rows only: `values[i]` belongs to row `indices[i]`.

    An index may occur more than once; its rows are then summed. The same three fields as TensorFlow's
    `tf.IndexedSlices`.

    A gradient can be scaled and divided by a number, negated, and added to or subtracted from a gradient of the same
    table and dtype, which takes the rows of both. It keeps its dtype; what is too large for it becomes infinite. `==`
    compares the fields. Other arithmetic is refused, since that of a tuple would repeat or join its fields.

    Attributes
    ----------
    values : float [num_rows, dim] or [num_rows]
        Rows of a matrix, or entries of a vector.
    indices : int64 [num_rows]
        The row of the table for each of them.
    dense_shape : tuple of int
        Shape of the table.

    Examples
    --------
    >>> import numpy as np
    >>> slices = IndexedSlices(np.array([1.0, 2.0, 4.0]), np.array([3, 0, 3]), (5,))
    >>> slices.coalesce().indices, slices.coalesce().values
    (array([0, 3]), array([2., 5.]))
    >>> slices.to_dense()
    array([2., 0., 0., 5., 0.])
    >>> (0.5 * slices - slices).to_dense()
    array([-1. ,  0. ,  0. , -2.5,  0. ])
    """

    values: NDArray[np.floating[Any]]
    indices: NDArray[np.int64]
    dense_shape: tuple[int, ...]

    def coalesce(self) -> "IndexedSlices":
        """Return the same gradient with sorted unique indices, duplicates summed in the order in which they occur.

        Returns
        -------
        IndexedSlices
            At most the same number of rows, in the same dtype.

        Raises
        ------
        TypeError, ValueError
            If the fields do not fit each other.
        """
        return coalesced(self._checked())

    def to_dense(self) -> NDArray[np.floating[Any]]:
        """Return the gradient as an array of the table's shape: memory for the whole table.

        Returns
        -------
        float [dense_shape]
            Zero except in the rows `indices`; duplicates are summed.

        Raises
        ------
        TypeError, ValueError
            If the fields do not fit each other.
        """
        values, indices, shape = self._checked()
        dense = np.zeros(shape, values.dtype)
        np.add.at(dense, indices, values)
        return dense

    def _checked(self) -> "IndexedSlices":
        """Return the same gradient of arrays that fit each other: a tuple can hold anything."""
        shape = checked_shape("dense_shape", self.dense_shape)
        if not shape:
            raise ValueError("dense_shape must be that of a table, got a number's, ()")
        indices = validation.ids("indices", self.indices, ("num_rows",), shape[0])
        return IndexedSlices(validation.tables("values", self.values, (indices.size, *shape[1:])), indices, shape)

    def __mul__(self, factor: Any) -> "IndexedSlices":
        return self._scaled(operator.mul, factor)

    def __rmul__(self, factor: Any) -> "IndexedSlices":
        return self.__mul__(factor)

    def __truediv__(self, divisor: Any) -> "IndexedSlices":
        return self._scaled(operator.truediv, divisor)

    def __neg__(self) -> "IndexedSlices":
        return self._replace(values=-validation.as_array("values", self.values))

    def __pos__(self) -> "IndexedSlices":
        return self

    def __add__(self, other: Any) -> "IndexedSlices":
        if _is_zero(other):  # the start of `sum`
            return self
        _check_same_table(self, other)
        one, two = self._checked(), other._checked()
        values, indices = (np.concatenate(pair) for pair in zip(one[:2], two[:2], strict=True))
        return IndexedSlices(values, indices, self.dense_shape)

    def __radd__(self, other: Any) -> "IndexedSlices":
        return self.__add__(other)

    def __sub__(self, other: Any) -> "IndexedSlices":
        if _is_zero(other):
            return self
        _check_same_table(self, other)
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> "IndexedSlices":
        return (-self).__add__(other)

    def _scaled(self, operation: Callable[[Any, Any], Any], number: Any) -> "IndexedSlices":
        """Return the gradient with the operation applied to its values and a number, in the dtype of the values."""
        values = self._checked().values
        if isinstance(number, (list, tuple)) or getattr(number, "ndim", 0) != 0:
            shape = list(validation.as_array("the factor of a gradient", number).shape)
            raise TypeError(
                f"a gradient can be multiplied and divided by one number, got an array of shape {shape}:"
                " write gradient._replace(values=gradient.values * array)"
            )
        factor = validation.number_of("the factor of a gradient", number, values.dtype)
        if operation is operator.truediv and factor == 0:
            raise ZeroDivisionError("a gradient cannot be divided by 0")
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return IndexedSlices(operation(values, factor), self.indices, self.dense_shape)


def coalesced(gradient: IndexedSlices) -> IndexedSlices:
    """Return a gradient of arrays that fit each other with sorted unique indices."""
    values, indices, shape = gradient
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))[: ordered.size]
    width = values[0].size if indices.size else 1
    sums = np.zeros((starts.size, width), validation.arithmetic(values.dtype))
    sum_duplicate_rows(values.reshape(-1, width).astype(sums.dtype, copy=False), order, starts, sums)
    rows = sums.astype(values.dtype, copy=False).reshape(starts.size, *shape[1:])
    return IndexedSlices(rows, ordered[starts], shape)


def checked_shape(name: str, value: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of ints."""
    try:
        return tuple(validation.whole_number(name, size, 0) for size in value)
    except TypeError:
        raise TypeError(f"{name} must be a shape, got {validation.described(value)}") from None


def _is_zero(value: Any) -> bool:
    return type(value) is int and value == 0


def _check_same_table(one: IndexedSlices, other: Any) -> None:
    """Refuse a sum of a gradient and anything but a gradient of the same table and dtype."""
    if not isinstance(other, IndexedSlices):
        raise TypeError(
            f"a gradient can be added to IndexedSlices of the same table, got {validation.described(other)}:"
            " take gradient.to_dense() to add an array, or an optimizer's update to change a table"
        )
    if tuple(one.dense_shape) != tuple(other.dense_shape):
        raise ValueError(
            f"gradients of different tables cannot be added: their shapes are {validation.shown(list(one.dense_shape))}"
            f" and {validation.shown(list(other.dense_shape))}"
        )
    dtypes = [np.asarray(gradient.values).dtype for gradient in (one, other)]
    if dtypes[0] != dtypes[1]:
        raise TypeError(f"gradients of different dtypes cannot be added: {dtypes[0].name} and {dtypes[1].name}")


@not_a_number("take its fields, as in 2 * gradients.weights and 2 * gradients.inputs", has_arrays=True)
class Gradients(NamedTuple):
    """Gradients of a loss.

    Attributes
    ----------
    weights : IndexedSlices
        Rows of the output weights [num_classes, dim]; a list if `weights` is a list of shards.
    biases : IndexedSlices or None
        Entries of the output biases [num_classes]; None without biases, a list for shards.
    inputs : float [batch_size, dim]
        The gradient with respect to the encoder's output.

    Examples
    --------
    >>> import numpy as np
    >>> rows = IndexedSlices(np.array([[1.0, 2.0]]), np.array([3]), (5, 2))
    >>> grad = Gradients(weights=rows, biases=None, inputs=np.zeros((1, 2)))
    >>> grad.weights.indices, grad.inputs.shape
    (array([3]), (1, 2))
    """

    weights: Any
    biases: Any
    inputs: NDArray[np.floating[Any]]


@not_a_number("take its fields, as in labels.values + 1", has_arrays=True)
class RaggedLabels(NamedTuple):
    """Labels of examples that have different numbers of them, as in TensorFlow's `RaggedTensor`.

    Example b has the labels values[row_splits[b]:row_splits[b + 1]]. Each pair of an example and one of its labels has
    a loss of its own; a label that an example has twice counts twice. An example without labels contributes nothing.

    Attributes
    ----------
    values : int64 [num_labels]
        Ids of classes, example by example.
    row_splits : int64 [batch_size + 1]
        Where the labels of each example start; the first entry is 0, the last one num_labels.

    Examples
    --------
    Three examples: one with two labels, one without, one with a single label.

    >>> import numpy as np
    >>> labels = RaggedLabels(values=np.array([4, 0, 7]), row_splits=np.array([0, 2, 2, 3]))
    >>> np.diff(labels.row_splits)
    array([2, 0, 1])
    """

    values: NDArray[np.int64]
    row_splits: NDArray[np.int64]


def checked_ragged(name: str, labels: Any, batch_size: int, num_classes: int) -> RaggedLabels:
    """Return ragged labels of `batch_size` examples as int64 arrays that fit each other, ids in [0, num_classes)."""
    if not isinstance(labels, RaggedLabels):
        raise TypeError(f"{name} must be ss.RaggedLabels(values, row_splits), got {validation.described(labels)}")
    values = validation.ids(f"{name}.values", labels.values, ("num_labels",), num_classes)
    splits = validation.as_ids(f"{name}.row_splits", labels.row_splits)
    if splits.shape != (batch_size + 1,):
        raise ValueError(
            f"{name}.row_splits must have shape [{batch_size + 1}], one more than the examples, got"
            f" {list(splits.shape)}"
        )
    splits = checked_splits(f"{name}.row_splits", splits, values.size, "labels")
    return RaggedLabels(values, splits)


def checked_splits(name: str, splits: NDArray[Any], total: int, of_what: str) -> NDArray[np.int64]:
    """Return the starts of consecutive parts of `total` things as int64: from 0 to `total`, never falling."""
    if splits[0] != 0 or splits[-1] != total:
        raise ValueError(
            f"{name} must begin with 0 and end with {total}, the number of {of_what}, got {splits[0]} and {splits[-1]}"
        )
    falls = splits[1:] < splits[:-1]
    if falls.any():
        i = int(falls.argmax()) + 1
        raise ValueError(f"{name}[{i}] = {splits[i]} must be at least {name}[{i - 1}] = {splits[i - 1]}")
    return np.ascontiguousarray(splits, np.int64)


@not_a_number()
class Correction(NamedTuple):
    """What is done to the logits of a batch before the loss.

    Attributes
    ----------
    subtract_log_q : bool
        Subtract log(expected count) from true and sampled logits.
    remove_accidental_hits : bool
        Leave a candidate out of the sums of the examples that have it as a label.
    hit_copies : str
        "all" leaves out every copy of such a candidate; "last" leaves out only the last one, as TensorFlow does.
        They differ only for samples drawn with replacement.
    """

    subtract_log_q: bool
    remove_accidental_hits: bool
    hit_copies: str = "all"

"""Sparse optimizers: one step on the rows that a gradient names; other rows keep their bits."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import check
from sampledsoftmax.kernels.updates import adagrad_rows, sgd_rows
from sampledsoftmax.types import IndexedSlices

Slots = dict[str, NDArray[Any]]


class Optimizer(Protocol):
    """What a layer needs of an optimizer."""

    learning_rate: float

    def init(self, table: NDArray[Any]) -> Slots:
        """Return the optimizer's arrays for a table."""

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply a gradient to a table, in place."""


@dataclass
class SGD:
    """Gradient descent: row -= learning_rate * gradient.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> table = np.zeros((3, 1))
    >>> SGD(0.5).update(table, {}, IndexedSlices(np.array([[1.0], [2.0]]), np.array([2, 2]), (3, 1)))
    >>> table.ravel()
    array([ 0. ,  0. , -1.5])
    """

    learning_rate: float

    def __post_init__(self) -> None:
        self.learning_rate = check.number("learning_rate", self.learning_rate, at_least=0.0)

    def init(self, table: NDArray[Any]) -> Slots:
        """Return no slots: SGD remembers nothing."""
        del table
        return {}

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply `gradient` to `table` in place, rows named more than once summed first.

        Raises
        ------
        TypeError, ValueError
            If the gradient's dtype, shape or indices do not fit the table.
        """
        del slots
        unique = _checked(table, gradient)
        sgd_rows(_rows(table), unique.indices, _rows(unique.values), table.dtype.type(self.learning_rate))


@dataclass
class Adagrad:
    """Adagrad: accumulator += gradient**2; row -= learning_rate * gradient / sqrt(accumulator).

    Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011; equal to TensorFlow's
    ResourceSparseApplyAdagrad, without an epsilon: the initial accumulator keeps the root above 0.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.
    initial_accumulator_value : float
        Start of every accumulator, above 0. It is compared with squared gradients: for the gradient of
        a mean over a batch, divide by batch_size**2 what suits the gradient of a sum.

    Examples
    --------
    >>> import numpy as np
    >>> table, optimizer = np.zeros((3, 1)), Adagrad(1.0, initial_accumulator_value=7.0)
    >>> slots = optimizer.init(table)
    >>> optimizer.update(table, slots, IndexedSlices(np.array([[1.0], [2.0]]), np.array([2, 2]), (3, 1)))
    >>> table.ravel(), slots["accumulator"].ravel()
    (array([ 0.  ,  0.  , -0.75]), array([ 7.,  7., 16.]))
    """

    learning_rate: float
    initial_accumulator_value: float = 0.1

    def __post_init__(self) -> None:
        self.learning_rate = check.number("learning_rate", self.learning_rate, at_least=0.0)
        self.initial_accumulator_value = check.number(
            "initial_accumulator_value", self.initial_accumulator_value, above=0.0
        )

    def init(self, table: NDArray[Any]) -> Slots:
        """Return {"accumulator": array like `table`}."""
        return {"accumulator": np.full_like(table, self.initial_accumulator_value)}

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply `gradient` to `table` and its accumulator in place, duplicates summed first.

        Raises
        ------
        TypeError, ValueError
            If the gradient's dtype, shape or indices, or the slots, do not fit the table.
        """
        unique = _checked(table, gradient)
        accumulator = check.floats("slots['accumulator']", slots["accumulator"], table.shape, table.dtype)
        adagrad_rows(
            _rows(table),
            _rows(accumulator),
            unique.indices,
            _rows(unique.values),
            table.dtype.type(self.learning_rate),
        )


def _checked(table: NDArray[Any], gradient: IndexedSlices) -> IndexedSlices:
    """Return the gradient with duplicates summed, after checking that it fits the table."""
    check.floats("table", table, ("num_classes", "dim")[: max(table.ndim, 1)])
    if tuple(gradient.dense_shape) != table.shape:
        raise ValueError(f"gradient is for a table of {gradient.dense_shape}, got a table of {table.shape}")
    indices = check.ids("gradient.indices", gradient.indices, ("num_rows",), table.shape[0])
    shape = (indices.size, *table.shape[1:])
    values = check.floats("gradient.values", gradient.values, shape, table.dtype)
    return IndexedSlices(values, indices, table.shape).coalesce()


def _rows(array: NDArray[Any]) -> NDArray[Any]:
    """Return a vector as a matrix of one column, the same memory."""
    return array if array.ndim == 2 else array[:, np.newaxis]

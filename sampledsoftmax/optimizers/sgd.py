"""Gradient descent."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update import rules
from sampledsoftmax.kernels.update.rules import Rule
from sampledsoftmax.optimizers.base import Slots, apply_rule, as_rows
from sampledsoftmax.types import IndexedSlices


@dataclass
class SGD:
    """Gradient descent: row -= learning_rate * gradient.

    Duplicates are summed first; equal to TensorFlow's ResourceScatterSub of the product, to rounding.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another type or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> table = np.zeros((3, 1))
    >>> optimizer = SGD(0.5)
    >>> slots = optimizer.init(table)
    >>> optimizer.update(table, slots, IndexedSlices(np.array([[1.0], [2.0]]), np.array([2, 2]), (3, 1)))
    >>> table.ravel()
    array([ 0. ,  0. , -1.5])
    """

    learning_rate: float

    def __post_init__(self) -> None:
        self.learning_rate = validation.number("learning_rate", self.learning_rate, at_least=0.0)

    def init(self, table: NDArray[Any]) -> Slots:
        """Return what is remembered of a table: nothing.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table that is to be trained; it is not changed.

        Returns
        -------
        dict
            Empty.
        """
        del table
        return {}

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply `gradient` to `table` in place, rows named more than once summed first.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table; changed in place.
        slots : dict
            Its slots, from `init`: none.
        gradient : IndexedSlices
            Of the shape and dtype of the table.

        Raises
        ------
        TypeError, ValueError
            If the gradient's dtype, shape or indices do not fit the table.
        """
        apply_rule(self, table, slots, gradient)

    def rule(self, dtype: np.dtype[Any]) -> Rule:
        """Return the compiled rule for a row, its numbers in the dtype of the table: for the layers."""
        return rules.SGD(dtype.type(self.learning_rate))

    def slot(self, table: NDArray[Any], slots: Slots) -> NDArray[Any]:
        """Return what the rule remembers of a table, as a matrix: for the layers."""
        return as_rows(table)[:0]

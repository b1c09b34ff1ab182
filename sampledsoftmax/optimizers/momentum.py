"""Gradient descent with momentum."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update import rules
from sampledsoftmax.kernels.update.rules import Rule
from sampledsoftmax.optimizers.base import Slots, apply_rule, as_rows, checked_slot
from sampledsoftmax.types import IndexedSlices


@dataclass
class Momentum:
    """Momentum: velocity = momentum * velocity + gradient; row -= learning_rate * velocity.

    With `nesterov`, row -= learning_rate * (gradient + momentum * velocity), the new velocity. Both in
    the named rows only: the velocity of the others neither moves them nor fades.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.
    momentum : float
        Share of the velocity that is kept, 0 to 1.
    nesterov : bool
        Whether the step looks ahead by one velocity.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another type or out of its range.

    Notes
    -----
    Equal to TensorFlow's ResourceSparseApplyMomentum. Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013.

    Examples
    --------
    >>> import numpy as np
    >>> table, optimizer = np.zeros((3, 1)), Momentum(0.5, momentum=0.5)
    >>> slots, gradient = optimizer.init(table), IndexedSlices(np.array([[1.0]]), np.array([2]), (3, 1))
    >>> for _ in range(2):
    ...     optimizer.update(table, slots, gradient)
    >>> table.ravel(), slots["velocity"].ravel()
    (array([ 0.  ,  0.  , -1.25]), array([0. , 0. , 1.5]))
    """

    learning_rate: float
    momentum: float
    nesterov: bool = False

    def __post_init__(self) -> None:
        self.learning_rate = validation.number("learning_rate", self.learning_rate, at_least=0.0)
        self.momentum = validation.number("momentum", self.momentum, at_least=0.0)
        if self.momentum > 1:
            raise ValueError(f"momentum must be at most 1, got {self.momentum:g}")
        self.nesterov = validation.flag("nesterov", self.nesterov)

    def init(self, table: NDArray[Any]) -> Slots:
        """Return what is remembered of a table.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table that is to be trained; it is not changed.

        Returns
        -------
        dict
            "velocity": zeros like `table`.
        """
        return {"velocity": np.zeros_like(table)}

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply `gradient` to `table` and its velocity in place, duplicates summed first.

        Parameters
        ----------
        table : float [num_rows, dim] or [num_rows]
            The table; changed in place.
        slots : dict
            Its slots, from `init`; changed in place.
        gradient : IndexedSlices
            Of the shape and dtype of the table.

        Raises
        ------
        TypeError, ValueError
            If the gradient's dtype, shape or indices, or the slots, do not fit the table.
        """
        apply_rule(self, table, slots, gradient)

    def rule(self, dtype: np.dtype[Any]) -> Rule:
        """Return the compiled rule for a row, its numbers in the dtype of the table: for the layers."""
        rule = rules.Nesterov if self.nesterov else rules.Momentum
        return rule(dtype.type(self.learning_rate), dtype.type(self.momentum))

    def slot(self, table: NDArray[Any], slots: Slots) -> NDArray[Any]:
        """Return what the rule remembers of a table, as a matrix: for the layers."""
        return as_rows(checked_slot(slots, "velocity", table.shape, table.dtype))

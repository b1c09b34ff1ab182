"""Gradient descent with momentum."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update import rules
from sampledsoftmax.optimizers.base import Optimizer, Slots, as_rows, checked_slot


@dataclass
class Momentum(Optimizer):
    """Momentum: velocity = momentum * velocity + gradient; row -= learning_rate * velocity.

    With `nesterov`, row -= learning_rate * (gradient + momentum * velocity), the new velocity. Both in
    the named rows only: the velocity of the others neither moves them nor fades.

    Slots: "velocity", zeros like the table.

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
    >>> import sampledsoftmax as ss
    >>> table, optimizer = np.zeros((3, 1)), ss.Momentum(0.5, momentum=0.5)
    >>> slots, gradient = optimizer.init(table), ss.IndexedSlices(np.array([[1.0]]), np.array([2]), (3, 1))
    >>> for _ in range(2):
    ...     optimizer.update(table, slots, gradient)
    >>> table.ravel(), slots["velocity"].ravel()
    (array([ 0.  ,  0.  , -1.25]), array([0. , 0. , 1.5]))
    """

    learning_rate: float
    momentum: float
    nesterov: bool = False

    def checked_setting(self, name: str, value: Any) -> Any:
        if name == "learning_rate":
            return validation.number(name, value, at_least=0.0)
        if name == "momentum":
            return validation.number(name, value, at_least=0.0, at_most=1.0)
        if name == "nesterov":
            return validation.flag(name, value)
        return value

    def init(self, table: NDArray[Any]) -> Slots:
        return {"velocity": np.zeros_like(table)}

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        rule = rules.Nesterov if self.nesterov else rules.Momentum
        return rule(dtype.type(self.learning_rate), dtype.type(self.momentum))

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> rules.Velocity:
        return rules.Velocity(as_rows(checked_slot(slots, "velocity", table.shape, table.dtype)))

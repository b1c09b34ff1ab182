"""Gradient descent with momentum."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update import rules
from sampledsoftmax.optimizers.base import Optimizer, Slots, as_rows, check_is_table, checked_slot
from sampledsoftmax.validation import arithmetic


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
        if name == "momentum":
            return validation.number(name, value, at_least=0.0, at_most=1.0)
        if name == "nesterov":
            return validation.flag(name, value)
        return super().checked_setting(name, value)

    def init(self, table: NDArray[Any]) -> Slots:
        check_is_table(table)
        return {"velocity": np.zeros_like(table, arithmetic(table.dtype))}

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        rule = rules.Nesterov if self.nesterov else rules.Momentum
        return rule(self.setting_for("learning_rate", dtype), self.setting_for("momentum", dtype))

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> rules.Velocity:
        return rules.Velocity(as_rows(checked_slot(slots, "velocity", table.shape, arithmetic(table.dtype))))

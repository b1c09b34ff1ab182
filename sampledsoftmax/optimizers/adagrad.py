"""Adagrad, with an accumulator for each entry of a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update import rules
from sampledsoftmax.optimizers.base import Optimizer, Slots, as_rows, check_is_table, checked_slot
from sampledsoftmax.validation import arithmetic


@dataclass
class Adagrad(Optimizer):
    """Adagrad: accumulator += gradient**2; row -= learning_rate * gradient / sqrt(accumulator).

    Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011; equal to TensorFlow's
    ResourceSparseApplyAdagrad, without an epsilon: the initial accumulator keeps the root above 0.

    Slots: "accumulator", like the table, filled with `initial_accumulator_value`.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.
    initial_accumulator_value : float
        Start of every accumulator, above 0. It is compared with squared gradients: for the gradient of
        a mean over a batch, divide by batch_size**2 what suits the gradient of a sum.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another type or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> table, optimizer = np.zeros((3, 1)), ss.Adagrad(1.0, initial_accumulator_value=7.0)
    >>> slots = optimizer.init(table)
    >>> optimizer.update(table, slots, ss.IndexedSlices(np.array([[1.0], [2.0]]), np.array([2, 2]), (3, 1)))
    >>> table.ravel(), slots["accumulator"].ravel()
    (array([ 0.  ,  0.  , -0.75]), array([ 7.,  7., 16.]))
    """

    learning_rate: float
    initial_accumulator_value: float = 0.1

    def checked_setting(self, name: str, value: Any) -> Any:
        if name == "initial_accumulator_value":
            return validation.number(name, value, above=0.0)
        return super().checked_setting(name, value)

    def init(self, table: NDArray[Any]) -> Slots:
        check_is_table(table)
        real = arithmetic(table.dtype)
        return {"accumulator": np.full_like(table, self.setting_for("initial_accumulator_value", real), real)}

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        return rules.Adagrad(self.setting_for("learning_rate", dtype))

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> rules.Accumulator:
        return rules.Accumulator(as_rows(checked_slot(slots, "accumulator", table.shape, arithmetic(table.dtype))))

"""Adagrad, with one accumulator for each row of a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update import rules
from sampledsoftmax.optimizers.base import Optimizer, Slots, as_rows, check_is_table, checked_slot
from sampledsoftmax.validation import arithmetic


@dataclass
class RowwiseAdagrad(Optimizer):
    """Adagrad by rows: accumulator += mean(gradient**2); row -= learning_rate * gradient / sqrt(accumulator).

    It keeps one number per row instead of `dim`. For a vector, each entry is a row, as in `Adagrad`.

    Slots: "accumulator", [num_rows], filled with `initial_accumulator_value`.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.
    initial_accumulator_value : float
        Start of every accumulator, above 0: it keeps the root above 0. See `Adagrad`.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another type or out of its range.

    Notes
    -----
    The row-wise Adagrad of FBGEMM and torchrec (EXACT_ROWWISE_ADAGRAD: the mean of the squares over
    the row, duplicates summed first), which adds an epsilon to the root where this has the initial
    value.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> table, optimizer = np.zeros((3, 2)), ss.RowwiseAdagrad(1.0, initial_accumulator_value=12.5)
    >>> slots = optimizer.init(table)
    >>> optimizer.update(table, slots, ss.IndexedSlices(np.array([[4.0, 3.0]]), np.array([1]), (3, 2)))
    >>> table[1], slots["accumulator"]
    (array([-0.8, -0.6]), array([12.5, 25. , 12.5]))
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
        return {"accumulator": np.full(table.shape[:1], self.setting_for("initial_accumulator_value", real), real)}

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        return rules.RowwiseAdagrad(self.setting_for("learning_rate", dtype))

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> rules.Accumulator:
        return rules.Accumulator(as_rows(checked_slot(slots, "accumulator", table.shape[:1], arithmetic(table.dtype))))

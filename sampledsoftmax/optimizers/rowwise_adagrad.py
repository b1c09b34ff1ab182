"""Adagrad, with one accumulator for each row of a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update import rules
from sampledsoftmax.optimizers.base import Optimizer, Slots, as_rows, checked_slot


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
        if name == "learning_rate":
            return validation.number(name, value, at_least=0.0)
        if name == "initial_accumulator_value":
            return validation.number(name, value, above=0.0)
        return value

    def init(self, table: NDArray[Any]) -> Slots:
        return {"accumulator": np.full(table.shape[:1], self.initial_accumulator_value, table.dtype)}

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        return rules.RowwiseAdagrad(dtype.type(self.learning_rate))

    def compiled_slots(self, table: NDArray[Any], slots: Slots) -> rules.Accumulator:
        return rules.Accumulator(as_rows(checked_slot(slots, "accumulator", table.shape[:1], table.dtype)))

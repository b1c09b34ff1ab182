"""Gradient descent."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.update import rules
from sampledsoftmax.optimizers.base import Optimizer, Slots, check_is_table


@dataclass
class SGD(Optimizer):
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
    >>> import sampledsoftmax as ss
    >>> table = np.zeros((3, 1))
    >>> optimizer = ss.SGD(0.5)
    >>> slots = optimizer.init(table)
    >>> optimizer.update(table, slots, ss.IndexedSlices(np.array([[1.0], [2.0]]), np.array([2, 2]), (3, 1)))
    >>> table.ravel()
    array([ 0. ,  0. , -1.5])
    """

    learning_rate: float

    def init(self, table: NDArray[Any]) -> Slots:
        check_is_table(table)
        return {}

    def compiled_rule(self, dtype: np.dtype[Any]) -> Any:
        return rules.SGD(self.setting_for("learning_rate", dtype))

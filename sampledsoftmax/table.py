"""A trained table: its values, and what the optimizer remembers of them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import check
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.types import IndexedSlices


class Table:
    """Values [num_rows, ...] and slots; `update` trains both in place.

    An optimizer with a `catch_up`, as `Adam(mode="exact")`, leaves rows behind until they are named again:
    `catch_up` must be called for rows before they are read.
    """

    def __init__(self, name: str, values: NDArray[Any], optimizer: Optimizer) -> None:
        self.name = name
        self.values = values
        self.optimizer = optimizer
        self.slots = optimizer.init(values)

    def assign(self, values: ArrayLike) -> None:
        """Take another array of the same shape and dtype for the values; it is trained in place."""
        array = check.floats(self.name, values, self.values.shape, self.values.dtype)
        if not array.flags.writeable:
            raise ValueError(f"{self.name} must be writeable: it is trained in place")
        self.values = array

    def caught_up(self) -> NDArray[Any]:
        """Return the values with no row behind."""
        self.catch_up(None)
        return self.values

    def catch_up(self, ids: NDArray[np.int64] | None) -> None:
        """Let the optimizer take the steps that rows have missed; all rows for None."""
        take_missed_steps = getattr(self.optimizer, "catch_up", None)
        if take_missed_steps is not None:
            take_missed_steps(self.values, self.slots, ids)

    def update(self, gradient: IndexedSlices) -> None:
        """Apply one optimizer step to the rows that the gradient names."""
        self.optimizer.update(self.values, self.slots, gradient)


def initial_rng(seed: Any, table: int) -> np.random.Generator:
    """Return the generator of a table's first values: another one for each table number."""
    pair = check.seeds(seed)
    return np.random.default_rng(None if pair is None else (*pair, table))

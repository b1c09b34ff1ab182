"""A trained table: its values, and what the optimizer remembers of them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.step.train import TrainedTables
from sampledsoftmax.kernels.update.rules import Rule
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.optimizers.base import as_rows
from sampledsoftmax.runtime.workspace import aligned
from sampledsoftmax.types import IndexedSlices

FirstValues = Callable[[tuple[int, ...]], NDArray[Any]]  # the next rows of a new table, for a shape

_ROWS_A_BLOCK = 1 << 16


class Table:
    """Values [num_rows, ...] and slots, in memory or in .npy files of a folder; `update` trains both in place.

    An optimizer with a `catch_up`, as `Adam(mode="exact")`, leaves rows behind until they are named again:
    `catch_up` must be called for rows before they are read.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        first_values: FirstValues,
        optimizer: Optimizer,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self.name = name
        self.optimizer = optimizer
        self._folder = None if folder is None else Path(folder)
        self.values = self._filled(name, shape, first_values)
        self.slots = optimizer.init(self.values) if folder is None else self._slots_in_files()
        self._matrices: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None

    def _filled(self, name: str, shape: tuple[int, ...], first_values: FirstValues) -> NDArray[Any]:
        """Return a new array, filled block by block: no temporary copy of it is made."""
        dtype = first_values((0, *shape[1:])).dtype
        if self._folder is None:
            array = aligned(shape, dtype)  # a row of 512 bytes is 8 lines of a cache then, and not 9
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            array = np.lib.format.open_memmap(self._folder / f"{name}.npy", "w+", dtype, shape)
        for first in range(0, shape[0], _ROWS_A_BLOCK):
            rows = min(_ROWS_A_BLOCK, shape[0] - first)
            array[first : first + rows] = first_values((rows, *shape[1:]))
        return array

    def _slots_in_files(self) -> dict[str, NDArray[Any]]:
        """Return the optimizer's slots as files: an optimizer starts all rows alike, so small tables tell."""
        of_two, of_three = (
            self.optimizer.init(np.zeros((rows, *self.values.shape[1:]), self.values.dtype)) for rows in (2, 3)
        )
        slots = {}
        for slot, array in of_two.items():
            name, shape = f"{self.name}-{slot}", (self.values.shape[0], *array.shape[1:])
            by_row = array.shape != of_three[slot].shape
            slots[slot] = self._filled(name, shape, _copies_of(array[:1])) if by_row else array
        return slots

    @property
    def has_rule(self) -> bool:
        """Whether the optimizer's rule for a row is compiled."""
        return hasattr(self.optimizer, "rule")

    @property
    def rule(self) -> Rule:
        """The compiled rule for a row."""
        return self.optimizer.rule(self.values.dtype)  # type: ignore[attr-defined, no-any-return]

    @property
    def matrices(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The values, and what the compiled rule remembers, as matrices: the same memory."""
        if self._matrices is None or self._matrices[0] is not self.values:
            slot = self.optimizer.slot(self.values, self.slots)  # type: ignore[attr-defined]
            self._matrices = (self.values, as_rows(np.asarray(self.values)), slot)
        return self._matrices[1:]

    def assign(self, values: ArrayLike) -> None:
        """Take another array of the same shape and dtype for the values; it is trained in place."""
        array = validation.floats(self.name, values, self.values.shape, self.values.dtype)
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


def trained_tables(
    inputs: NDArray[Any],
    inputs_slot: NDArray[Any],
    weights: NDArray[Any],
    weights_slot: NDArray[Any],
    biases: NDArray[Any],
    biases_slot: NDArray[Any],
) -> TrainedTables:
    """Return matrices of tables and slots as compiled code takes them."""
    return TrainedTables(inputs, inputs_slot, weights, weights_slot, biases, biases[:, 0], biases_slot)


def _copies_of(row: NDArray[Any]) -> FirstValues:
    return lambda shape: np.broadcast_to(row, shape)


def initial_rng(seed: Any, table: int) -> np.random.Generator:
    """Return the generator of a table's first values: another one for each table number."""
    pair = validation.seeds(seed)
    return np.random.default_rng(None if pair is None else (*pair, table))

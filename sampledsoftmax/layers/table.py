"""A trained table: its values and its optimizer slots."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.kernels.step.train import TrainedTables
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.optimizers.base import as_rows, checked_rule
from sampledsoftmax.runtime.workspace import aligned
from sampledsoftmax.types import IndexedSlices

FirstValues = Callable[[tuple[int, ...]], NDArray[Any]]  # the next rows of a new table, for a shape

_ROWS_PER_BLOCK = 1 << 16


class Table:
    """Values [num_rows, ...] and slots, in memory or in .npy files of a folder; `update` trains both in place.

    A lazy optimizer, such as `Adam(mode="exact")`, leaves rows behind until they get a gradient again: call `catch_up`
    for rows before they are read.
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
        self._folder = None if folder is None else validation.path("folder", folder)
        self.values = self._filled(name, shape, first_values)
        self.has_rule = optimizer.compiled_rule(self.values.dtype) is not None
        self.slots = optimizer.init(self.values) if folder is None else self._slots_in_files()
        self._structs: tuple[NDArray[Any], NDArray[Any], ArrayStruct] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out views of the arrays; a table in files is copied to memory."""
        state = vars(self) | {"_structs": None, "_folder": None, "values": np.array(self.values)}
        return state | {"slots": {name: np.array(slot) for name, slot in self.slots.items()}}

    def _filled(self, name: str, shape: tuple[int, ...], first_values: FirstValues) -> NDArray[Any]:
        """Return a new array, filled block by block, without a temporary copy."""
        dtype = first_values((0, *shape[1:])).dtype
        if self._folder is None:
            array = aligned(shape, dtype)  # a row of 512 bytes is then 8 cache lines, not 9
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            array = np.lib.format.open_memmap(self._folder / f"{name}.npy", "w+", dtype, shape)
        for first in range(0, shape[0], _ROWS_PER_BLOCK):
            rows = min(_ROWS_PER_BLOCK, shape[0] - first)
            array[first : first + rows] = first_values((rows, *shape[1:]))
        return array

    def _slots_in_files(self) -> dict[str, NDArray[Any]]:
        """Return the optimizer's slots as files; small tables show which of them have rows, and how rows start."""
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
    def rule(self) -> Any:
        """The compiled update rule of a row, or None."""
        return checked_rule(self.optimizer, self.values.dtype)

    @property
    def structs(self) -> tuple[NDArray[Any], ArrayStruct]:
        """The values as a matrix and the slots of the compiled rule: the same memory."""
        if self._structs is None or self._structs[0] is not self.values:
            slots = self.optimizer.compiled_slots(self.values, self.slots)
            self._structs = (self.values, as_rows(np.asarray(self.values)), slots)
        return self._structs[1:]

    def assign(self, values: ArrayLike) -> None:
        """Replace the values by another array of the same shape and dtype, which is then trained in place."""
        array = validation.floats(self.name, values, self.values.shape, self.values.dtype)
        if not array.flags.writeable:
            raise ValueError(f"{self.name} must be writeable: it is trained in place")
        self.values = array

    def caught_up(self) -> NDArray[Any]:
        """Return the values with no row behind."""
        self.catch_up(None)
        return self.values

    def catch_up(self, ids: NDArray[np.int64] | None) -> None:
        """Apply the steps that rows have missed; all rows for None."""
        self.optimizer.catch_up(self.values, self.slots, ids)

    def update(self, gradient: IndexedSlices) -> None:
        """Apply one optimizer step to the rows that the gradient names."""
        self.optimizer.update(self.values, self.slots, gradient)


def trained_tables(embeddings: Table, weights: Table, biases: Table) -> TrainedTables:
    """Return tables and slots as compiled code takes them."""
    matrix, slots = biases.structs
    return TrainedTables(*embeddings.structs, *weights.structs, matrix, matrix[:, 0], slots)


def _copies_of(row: NDArray[Any]) -> FirstValues:
    return lambda shape: np.broadcast_to(row, shape)


def initial_rng(seed: Any, table: int) -> np.random.Generator:
    """Return the generator of the first values of a table; each table number has its own."""
    pair = validation.seeds(seed)
    return np.random.default_rng(None if pair is None else (*pair, table))

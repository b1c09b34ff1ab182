"""A trained table: its values and its optimizer slots."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.mapped_rows import read_ahead, set_random
from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.kernels.step.train import TrainedTables
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.optimizers.base import as_rows, checked_rule
from sampledsoftmax.runtime.workspace import aligned
from sampledsoftmax.types import IndexedSlices

FirstValues = Callable[[tuple[int, ...]], NDArray[Any]]  # the next rows of a new table, for a shape
Arrays = Mapping[str, NDArray[Any]]

_ROWS_PER_BLOCK = 1 << 16


class NewTable(NamedTuple):
    """Name, shape, dtype and first values of an array that does not exist yet."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    first_values: FirstValues

    @property
    def nbytes(self) -> int:
        """Size of the array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def fill(self, array: NDArray[Any]) -> NDArray[Any]:
        """Write the first values to an array, block by block, without a temporary copy; return it."""
        if not self.shape:
            array[...] = self.first_values(())
        for first in range(0, self.shape[0] if self.shape else 0, _ROWS_PER_BLOCK):
            rows = min(_ROWS_PER_BLOCK, self.shape[0] - first)
            array[first : first + rows] = self.first_values((rows, *self.shape[1:]))
        return array


class TableSlots(dict[str, NDArray[Any]]):
    """The slots of a table, by name. Compiled code holds their addresses, so that none can be replaced."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle all at once."""
        return type(self), (dict(self),)

    def _refuse(self, *names: Any, **_: Any) -> Any:
        name = names[0] if names and isinstance(names[0], str) else "name"
        raise TypeError(f"slots are trained in place and cannot be replaced: write slots[{name!r}][...] = values")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse


class Table:
    """Values [num_rows, ...] and slots; `update` trains both in place.

    A lazy optimizer, such as `Adam(mode="exact")`, leaves rows behind until they get a gradient again: call `catch_up`
    for rows before they are read.

    Attributes
    ----------
    name : str
    optimizer : Optimizer
    values : float [num_rows, ...]
    slots : dict of str to array
        Of the optimizer, by name. An optimizer in Python may replace them.
    has_rule : bool
        Whether the optimizer has a compiled rule.
    in_files : bool
        Whether the arrays are memory-mapped files, which are written to where others replace an array.
    """

    name: str
    optimizer: Optimizer
    values: NDArray[Any]
    slots: dict[str, NDArray[Any]]
    has_rule: bool
    in_files: bool
    _structs: tuple[NDArray[Any], NDArray[Any], ArrayStruct] | None
    _closed: str
    _single_pages: bool

    def __init__(self, name: str, shape: tuple[int, ...], first_values: FirstValues, optimizer: Optimizer) -> None:
        dtype = first_values((0, *shape[1:])).dtype
        values = NewTable(name, shape, dtype, first_values).fill(
            aligned(shape, dtype)
        )  # a row of 512 bytes is then 8 cache lines, not 9
        vars(self).update(_state(name, values, optimizer.init(values), optimizer, False))

    @classmethod
    def of(
        cls, name: str, values: NDArray[Any], slots: Arrays, optimizer: Optimizer, in_files: bool = False
    ) -> "Table":
        """Return a table of arrays that exist, which are not copied."""
        table = cls.__new__(cls)
        vars(table).update(_state(name, values, slots, optimizer, in_files))
        return table

    def __getstate__(self) -> dict[str, Any]:
        """Leave out views of the arrays; a table in files is copied to memory."""
        arrays = {name: np.asarray(slot) for name, slot in self.slots.items()}
        slots = TableSlots(arrays) if self.has_rule else arrays
        return vars(self) | {
            "_structs": None,
            "_single_pages": False,
            "in_files": False,
            "values": np.asarray(self.values),
            "slots": slots,
        }

    def __getattr__(self, name: str) -> Any:
        """Say why the arrays are gone; only names that are not there come here."""
        if name in ("values", "slots") and vars(self).get("_closed"):
            raise ValueError(self._closed)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def close(self, reason: str) -> None:
        """Let go of the arrays; ValueError with this reason where they are asked for."""
        if not self._closed:
            self._closed, self._structs = reason, None
            del self.values, self.slots

    def prefetch(self, ids: NDArray[np.int64]) -> None:
        """Start to read the rows `ids`, and their slots, from the files that they are in; nothing for other tables.

        From then on the system reads single pages of the files, and not their neighbors with them.
        """
        if self.in_files:
            self.read_single_pages(True)
            arrays = (self.values, *self.slots.values())
            mapped = [array for array in arrays if isinstance(array, np.memmap)]
            read_ahead([array for array in mapped if array.shape[:1] == self.values.shape[:1]], ids)

    def read_single_pages(self, single: bool) -> None:
        """Tell the system whether to read a page that a step needs alone, or with its neighbors."""
        if single != self._single_pages:
            for array in (self.values, *self.slots.values()):
                set_random(array, single)
            self._single_pages = single

    @contextlib.contextmanager
    def in_order(self) -> Iterator[None]:
        """Let the system read neighbors during a pass over all rows; nothing for tables that are not in files."""
        single = self._single_pages
        self.read_single_pages(False)
        try:
            yield
        finally:
            self.read_single_pages(single)

    @property
    def rule(self) -> Any:
        """The compiled update rule of a row, or None."""
        return checked_rule(self.optimizer, self.values.dtype)

    @property
    def lags(self) -> bool:
        """Whether rows may be behind until `catch_up`."""
        return leaves_rows_behind(self.optimizer)

    @property
    def structs(self) -> tuple[NDArray[Any], ArrayStruct]:
        """The values as a matrix and the slots of the compiled rule: the same memory."""
        if self._structs is None or self._structs[0] is not self.values:
            slots = self.optimizer.compiled_slots(self.values, self.slots)
            self._structs = (self.values, as_rows(np.asarray(self.values)), slots)
        return self._structs[1:]

    def assign(self, values: ArrayLike) -> None:
        """Replace the values by another array of the same shape and dtype, which is then trained in place.

        A table in files stays in its file: the values are copied there.
        """
        array = validation.floats(self.name, values, self.values.shape, self.values.dtype)
        _refuse_not_finite(self.name, array)
        if self.in_files:
            self.values[...] = array
            return
        if not array.flags.writeable or _overlaps(array):
            raise ValueError(f"{self.name} must be writeable, and no two entries in one place: it is trained in place")
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


def leaves_rows_behind(optimizer: Optimizer) -> bool:
    """Return whether rows may miss steps until `catch_up`."""
    return type(optimizer).catch_up is not Optimizer.catch_up and getattr(optimizer, "mode", "exact") == "exact"


def _state(name: str, values: NDArray[Any], slots: Arrays, optimizer: Optimizer, in_files: bool) -> dict[str, Any]:
    """Return the attributes of a table."""
    has_rule = optimizer.compiled_rule(values.dtype) is not None
    state = {"name": name, "values": values, "optimizer": optimizer, "in_files": in_files, "has_rule": has_rule}
    return {
        **state,
        "slots": TableSlots(slots) if has_rule else dict(slots),
        "_structs": None,
        "_closed": "",
        "_single_pages": False,
    }


def trained_tables(embeddings: Table, weights: Table, biases: Table) -> TrainedTables:
    """Return tables and slots as compiled code takes them."""
    matrix, slots = biases.structs
    return TrainedTables(*embeddings.structs, *weights.structs, matrix, matrix[:, 0], slots)


def new_slots(table: NewTable, optimizer: Optimizer) -> list[NewTable]:
    """Return the slots that the optimizer would make for a table, without making them.

    Small tables show which of them have rows, and how rows start.
    """
    of_two, of_three = (optimizer.init(np.zeros((rows, *table.shape[1:]), table.dtype)) for rows in (2, 3))
    slots = []
    for name, array in of_two.items():
        by_row = array.shape != of_three[name].shape
        shape = (table.shape[0], *array.shape[1:]) if by_row else array.shape
        first_values = _copies_of(array[:1]) if by_row else _rows_of(array)
        slots.append(NewTable(name, shape, array.dtype, first_values))
    return slots


def _copies_of(row: NDArray[Any]) -> FirstValues:
    return lambda shape: np.broadcast_to(row, shape)


def _rows_of(array: NDArray[Any]) -> FirstValues:
    return lambda shape: array[: shape[0]] if shape else array


def _overlaps(array: NDArray[Any]) -> bool:
    """Return whether entries may share memory, as in arrays of `as_strided`."""
    extent = array.itemsize
    for stride, size in sorted((abs(stride), size) for stride, size in zip(array.strides, array.shape, strict=True)):
        if size > 1 and stride < extent:
            return True
        extent += stride * (size - 1)
    return False


def _refuse_not_finite(name: str, array: NDArray[Any]) -> None:
    """Raise ValueError for NaN and infinities, except for biases of -inf, which leave a class out."""
    for first in range(0, len(array), _ROWS_PER_BLOCK):
        block = array[first : first + _ROWS_PER_BLOCK]
        bad = ~np.isfinite(block)
        if block.ndim == 1:
            bad &= ~np.isneginf(block)
        if bad.any():
            row, *rest = (int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
            index = (first + row, *rest)
            raise ValueError(f"{name}[{', '.join(map(str, index))}] = {array[index]} must be finite")


def initial_rng(seed: Any, table: int) -> np.random.Generator:
    """Return the generator of the first values of a table; each table number has its own."""
    pair = validation.seeds(seed)
    return np.random.default_rng(None if pair is None else (*pair, table))

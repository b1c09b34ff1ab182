"""The two tables of a matrix factorization: initialization, copies, conversion to and from arrays."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.layers.table import FirstValues, Table, initial_rng
from sampledsoftmax.optimizers import Optimizer

Arrays = Mapping[str, NDArray[Any]]

REAL = np.dtype(np.float32)
# With normalized rows the gradient is divided by the length of the row, so the first length sets the first steps: with
# 0.1 in the place of 0.01 nothing was learned in three epochs of Yelp2018.
_FIRST_DEVIATION = np.float32(0.01)


class FactorTables(NamedTuple):
    """Factors of users [num_users, dim] and of items [num_items, dim], float32, with the slots of their optimizers."""

    users: Table
    items: Table

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return values and slots by name, "users", "users.m", ..., without copying."""
        arrays = {}
        for name, table in self._asdict().items():
            arrays[name] = table.values
            arrays |= {f"{name}.{slot}": array for slot, array in table.slots.items()}
        return arrays

    def copy(self) -> "FactorTables":
        """Return tables of their own with the same bits."""
        return FactorTables(*(_copy(table) for table in self))

    def are_finite(self) -> bool:
        """Return whether all factors are finite."""
        return all(bool(np.isfinite(table.values).all()) for table in self)


def new_tables(
    user_counts: NDArray[np.int64],
    item_counts: NDArray[np.int64],
    dim: int,
    optimizers: tuple[Optimizer, Optimizer],
    seed: int,
) -> FactorTables:
    """Return first factors, normal with a standard deviation of 0.01.

    Rows without interactions are zeros: nothing is known of them, and they are not trained.

    Examples
    --------
    >>> from sampledsoftmax import SGD
    >>> tables = new_tables(np.array([2, 0]), np.array([1, 1]), 3, (SGD(0.1), SGD(0.1)), seed=1)
    >>> tables.users.values.any(axis=1), bool(abs(tables.items.values).max() < 0.1)
    (array([ True, False]), True)
    """
    tables = [
        Table(name, (counts.size, dim), _normal(seed, number), optimizer)
        for number, (name, counts, optimizer) in enumerate(
            zip(FactorTables._fields, (user_counts, item_counts), optimizers, strict=True)
        )
    ]
    for table, counts in zip(tables, (user_counts, item_counts), strict=True):
        table.values[counts == 0] = 0
    return FactorTables(*tables)


def zero_tables(num_users: int, num_items: int, optimizers: tuple[Optimizer, Optimizer]) -> FactorTables:
    """Return tables of one column of zeros, which a trial step compiles code for."""
    sizes = (num_users, num_items)
    return FactorTables(
        *(
            Table(name, (size, 1), lambda shape: np.zeros(shape, REAL), optimizer)
            for name, size, optimizer in zip(FactorTables._fields, sizes, optimizers, strict=True)
        )
    )


def from_arrays(arrays: Arrays, sizes: tuple[int, int], dim: int, optimizers: tuple[Any, Any]) -> FactorTables:
    """Return tables of the arrays of `FactorTables.arrays`.

    Raises
    ------
    ValueError
        One is missing, or of another shape or dtype.

    Examples
    --------
    >>> from sampledsoftmax import SGD
    >>> counts, rules = np.array([1, 1]), (SGD(0.1), SGD(0.1))
    >>> tables = new_tables(counts, counts, 3, rules, seed=1)
    >>> bool((from_arrays(tables.arrays(), (2, 2), 3, rules).users.values == tables.users.values).all())
    True
    """
    return FactorTables(
        *(
            _table(name, arrays, (size, dim), optimizer)
            for name, size, optimizer in zip(FactorTables._fields, sizes, optimizers, strict=True)
        )
    )


def expected(name: str, arrays: Arrays, shape: tuple[int, ...], dtype: Any = REAL) -> NDArray[Any]:
    """Return an array that a file must have, or raise ValueError."""
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype != dtype:
        found = "none" if array is None else f"{array.dtype} {list(array.shape)}"
        raise ValueError(f"{name} must be {np.dtype(dtype)} {list(shape)}, got {found}")
    return array


def _table(name: str, arrays: Arrays, shape: tuple[int, int], optimizer: Optimizer) -> Table:
    slots = {}
    for slot, of_two in optimizer.init(np.zeros((2, shape[1]), REAL)).items():
        by_row = of_two.shape != optimizer.init(np.zeros((3, shape[1]), REAL))[slot].shape
        slot_shape = (shape[0], *of_two.shape[1:]) if by_row else of_two.shape
        slots[slot] = expected(f"{name}.{slot}", arrays, slot_shape, of_two.dtype)
    return Table.of(name, expected(name, arrays, shape), slots, optimizer)


def _copy(table: Table) -> Table:
    return Table.of(table.name, table.values.copy(), {n: a.copy() for n, a in table.slots.items()}, table.optimizer)


def _normal(seed: int, number: int) -> FirstValues:
    rng = initial_rng((seed, number), number)
    return lambda shape: rng.standard_normal(shape, REAL) * _FIRST_DEVIATION

"""What all sparse optimizers share: their face, and the door of `update`."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.update.rules import Rule, update_rows
from sampledsoftmax.types import IndexedSlices

Slots = dict[str, NDArray[Any]]


class Optimizer(Protocol):
    """What a layer needs of an optimizer."""

    learning_rate: float

    def init(self, table: NDArray[Any]) -> Slots:
        """Return the optimizer's arrays for a table."""

    def update(self, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
        """Apply a gradient to a table, in place."""


class RowRule(Protocol):
    """An optimizer whose rule for a row is compiled, so that a fused step can apply it."""

    def rule(self, dtype: np.dtype[Any]) -> Rule:
        """Return the rule in the table's dtype."""

    def slot(self, table: NDArray[Any], slots: Slots) -> NDArray[Any]:
        """Return what it remembers of a table, as a matrix [num_rows, dim or 1], or of no rows."""


def apply_rule(optimizer: RowRule, table: NDArray[Any], slots: Slots, gradient: IndexedSlices) -> None:
    """Apply a gradient to a table by the optimizer's compiled rule."""
    unique = checked_gradient(table, gradient)
    rule, slot = optimizer.rule(table.dtype), optimizer.slot(table, slots)
    update_rows(rule, as_rows(table), slot, unique.indices, unique.values)


def checked_gradient(table: NDArray[Any], gradient: IndexedSlices) -> IndexedSlices:
    """Return the gradient as rows with duplicates summed, after checking that it fits the table."""
    checked_table(table)
    if tuple(gradient.dense_shape) != table.shape:
        raise ValueError(f"gradient is for a table of {gradient.dense_shape}, got a table of {table.shape}")
    indices = validation.ids("gradient.indices", gradient.indices, ("num_rows",), table.shape[0])
    shape = (indices.size, *table.shape[1:])
    values = validation.floats("gradient.values", gradient.values, shape, table.dtype)
    unique = IndexedSlices(values, indices, table.shape).coalesce()
    return unique._replace(values=as_rows(unique.values))


def checked_table(table: NDArray[Any]) -> None:
    """Refuse a table that cannot be trained in place."""
    validation.floats("table", table, ("num_classes", "dim")[: max(table.ndim, 1)])
    if not table.flags.writeable:
        raise ValueError("table must be writeable: it is trained in place")


def checked_slot(slots: Slots, name: str, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Return the slot of that name, after checking that it fits the table."""
    if name not in slots:
        raise ValueError(f"slots must hold {name!r}, got {', '.join(map(repr, slots)) or 'none'}")
    slot = np.asarray(slots[name])
    if slot.dtype != dtype:
        raise TypeError(f"slots[{name!r}] must be {np.dtype(dtype)}, got {slot.dtype}")
    if slot.shape != tuple(shape):
        raise ValueError(f"slots[{name!r}] must have shape {list(shape)}, got {list(slot.shape)}")
    return slot


def as_rows(array: NDArray[Any]) -> NDArray[Any]:
    """Return a vector as a matrix of one column, the same memory."""
    return array if array.ndim == 2 else array[:, np.newaxis]

"""What a compiled step of a module needs, kept from one step to the next."""

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from sampledsoftmax.layers.split_step import SplitSteps
from sampledsoftmax.layers.table import Table
from sampledsoftmax.losses.objectives import BUILT_IN
from sampledsoftmax.torch.formula import Formula
from sampledsoftmax.types import Correction


class NoBiases:
    """Zeros in the place of biases: compiled steps read and train them, so that they are cleared after each step.

    Attributes
    ----------
    table : Table
    """

    def __init__(self, num_classes: int, dtype: Any, optimizer: ss.Optimizer) -> None:
        values = np.zeros(num_classes, dtype)
        self.table = Table.of("bias", values, optimizer.init(values), optimizer)
        of_two, of_three = (optimizer.init(np.zeros(rows, dtype)) for rows in (2, 3))
        self._first_rows = {name: slot[:1] for name, slot in of_two.items() if slot.shape != of_three[name].shape}

    def clear(self, ids: NDArray[np.int64]) -> None:
        """Let the rows of classes be as they were before all steps."""
        self.table.values[ids] = 0
        for name, first in self._first_rows.items():
            self.table.slots[name][ids] = first


class Prepared(NamedTuple):
    """Tables and steps of a module, as long as its buffers and settings are these.

    Attributes
    ----------
    buffers : tuple of Tensor
        Weight, bias and their slots.
    addresses : tuple of int
        Where their memory is.
    optimizer : Optimizer
    formula : Formula
    tables : (Table, Table)
        Of the same memory.
    no_biases : NoBiases or None
        In the place of the second table, if the module has none.
    steps : SplitSteps
    """

    buffers: tuple[Any, ...]
    addresses: tuple[int, ...]
    optimizer: ss.Optimizer
    formula: Formula
    tables: tuple[Table, Table]
    no_biases: NoBiases | None
    steps: SplitSteps

    def is_for(self, module: Any) -> bool:
        """Return whether the module has not changed."""
        buffers = module.trained_buffers()
        return (
            all(map(operator.is_, buffers, self.buffers))
            and _addresses(buffers) == self.addresses
            and module.optimizer is self.optimizer
            and module.formula == self.formula
        )


def prepare(module: Any, slots: dict[str, Any], before: Prepared | None) -> Prepared | None:
    """Return what the steps of a module need, given the slots of its tables; None if they must be composed.

    The memory of the steps `before` a change is used again where it fits.
    """
    buffers, optimizer, formula = module.trained_buffers(), module.optimizer, module.formula
    if not all(_can_read(buffer, module.weight.dtype) for buffer in buffers):
        return None
    tables = [Table.of(name, getattr(module, name).numpy(), slots[name], optimizer) for name in slots]
    values, no_biases = tables[0].values, None
    if len(tables) == 1:
        no_biases = NoBiases(values.shape[0], values.dtype, optimizer)
        tables.append(no_biases.table)
    fits = before is not None and before.formula == formula and before.steps.dtype == values.dtype
    steps = before.steps if before is not None and fits else _steps_of(formula, tables[0])
    return Prepared(buffers, _addresses(buffers), optimizer, formula, (tables[0], tables[1]), no_biases, steps)


def _addresses(buffers: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(buffer.data_ptr() for buffer in buffers)


def _can_read(buffer: Any, dtype: Any) -> bool:
    """Return whether compiled code can read a buffer: a table, its slots, or whole numbers."""
    return bool(buffer.is_contiguous() and (buffer.dtype == dtype or not buffer.is_floating_point()))


def _steps_of(formula: Formula, weights: Table) -> SplitSteps:
    correction = Correction(formula.subtract_log_q, formula.remove_accidental_hits, **formula.similarity._asdict())
    return SplitSteps(weights.values.shape[1], weights.values.dtype, BUILT_IN[formula.objective], correction)

"""What a compiled step of a module needs, kept from one step to the next."""

import operator
from typing import Any, NamedTuple

import sampledsoftmax as ss
from sampledsoftmax.layers.split_step import SplitSteps
from sampledsoftmax.layers.table import Table
from sampledsoftmax.losses.objectives import BUILT_IN
from sampledsoftmax.torch.formula import Formula
from sampledsoftmax.types import Correction


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
    steps : SplitSteps
    """

    buffers: tuple[Any, ...]
    addresses: tuple[int, ...]
    optimizer: ss.Optimizer
    formula: Formula
    tables: tuple[Table, Table]
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
    buffers, dtype = module.trained_buffers(), module.weight.dtype
    if module.bias is None or not all(map(_can_read, buffers, [dtype] * len(buffers))):
        return None
    weights, biases = (Table.of(name, getattr(module, name).numpy(), slots[name], module.optimizer) for name in slots)
    if before is not None and before.formula == module.formula and before.steps.dtype == weights.values.dtype:
        steps = before.steps
    else:
        steps = _steps_of(module.formula, weights)
    return Prepared(buffers, _addresses(buffers), module.optimizer, module.formula, (weights, biases), steps)


def _addresses(buffers: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(buffer.data_ptr() for buffer in buffers)


def _can_read(buffer: Any, dtype: Any) -> bool:
    """Return whether compiled code can read a buffer: a table, its slots, or whole numbers."""
    return bool(buffer.is_contiguous() and (buffer.dtype == dtype or not buffer.is_floating_point()))


def _steps_of(formula: Formula, weights: Table) -> SplitSteps:
    correction = Correction(formula.subtract_log_q, formula.remove_accidental_hits)
    return SplitSteps(weights.values.shape[1], weights.values.dtype, BUILT_IN[formula.objective], correction)

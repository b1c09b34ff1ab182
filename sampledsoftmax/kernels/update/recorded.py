"""A rule that changes no table: it records the gradient of each row, for an update that is made elsewhere."""

from typing import Any, NamedTuple

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.atomics import prefetch_write
from sampledsoftmax.kernels.update.rules import prefetch_slots, update_row


class Recorded(NamedTuple):
    """The gradient of a row, summed over its occurrences, is written to the slot of the row."""

    learning_rate: Any


class RecordedGradient(ArrayStruct):
    """The slot of `Recorded`: gradients [num_rows, dim]."""

    gradient: Any


@prefetch_slots.register(RecordedGradient)
@jit
def _prefetch_gradient(slots, row):
    prefetch_write(slots.gradient, row)


@update_row.register(Recorded)
@jit
def _record(rule, table, slots, row, gradients, i):
    gradient = slots.gradient
    for d in range(table.shape[1]):
        gradient[row, d] = gradients[i, d]

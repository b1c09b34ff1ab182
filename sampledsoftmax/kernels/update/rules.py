"""Update rules: one optimizer step on one row of a table. Rows without a gradient keep their bits.

A rule is a NamedTuple of numbers, mostly in the dtype of the table; the slots of a table are an `ArrayStruct` of
matrices [num_rows, *]. The class of the rule selects the kernels below. A rule must register `update_row`; the other
operations have defaults that do nothing.
"""

import math
from typing import Any, NamedTuple

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit, jit_sum
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.kernels.sync.atomics import prefetch_write

# --- What a rule can do -------------------------------------------------------------------------------------


@dispatch
def update_row(rule, table, slots, row, gradients, i):
    """Update table[row] and the slots of that row with gradients[i], the sum over all occurrences of the row.

    Arrays are indexed with (row, d), never sliced into rows.
    """


@dispatch
def begin_step(rule, slots):
    """Prepare a step; one thread does so, before any row of the table is updated."""


@dispatch
def end_step(rule, slots):
    """Complete a step; one thread does so, while others may still be updating rows."""


@dispatch
def catch_up_row(rule, table, slots, row):
    """Apply to a row the steps that it has missed, where a rule leaves rows behind that have no gradient."""


@begin_step.default
@end_step.default
@jit
def _nothing_to_do(rule, slots):
    pass


@catch_up_row.default
@jit
def _is_up_to_date(rule, table, slots, row):
    pass


@jit
def update_rows(rule, table, slots, ids, gradient):
    """Take one step on the rows `ids`, which are distinct, with gradient [num_ids, dim]."""
    begin_step(rule, slots)
    for i in range(ids.size):
        catch_up_row(rule, table, slots, ids[i])
        update_row(rule, table, slots, ids[i], gradient, i)
    end_step(rule, slots)


@jit
def catch_up_rows(rule, table, slots, ids):
    """Apply to the rows `ids`, which are distinct, the steps that they have missed."""
    for i in range(ids.size):
        catch_up_row(rule, table, slots, ids[i])


# --- Slots --------------------------------------------------------------------------------------------------


class NoSlots(ArrayStruct):
    """The slots of a rule without state."""


class Accumulator(ArrayStruct):
    """The slots of both forms of Adagrad: sums of squares [num_rows, dim], or [num_rows, 1]."""

    accumulator: Any


class Velocity(ArrayStruct):
    """The slots of momentum [num_rows, dim]."""

    velocity: Any


@dispatch
def prefetch_slots(slots, row):
    """Prefetch the slots of a row for writing. By default they are not prefetched."""


@prefetch_slots.default
@jit
def _no_prefetch(slots, row):
    pass


@prefetch_slots.register(Accumulator)
@jit
def _prefetch_accumulator(slots, row):
    prefetch_write(slots.accumulator, row)


@prefetch_slots.register(Velocity)
@jit
def _prefetch_velocity(slots, row):
    prefetch_write(slots.velocity, row)


# --- Rules --------------------------------------------------------------------------------------------------


class SGD(NamedTuple):
    """Gradient descent."""

    learning_rate: Any


class Momentum(NamedTuple):
    """Gradient descent with a velocity; `momentum` is the share of it that is kept."""

    learning_rate: Any
    momentum: Any


class Nesterov(NamedTuple):
    """As `Momentum`, but a step looks ahead by one velocity."""

    learning_rate: Any
    momentum: Any


class Adagrad(NamedTuple):
    """An accumulator for each entry."""

    learning_rate: Any


class RowwiseAdagrad(NamedTuple):
    """An accumulator for each row."""

    learning_rate: Any


@update_row.register(SGD)
@jit
def _sgd(rule, table, slots, row, gradients, i):
    for d in range(table.shape[1]):
        table[row, d] -= rule.learning_rate * gradients[i, d]


@update_row.register(Adagrad)
@jit
def _adagrad(rule, table, slots, row, gradients, i):
    accumulator = slots.accumulator
    for d in range(table.shape[1]):
        g = gradients[i, d]
        accumulator[row, d] += g * g
        table[row, d] -= rule.learning_rate * g / math.sqrt(accumulator[row, d])


@update_row.register(RowwiseAdagrad)
@jit
def _rowwise_adagrad(rule, table, slots, row, gradients, i):
    accumulator = slots.accumulator
    accumulator[row, 0] += _sum_of_squares(gradients, i, table.shape[1]) / table.dtype.type(table.shape[1])
    rate = rule.learning_rate / math.sqrt(accumulator[row, 0])
    for d in range(table.shape[1]):
        table[row, d] -= rate * gradients[i, d]


@jit_sum
def _sum_of_squares(gradients, i, size):
    total = gradients.dtype.type(0)
    for d in range(size):
        total += gradients[i, d] * gradients[i, d]
    return total


@update_row.register(Momentum)
@jit
def _momentum(rule, table, slots, row, gradients, i):
    velocity = slots.velocity
    for d in range(table.shape[1]):
        velocity[row, d] = velocity[row, d] * rule.momentum + gradients[i, d]
        table[row, d] -= velocity[row, d] * rule.learning_rate


@update_row.register(Nesterov)
@jit
def _nesterov(rule, table, slots, row, gradients, i):
    velocity = slots.velocity
    for d in range(table.shape[1]):
        g = gradients[i, d]
        velocity[row, d] = velocity[row, d] * rule.momentum + g
        table[row, d] -= g * rule.learning_rate + velocity[row, d] * rule.momentum * rule.learning_rate

"""Adam on single rows of a table: rows without a gradient stay as they are, or catch up before they are read."""

import math
from typing import Any, NamedTuple

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.atomics import prefetch_write
from sampledsoftmax.kernels.update.rules import (
    begin_step,
    catch_up_row,
    end_step,
    prefetch_slots,
    update_row,
)


class LazyAdam(NamedTuple):
    """Rows without a gradient keep their values and moments. The numbers are float64 whatever the table is."""

    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float


class RowCountedAdam(NamedTuple):
    """As `LazyAdam`, but t is the number of updates of the row, this one included.

    Logarithms of the betas, -inf for 0: beta**t is exp(t * log beta) for any t.
    """

    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    log_beta_1: float
    log_beta_2: float


class ExactAdam(NamedTuple):
    """Rows catch up with dense Adam. After `max_missed` missed steps a row moves no more: only its moments decay."""

    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    max_missed: int


class Moments(ArrayStruct):
    """The slots of `LazyAdam`.

    Attributes
    ----------
    m, v : float [num_rows, dim]
        Moving averages of the gradient and of its square.
    step : int64 [1]
        Steps taken.
    step_size : float64 [1]
        Of the step that has begun.
    """

    m: Any
    v: Any
    step: Any
    step_size: Any


class CountedMoments(ArrayStruct):
    """The slots of `RowCountedAdam`.

    Attributes
    ----------
    m, v : float [num_rows, dim]
        Moving averages of the gradient and of its square.
    step : int64 [num_rows]
        Updates of each row.
    """

    m: Any
    v: Any
    step: Any


class DatedMoments(ArrayStruct):
    """The slots of `ExactAdam`: `Moments`, the step that each row is at, and the number of the step that has begun.

    Attributes
    ----------
    last_step : int64 [num_rows]
    next_step : int64 [1]
    """

    m: Any
    v: Any
    step: Any
    step_size: Any
    last_step: Any
    next_step: Any


@prefetch_slots.register(Moments, CountedMoments, DatedMoments)
@jit
def _prefetch_moments(slots, row):
    prefetch_write(slots.m, row)
    prefetch_write(slots.v, row)


@begin_step.register(LazyAdam)
@jit
def _begin_lazy(rule, slots):
    slots.step_size[0] = _step_size(rule, slots.step[0] + 1)


@begin_step.register(ExactAdam)
@jit
def _begin_exact(rule, slots):
    slots.next_step[0] = slots.step[0] + 1
    slots.step_size[0] = _step_size(rule, slots.next_step[0])


@end_step.register(LazyAdam, ExactAdam)
@jit
def _end_adam(rule, slots):
    slots.step[0] += 1


@jit
def _step_size(rule, step):
    """Return learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) for step t, the first is 1."""
    return rule.learning_rate * math.sqrt(1.0 - rule.beta_2**step) / (1.0 - rule.beta_1**step)


@update_row.register(LazyAdam)
@jit
def _lazy_adam(rule, table, slots, row, gradients, i):
    step_size = slots.step_size[0]
    for d in range(table.shape[1]):
        _adam_entry(rule, table, slots, row, d, gradients[i, d], step_size)


@update_row.register(RowCountedAdam)
@jit
def _row_counted_adam(rule, table, slots, row, gradients, i):
    slots.step[row] += 1
    step_size = _counted_step_size(rule, slots.step[row])
    for d in range(table.shape[1]):
        _adam_entry(rule, table, slots, row, d, gradients[i, d], step_size)


@jit
def _counted_step_size(rule, step):
    """Return learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t), which loses no digits where a beta is near 1."""
    t = float(step)
    return rule.learning_rate * math.sqrt(-math.expm1(t * rule.log_beta_2)) / -math.expm1(t * rule.log_beta_1)


@update_row.register(ExactAdam)
@jit
def _exact_adam(rule, table, slots, row, gradients, i):
    step_size = slots.step_size[0]
    for d in range(table.shape[1]):
        _adam_entry(rule, table, slots, row, d, gradients[i, d], step_size)
    slots.last_step[row] = slots.next_step[0]


@jit
def _adam_entry(rule, table, slots, row, d, g, step_size):
    """Move both moments of an entry towards its gradient, then the entry by step_size * m / (sqrt(v) + epsilon)."""
    m, v, number = slots.m, slots.v, table.dtype.type
    m[row, d] += (g - m[row, d]) * (number(1) - number(rule.beta_1))
    v[row, d] += (g * g - v[row, d]) * (number(1) - number(rule.beta_2))
    table[row, d] -= m[row, d] * number(step_size) / (math.sqrt(v[row, d]) + number(rule.epsilon))


@catch_up_row.register(ExactAdam)
@jit
def _catch_up(rule, table, slots, row):
    """Take the steps that a row has missed, as dense Adam takes them where the gradient is 0."""
    last, step, number = slots.last_step[row], slots.step[0], table.dtype.type
    if last > 0:  # else it has never had a gradient, and its moments are 0
        missed = step - last
        for s in range(last + 1, last + 1 + min(missed, rule.max_missed)):
            step_size = _step_size(rule, s)
            for d in range(table.shape[1]):
                _adam_entry(rule, table, slots, row, d, number(0), step_size)
        rest = max(missed - rule.max_missed, 0)
        for d in range(table.shape[1]):
            slots.m[row, d] *= number(rule.beta_1**rest)
            slots.v[row, d] *= number(rule.beta_2**rest)
    slots.last_step[row] = step

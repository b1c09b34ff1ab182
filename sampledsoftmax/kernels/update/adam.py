"""Adam on the named rows of a table: one step, and the steps that a row missed."""

import math
from typing import NamedTuple

from sampledsoftmax.jit.decorators import jit


class Rates(NamedTuple):
    """The settings of Adam, each a float."""

    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float


@jit
def _step_size(rates, power_1, power_2):
    """Return learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) for the powers of step t."""
    return rates.learning_rate * math.sqrt(1.0 - power_2) / (1.0 - power_1)


@jit
def _step_row(table, m, v, row, gradient, i, step_size, rates):
    """Move both moments of a row to gradient[i], then the row by step_size * m / (sqrt(v) + epsilon)."""
    number = table.dtype.type
    fade_1, fade_2 = number(1) - number(rates.beta_1), number(1) - number(rates.beta_2)
    size, epsilon = number(step_size), number(rates.epsilon)
    for d in range(table.shape[1]):
        g = gradient[i, d]
        m[row, d] += (g - m[row, d]) * fade_1
        v[row, d] += (g * g - v[row, d]) * fade_2
        table[row, d] -= m[row, d] * size / (math.sqrt(v[row, d]) + epsilon)


@jit
def adam_rows(table, m, v, ids, gradient, step, rates):
    """Take step number `step` (the first is 1) with a gradient for each of `ids`."""
    step_size = _step_size(rates, rates.beta_1**step, rates.beta_2**step)
    for i in range(ids.size):
        _step_row(table, m, v, ids[i], gradient, i, step_size, rates)


@jit
def catch_up_rows(table, m, v, last_step, ids, zero_gradient, step, rates, most_terms):
    """Take the steps that rows missed up to `step`, as dense Adam takes them where the gradient is 0.

    After `most_terms` of them a row moves no more: only its moments fade.
    """
    number = table.dtype.type
    for i in range(ids.size):
        row = ids[i]
        missed = step - last_step[row]
        if last_step[row] > 0:  # else it was never named, and its moments are 0
            for s in range(last_step[row] + 1, last_step[row] + 1 + min(missed, most_terms)):
                step_size = _step_size(rates, rates.beta_1**s, rates.beta_2**s)
                _step_row(table, m, v, row, zero_gradient, 0, step_size, rates)
            rest = max(missed - most_terms, 0)
            for d in range(table.shape[1]):
                m[row, d] *= number(rates.beta_1**rest)
                v[row, d] *= number(rates.beta_2**rest)
        last_step[row] = step

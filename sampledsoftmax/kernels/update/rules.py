"""One optimizer step on one row of a table, and on the rows of a gradient; other rows keep their bits."""

import math
from typing import Any, NamedTuple, TypeAlias

from sampledsoftmax.jit.decorators import jit, jit_sum
from sampledsoftmax.jit.dispatch import dispatch


class SGD(NamedTuple):
    """Gradient descent; numbers here and below are in the dtype of the table."""

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


Rule: TypeAlias = SGD | Momentum | Nesterov | Adagrad | RowwiseAdagrad


@dispatch
def update_row(rule, table, slot, row, gradients, i):
    """Apply the rule to table[row] and slot[row] with gradients[i], summed over all places of the row.

    Arrays are indexed and not cut into rows here and below: a view of a row costs a counted reference.
    """


@jit
def update_rows(rule, table, slot, ids, gradient):
    """Apply the rule to the rows `ids`, which come once each, with gradient [num_ids, dim]."""
    for i in range(ids.size):
        update_row(rule, table, slot, ids[i], gradient, i)


@update_row.register(SGD)
@jit
def _sgd(rule, table, slot, row, gradients, i):
    for d in range(table.shape[1]):
        table[row, d] -= rule.learning_rate * gradients[i, d]


@update_row.register(Adagrad)
@jit
def _adagrad(rule, table, accumulator, row, gradients, i):
    for d in range(table.shape[1]):
        g = gradients[i, d]
        accumulator[row, d] += g * g
        table[row, d] -= rule.learning_rate * g / math.sqrt(accumulator[row, d])


@update_row.register(RowwiseAdagrad)
@jit
def _rowwise_adagrad(rule, table, accumulator, row, gradients, i):
    accumulator[row, 0] += _sum_of_squares(gradients, i, table.shape[1]) / table.dtype.type(table.shape[1])
    root = math.sqrt(accumulator[row, 0])
    for d in range(table.shape[1]):
        table[row, d] -= rule.learning_rate * gradients[i, d] / root


@jit_sum
def _sum_of_squares(gradients, i, size):
    total = gradients.dtype.type(0)
    for d in range(size):
        total += gradients[i, d] * gradients[i, d]
    return total


@update_row.register(Momentum)
@jit
def _momentum(rule, table, velocity, row, gradients, i):
    for d in range(table.shape[1]):
        velocity[row, d] = velocity[row, d] * rule.momentum + gradients[i, d]
        table[row, d] -= velocity[row, d] * rule.learning_rate


@update_row.register(Nesterov)
@jit
def _nesterov(rule, table, velocity, row, gradients, i):
    for d in range(table.shape[1]):
        g = gradients[i, d]
        velocity[row, d] = velocity[row, d] * rule.momentum + g
        table[row, d] -= g * rule.learning_rate + velocity[row, d] * rule.momentum * rule.learning_rate

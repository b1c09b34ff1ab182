"""One optimizer step on one row of a table, and on the rows of a gradient; other rows keep their bits."""

import math
from typing import Any, NamedTuple

from sampledsoftmax.kernels.jit import jit, jit_inner, jit_sum

SGD, MOMENTUM, NESTEROV, ADAGRAD, ROWWISE_ADAGRAD = range(5)


class Rule(NamedTuple):
    """Which optimizer, and its numbers in the dtype of the table."""

    kind: int
    learning_rate: Any
    momentum: Any


@jit_inner
def update_row(rule, table, slot, row, gradients, i):
    """Apply the rule to table[row] and slot[row] with gradients[i], summed over all places of the row.

    Arrays are indexed and not cut into rows here and below: a view of a row costs a counted reference.
    """
    if rule.kind == SGD:
        _sgd(rule, table, row, gradients, i)
    elif rule.kind == ADAGRAD:
        _adagrad(rule, table, slot, row, gradients, i)
    elif rule.kind == ROWWISE_ADAGRAD:
        _rowwise_adagrad(rule, table, slot, row, gradients, i)
    else:
        _momentum(rule, table, slot, row, gradients, i)


@jit
def update_rows(rule, table, slot, ids, gradient):
    """Apply the rule to the rows `ids`, which come once each, with gradient [num_ids, dim]."""
    for i in range(ids.size):
        update_row(rule, table, slot, ids[i], gradient, i)


@jit_inner
def _sgd(rule, table, row, gradients, i):
    for d in range(table.shape[1]):
        table[row, d] -= rule.learning_rate * gradients[i, d]


@jit_inner
def _adagrad(rule, table, accumulator, row, gradients, i):
    for d in range(table.shape[1]):
        g = gradients[i, d]
        accumulator[row, d] += g * g
        table[row, d] -= rule.learning_rate * g / math.sqrt(accumulator[row, d])


@jit_inner
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


@jit_inner
def _momentum(rule, table, velocity, row, gradients, i):
    for d in range(table.shape[1]):
        g = gradients[i, d]
        velocity[row, d] = velocity[row, d] * rule.momentum + g
        if rule.kind == NESTEROV:
            table[row, d] -= g * rule.learning_rate + velocity[row, d] * rule.momentum * rule.learning_rate
        else:
            table[row, d] -= velocity[row, d] * rule.learning_rate

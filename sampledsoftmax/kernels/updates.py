"""One optimizer step on the named rows of a table; `ids` come once each, other rows keep their bits."""

import math

from sampledsoftmax.kernels.jit import jit


@jit
def sgd_rows(table, ids, gradient, learning_rate):
    """Row -= learning_rate * gradient."""
    for i in range(ids.size):
        row = ids[i]
        for d in range(table.shape[1]):
            table[row, d] -= learning_rate * gradient[i, d]


@jit
def adagrad_rows(table, accumulator, ids, gradient, learning_rate):
    """Add gradient**2 to the accumulator, then row -= learning_rate * gradient / sqrt(accumulator)."""
    for i in range(ids.size):
        row = ids[i]
        for d in range(table.shape[1]):
            g = gradient[i, d]
            accumulator[row, d] += g * g
            table[row, d] -= learning_rate * g / math.sqrt(accumulator[row, d])

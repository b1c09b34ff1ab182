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


@jit
def rowwise_adagrad_rows(table, accumulator, ids, gradient, learning_rate):
    """Add the mean of gradient**2 to the row's accumulator, then step as `adagrad_rows`."""
    for i in range(ids.size):
        row = ids[i]
        total = table.dtype.type(0)
        for d in range(table.shape[1]):
            total += gradient[i, d] * gradient[i, d]
        accumulator[row] += total / table.dtype.type(table.shape[1])
        root = math.sqrt(accumulator[row])
        for d in range(table.shape[1]):
            table[row, d] -= learning_rate * gradient[i, d] / root


@jit
def momentum_rows(table, velocity, ids, gradient, learning_rate, momentum, nesterov):
    """Set velocity = momentum * velocity + gradient, then step along it, or ahead of it by one."""
    for i in range(ids.size):
        row = ids[i]
        for d in range(table.shape[1]):
            g = gradient[i, d]
            velocity[row, d] = velocity[row, d] * momentum + g
            if nesterov:
                table[row, d] -= g * learning_rate + velocity[row, d] * momentum * learning_rate
            else:
                table[row, d] -= velocity[row, d] * learning_rate

"""Rows of unit length: the factor that makes one, and the gradient of a row through its normalization."""

import math

import numpy as np

from sampledsoftmax.jit.decorators import jit, jit_sum

# A shorter row counts as zeros: its cosine with every row is 0, and so is its gradient.
MIN_NORM = 1e-12


@jit_sum
def _dot_rows(a, i, b, j):
    """Return the dot product of two rows of the width of b, in float64, where no square of a float32 is infinite."""
    total = 0.0
    for d in range(b.shape[1]):
        total += np.float64(a[i, d]) * np.float64(b[j, d])
    return total


@jit
def inverse_norm(table, row):
    """Return 1 / the Euclidean norm of a row, 0 if the row counts as zeros, and NaN if the norm is not finite."""
    norm = math.sqrt(_dot_rows(table, row, table, row))
    real = table.dtype.type
    return real(0) if norm < MIN_NORM else real(1 / norm + (norm - norm))


@jit
def project_row(gradient, g, table, row, inverse):
    """Turn row g, the gradient with respect to the normalized row, into that with respect to the row itself, in place.

    With x^ = x / |x| and inverse = 1 / |x| it is (g - (g . x^) x^) / |x|. The gradient may be wider than the table.
    """
    along = gradient.dtype.type(_dot_rows(gradient, g, table, row) * np.float64(inverse) ** 2)
    for d in range(table.shape[1]):
        gradient[g, d] = (gradient[g, d] - along * table[row, d]) * inverse

"""Rows of unit length: the factor that makes one, and the gradient of a row through its normalization."""

import math

from sampledsoftmax.jit.decorators import jit, jit_sum

# A shorter row counts as zeros: its cosine with every row is 0, and so is its gradient.
MIN_NORM = 1e-12


@jit_sum
def _dot_rows(a, i, b, j):
    total = a.dtype.type(0)
    for d in range(a.shape[1]):  # rows of b may be longer, with padding
        total += a[i, d] * b[j, d]
    return total


@jit
def inverse_norm(table, row):
    """Return 1 / the Euclidean norm of a row, or 0 if the row counts as zeros."""
    norm = math.sqrt(_dot_rows(table, row, table, row))
    real = table.dtype.type
    return real(1) / norm if norm >= MIN_NORM else real(0)


@jit
def project_row(gradient, g, table, row, inverse):
    """Turn row g, the gradient with respect to the normalized row, into that with respect to the row itself, in place.

    With x^ = x / |x| and inverse = 1 / |x| it is (g - (g . x^) x^) / |x|.
    """
    along = _dot_rows(table, row, gradient, g) * inverse * inverse
    for d in range(table.shape[1]):
        gradient[g, d] = (gradient[g, d] - along * table[row, d]) * inverse

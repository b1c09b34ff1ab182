"""Lengths of vectors and vectors of length one, for all finite numbers: squares that overflow or vanish are scaled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows per block that are converted to float64 at a time.
_BLOCK = 16_384
# Between these lengths the squares of float64 numbers neither overflow nor lose digits.
_SHORTEST, _LONGEST = 1e-100, 1e100
# The same for numbers of float32.
_SHORTEST_FLOAT32, _LONGEST_FLOAT32 = 1e-15, 1e15


def row_lengths(table: NDArray[Any]) -> NDArray[np.float64]:
    """Return the length of each row [num_rows], summed in float64; inf above the largest float64.

    Examples
    --------
    >>> row_lengths(np.array([[3e30, 4e30], [0.0, 0.0]], np.float32)).tolist() == [np.float32(5e30), 0.0]
    True
    >>> np.round(row_lengths(np.array([[3e200, 4e200], [3e-200, 4e-200]])) / [1e200, 1e-200], 6).tolist()
    [5.0, 5.0]
    """
    lengths = np.empty(table.shape[0])
    for first in range(0, table.shape[0], _BLOCK):
        rows = table[first : first + _BLOCK].astype(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            some = np.sqrt((rows * rows).sum(axis=1))
            odd = _are_odd(some)
            if odd.any():
                scaled, exponents = _scaled_rows(rows[odd])
                some[odd] = np.ldexp(np.sqrt((scaled * scaled).sum(axis=1)), exponents)
        lengths[first : first + _BLOCK] = some
    return lengths


def unit_rows(rows: NDArray[Any], lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows [num_rows, dim] divided by their `row_lengths`, in float64; rows of zeros stay zero.

    Examples
    --------
    >>> table = np.array([[3e200, 4e200], [0.0, 0.0]])
    >>> unit_rows(table, row_lengths(table))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    rows, lengths = with_plain_lengths(rows, lengths)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0)[:, np.newaxis], dtype=np.float64)


def with_plain_lengths(rows: NDArray[Any], lengths: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return rows and lengths in which very long and very short rows are scaled by powers of two.

    Other rows, and all rows of float32, whose squares fit in float64, are returned as they are.

    Examples
    --------
    >>> rows, lengths = with_plain_lengths(np.array([[3e200, 4e200]]), np.array([5e200]))
    >>> bool(lengths[0] < 4), round(float(rows[0, 0] / lengths[0]), 6)
    (True, 0.6)
    """
    odd = _are_odd(lengths) & (lengths != 0)
    if not odd.any():
        return rows, lengths
    rows, lengths = rows.astype(np.float64), lengths.copy()
    rows[odd] = scaled = _scaled_rows(rows[odd])[0]
    lengths[odd] = np.sqrt((scaled * scaled).sum(axis=1))
    return rows, lengths


def unit(vector: NDArray[Any]) -> NDArray[np.float64]:
    """Return a vector [dim] divided by its length, in float64; zeros stay zero.

    Examples
    --------
    >>> unit(np.array([3e-200, 4e-200]))
    array([0.6, 0.8])
    """
    wide = np.asarray(vector, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        length = np.linalg.norm(wide)
        if _are_odd(np.atleast_1d(length)).any():
            wide = _scaled_rows(wide[np.newaxis])[0][0]
            length = np.linalg.norm(wide)
    return wide / length if length > 0 else wide


def table_of_units(table: NDArray[Any]) -> NDArray[Any]:
    """Return the normalized rows of a table, in its dtype; rows of zeros stay zero.

    Examples
    --------
    >>> table_of_units(np.array([[3e-30, 4e-30], [0.0, 2.0]], np.float32))
    array([[0.6, 0.8],
           [0. , 1. ]], dtype=float32)
    """
    with np.errstate(over="ignore", under="ignore"):
        lengths = np.linalg.norm(table, axis=1, keepdims=True)
    shortest, longest = (_SHORTEST_FLOAT32, _LONGEST_FLOAT32) if table.dtype == np.float32 else (_SHORTEST, _LONGEST)
    odd = ~((lengths[:, 0] > shortest) & (lengths[:, 0] < longest))
    units = table / np.where(odd[:, np.newaxis], np.ones_like(lengths), lengths)
    if odd.any():
        units[odd] = unit_rows(table[odd], row_lengths(table[odd]))
    return units  # type: ignore[no-any-return]


def scaled_together(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows whose sum neither overflows nor loses digits: all times one power of two, where that is needed.

    Examples
    --------
    >>> rows = scaled_together(np.array([[1e308, 0.0], [1e308, 1e308]]))
    >>> bool(np.isfinite(rows.sum(axis=0)).all()), float(rows[1, 0] / rows[0, 0])
    (True, 1.0)
    """
    largest = np.abs(rows).max(initial=0.0)
    if largest == 0 or _SHORTEST < largest < _LONGEST:
        return rows
    return np.ldexp(rows, -int(np.frexp(largest)[1]))


def _are_odd(lengths: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which lengths may be inexact, zeros among them: the squares of a short row may all be zero."""
    return ~((lengths > _SHORTEST) & (lengths < _LONGEST))


def _scaled_rows(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return rows times a power of two each, so that the largest number of a row is in [0.5, 1), and the exponents."""
    exponents = np.frexp(np.abs(rows).max(axis=1, initial=0.0))[1]
    return np.ldexp(rows, -exponents[:, np.newaxis]), exponents

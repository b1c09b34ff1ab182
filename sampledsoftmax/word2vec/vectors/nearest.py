"""Exact nearest rows of a table by cosine: a fast approximate pass over all rows, an exact one over the candidates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.word2vec.vectors.lengths import with_plain_lengths

# Rows per block that are converted to float64 at a time.
_BLOCK = 16_384
# Between these lengths products of float32 neither overflow nor lose digits.
_SHORTEST, _LONGEST = 1e-30, 1e30


def nearest(
    table: NDArray[Any], lengths: NDArray[np.float64], target: NDArray[np.float64], topn: int, exclude: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the ids and cosines of the `topn` rows nearest to `target`, best first.

    The first pass is a matrix product in the precision of the table, whose rounding may depend on the position of a
    row and on the number of threads. All rows that are within this rounding error of the best are therefore computed
    again in float64, in a fixed order of summation: the result is that of exact cosines, ties by id.

    Parameters
    ----------
    table : float [num_rows, dim]
        Finite.
    lengths : float64 [num_rows]
        `row_lengths(table)`.
    target : float64 [dim]
        Of length one, or zeros.
    topn : int
        Maximum number of rows, at least 1.
    exclude : list of int
        Rows that are excluded.

    Returns
    -------
    ids : int64 [found]
    cosines : float64 [found]
        The cosine of a row of zeros is 0.

    Examples
    --------
    >>> table = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0], [6.0, 8.0]])
    >>> nearest(table, np.array([1.0, 5.0, 2.0, 10.0]), np.array([1.0, 0.0]), 2, exclude=[0])
    (array([1, 3]), array([0.6, 0.6]))
    """
    topn = min(topn, table.shape[0] - len(set(exclude)))
    if topn <= 0:
        return np.empty(0, np.int64), np.empty(0)
    ids = _candidates(table, lengths, target, topn, exclude)
    cosines = exact_cosines(table, lengths, target, ids)
    order = np.argsort(-cosines, kind="stable")[:topn]
    return ids[order], cosines[order]


def _candidates(
    table: NDArray[Any], lengths: NDArray[np.float64], target: NDArray[np.float64], topn: int, exclude: list[int]
) -> NDArray[np.int64]:
    """Return increasing ids that include the `topn` best: few, unless many rows are almost equally near."""
    if lengths.max() > _LONGEST or lengths.min(where=lengths > 0, initial=1.0) < _SHORTEST:
        return np.setdiff1d(np.arange(len(table)), exclude)  # float32 would overflow, or lose digits
    rough = table @ target.astype(table.dtype)
    rough /= np.where(lengths > 0, lengths, 1.0).astype(table.dtype)
    rough[exclude] = -np.inf
    worst = np.partition(rough, -topn)[-topn]
    return np.flatnonzero(rough >= worst - _rounding(table))


def _rounding(table: NDArray[Any]) -> float:
    """Return twice the error bound of a cosine: `dim` terms below 1, each rounded twice."""
    return float(4.0 * (table.shape[1] + 2) * np.finfo(table.dtype).eps)


def exact_cosines(
    table: NDArray[Any], lengths: NDArray[np.float64], target: NDArray[np.float64], ids: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the cosine of each of the rows `ids` with `target`, computed in float64 in a fixed order of summation.

    The arguments are those of `nearest`.

    Examples
    --------
    >>> table = np.array([[3e200, 4e200], [0.0, 0.0]])
    >>> exact_cosines(table, np.array([5e200, 0.0]), np.array([1.0, 0.0]), np.array([1, 0]))
    array([0. , 0.6])
    """
    cosines = np.zeros(ids.size)
    for first in range(0, ids.size, _BLOCK):
        some = ids[first : first + _BLOCK]
        rows, plain = with_plain_lengths(table[some].astype(np.float64), lengths[some])
        np.divide((rows * target).sum(axis=1), plain, out=cosines[first : first + _BLOCK], where=plain > 0)
    return cosines

"""Shrinkage: vectors of rare words are pulled toward the mean of all vectors.

A vector that was learned from few occurrences is mostly noise. With a prior around the mean, its posterior mean lies
between both, nearer to the mean the fewer the occurrences: the empirical Bayes estimate of Efron and Morris, "Stein's
estimation rule and its competitors", Journal of the American Statistical Association, 1973.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4096  # rows at a time, so that temporary arrays are small


def shrink_to_mean(rows: NDArray[Any], counts: NDArray[np.int64], shrinkage: float) -> None:
    """Replace each row by n / (n + shrinkage) of it and the rest of the mean of all rows, in place.

    Every step is a convex combination, so that finite rows stay finite; sums are in float64, in the order of the rows.

    Parameters
    ----------
    rows : float [num_words, dim]
        The vectors.
    counts : int64 [num_words]
        Occurrences n of each word, at least 0.
    shrinkage : float
        Occurrences that the mean is worth, above 0.

    Examples
    --------
    >>> rows = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> shrink_to_mean(rows, np.array([30, 10]), 10.0)
    >>> rows
    array([[0.875, 0.125],
           [0.25 , 0.75 ]])
    """
    mean = np.zeros(rows.shape[1])
    for block in _blocks(len(rows)):
        mean += (rows[block] * np.float64(1.0 / len(rows))).sum(axis=0, dtype=np.float64)
    own = counts / (counts + shrinkage)
    for block in _blocks(len(rows)):
        share = own[block, np.newaxis]
        rows[block] = share * rows[block] + (1.0 - share) * mean


def _blocks(num_rows: int) -> Iterator[slice]:
    return (slice(first, first + _BLOCK) for first in range(0, num_rows, _BLOCK))

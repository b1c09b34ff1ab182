"""Two measures of how two lists of numbers go together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def average_ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return the rank of each value, from 1; equal values share the mean of their ranks.

    Examples
    --------
    >>> average_ranks([10.0, 30.0, 10.0, 20.0])
    array([1.5, 4. , 1.5, 3. ])
    """
    _, places, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((2 * ends - counts + 1) / 2)[places]


def pearson(a: ArrayLike, b: ArrayLike) -> float:
    """Return the linear correlation in [-1, 1]; NaN for fewer than two pairs or a list of equal values.

    Examples
    --------
    >>> pearson([1.0, 2.0, 3.0], [5.0, 4.0, 3.0])
    -1.0
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.size < 2 or (x == x[0]).all() or (y == y[0]).all():
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    x, y = x / np.abs(x).max(), y / np.abs(y).max()  # or squares of tiny numbers would be zeros
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Return the rank correlation, ties by average ranks: `pearson` of the ranks.

    Examples
    --------
    >>> round(spearman([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 100.0, 100.0]), 4)
    0.9487
    """
    return pearson(average_ranks(a), average_ranks(b))

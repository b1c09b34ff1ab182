"""The chi-square test of counts: pooled cells, a tolerance, and the smallest deviation that is found.

Distributions are those of the cube root, which is nearly normal: Wilson and Hilferty, "The distribution of chi-square",
PNAS 17, 1931, and with a noncentrality Abdel-Aty, "Approximate formulae for the percentage points and the probability
integral of the non-central chi-square distribution", Biometrika 41, 1954.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.not_a_number import not_a_number

Floats = NDArray[np.float64]

ALARM = 1e-5  # chance that a test fails where nothing is wrong
POWER = 0.99  # chance with which the smallest stated deviation is found
LEAST_VARIANCE = 5.0  # of the count of a cell, so that it is nearly normal

_NORMAL = NormalDist()


def _cube_root(degrees: float, noncentrality: float) -> tuple[float, float, float]:
    """Return the mean of chi-square, and mean and deviation of the cube root of chi-square / mean."""
    mean = degrees + noncentrality
    variance = 2 * (degrees + 2 * noncentrality) / (9 * mean**2)
    return mean, 1 - variance, variance**0.5


def survival(chi_square: float, degrees: float, noncentrality: float = 0.0) -> float:
    """Return the chance of a value of at least `chi_square`.

    Examples
    --------
    >>> round(survival(18.307, 10), 3), round(survival(31.4, 20), 3)
    (0.05, 0.05)
    """
    mean, center, deviation = _cube_root(degrees, noncentrality)
    return _NORMAL.cdf((center - (chi_square / mean) ** (1 / 3)) / deviation)


def quantile(chance: float, degrees: float, noncentrality: float = 0.0) -> float:
    """Return the value that is exceeded with a chance.

    Examples
    --------
    >>> round(quantile(0.05, 10), 1)
    18.3
    """
    mean, center, deviation = _cube_root(degrees, noncentrality)
    return mean * max(center + _NORMAL.inv_cdf(1 - chance) * deviation, 0.0) ** 3


def least_noncentrality(degrees: float, tolerated: float = 0.0) -> float:
    """Return the noncentrality at which the test fails with chance `POWER`, if it tolerates another one.

    Examples
    --------
    >>> critical = quantile(ALARM, 10)
    >>> values = np.random.default_rng(1).noncentral_chisquare(10, least_noncentrality(10), 20_000)
    >>> print(round((values > critical).mean(), 2))
    0.99
    """
    critical = quantile(ALARM, degrees, tolerated)
    low, high = tolerated, tolerated + critical + 100
    while survival(critical, degrees, high) < POWER:
        high *= 2
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if survival(critical, degrees, middle) >= POWER else (middle, high)
    return high


@not_a_number()
class Comparison(NamedTuple):
    """What the test says about counts.

    Attributes
    ----------
    agrees : bool
        Whether the counts agree with what was expected.
    deviation : float
        Estimated total variation between the true expected counts and those that were claimed, as a share of all
        draws: the smaller one of that of the counts themselves, with their noise, and of the bound that chi-square
        gives, without it.
    least : float
        Every total variation of at least this share is found with chance `POWER`.
    p_value : float
        Chance of counts that differ as much or more, if nothing is wrong.
    num_cells : int
        Number of cells after pooling; below 2 there is nothing to compare.
    """

    agrees: bool
    deviation: float
    least: float
    p_value: float
    num_cells: int


def compare(observed: Floats, expected: Floats, variance: Floats, tolerance: float = 0.0) -> Comparison:
    """Compare counts of classes with expected ones.

    Parameters
    ----------
    observed, expected : float64 [num_classes]
        Counts.
    variance : float64 [num_classes]
        For draws with replacement the expected counts, for samples of different classes the sum over the calls of
        pi (1 - pi), where pi is the chance to be in the sample. Covariances are taken to be
        -variance[k] variance[l] / sum(variance), which is exact for the former and the limit for the latter (Hajek,
        Annals of Mathematical Statistics 35, 1964).
    tolerance : float
        Total variation that is accepted.

    Examples
    --------
    >>> found = compare(np.array([480.0, 520.0]), np.array([500.0, 500.0]), np.array([500.0, 500.0]))
    >>> print(found.agrees, percent(found.deviation), percent(found.least))
    True 1.2 % 11 %
    """
    cell = _cells(expected, variance)
    size = int(cell.max()) + 1
    if size < 2:
        return Comparison(True, 0.0, 1.0, 1.0, size)
    gap, spread = np.bincount(cell, observed - expected), np.bincount(cell, variance)
    statistic, degrees, num_draws = float((gap**2 / spread).sum()), size - 1, float(expected.sum())
    scale = float(spread.sum()) ** 0.5 / (2 * num_draws)
    tolerated = (tolerance / scale) ** 2
    return Comparison(
        bool(statistic <= quantile(ALARM, degrees, tolerated)),
        min(scale * max(statistic - degrees, 0.0) ** 0.5, float(np.abs(gap).sum()) / (2 * num_draws)),
        scale * least_noncentrality(degrees, tolerated) ** 0.5,
        survival(statistic, degrees, tolerated),
        size,
    )


def _cells(expected: Floats, variance: Floats) -> NDArray[np.int64]:
    """Return the cell of each class: in order of falling expected count, as few as have `LEAST_VARIANCE` together."""
    order = np.argsort(-expected, kind="stable")
    cell = np.empty(expected.size, np.int64)
    number, collected = 0, 0.0
    for k, of_class in zip(order.tolist(), variance[order].tolist(), strict=True):
        if collected >= LEAST_VARIANCE:
            number, collected = number + 1, 0.0
        cell[k] = number
        collected += of_class
    if collected < LEAST_VARIANCE and number > 0:
        cell[cell == number] = number - 1
    return cell


def percent(share: float) -> str:
    """Return a share in words.

    Examples
    --------
    >>> percent(0.0123), percent(0.00001)
    ('1.2 %', '0.001 %')
    """
    return f"{float(f'{100 * share:.2g}'):g} %" if math.isfinite(share) else "an unknown share"

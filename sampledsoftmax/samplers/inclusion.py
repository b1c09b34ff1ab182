"""Inclusion probabilities: the chance that a class is in a sample of different classes.

A batch of unique candidates is a race: let class k arrive after an exponential time of rate p_k; the
order of arrival is that of draws in which repeated classes are dropped, and the sample is the first
num_sampled to arrive (Rosén, "Asymptotic theory for successive sampling with varying probabilities
without replacement", Annals of Mathematical Statistics 43, 1972). So class k is included with
probability

    integral over t of p_k exp(-p_k t) * P(fewer than num_sampled of the other classes arrived by t) dt,

where the number that arrived is Poisson-binomial: class j is among them with chance 1 - exp(-p_j t).
The integral is taken here by quadrature. Rosén's own approximation, 1 - exp(-p_k t) with the one t
at which these add up to num_sampled, is 8 % off for one class of five, 0.5 % for 20 of 200.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.sampling.inclusion import fewer_than
from sampledsoftmax.not_a_number import not_a_number

Floats = NDArray[np.float64]

LOG_CHANCE = 18.0  # times at which the sample is complete, or incomplete, with chance exp(-18) or less are left out
GROUP_WIDTH = 1.03  # largest ratio of two probabilities of one group


@not_a_number(has_arrays=True)
class Groups(NamedTuple):
    """Classes in groups of (nearly) one probability, so that sums over millions of classes are short.

    A group stands for classes whose probabilities are within 3 % of each other, by their mean; sums of a smooth
    function of p over all classes are then exact to about 1e-5. Empty groups mark the ends of these ranges, so that
    every class lies between two groups that are close.

    Attributes
    ----------
    probability : float64 [num_groups]
        Chance of one class of the group in one draw, above 0, in increasing order.
    multiplicity : float64 [num_groups]
        Number of classes in the group; 0 where only the inclusion probability of such a class is wanted.
    """

    probability: Floats
    multiplicity: Floats


def grouped(probability: NDArray[np.float32]) -> Groups:
    """Return the groups of any probabilities [range_max]; classes of probability 0 are left out."""
    p = probability[probability > 0].astype(np.float64)
    bins = np.floor(np.log(p) / math.log(GROUP_WIDTH)).astype(np.int64)
    lowest = bins.min()
    count = np.bincount(bins - lowest).astype(np.float64)
    filled = np.flatnonzero(count)
    exponents = np.union1d(filled, filled + 1).astype(np.float64) + lowest
    mean = np.bincount(bins - lowest, p)[filled] / count[filled]
    return with_ends(mean, count[filled], np.exp(exponents * math.log(GROUP_WIDTH)))


def with_ends(mean: NDArray[np.float64], multiplicity: NDArray[np.float64], ends: NDArray[np.float64]) -> Groups:
    """Return groups of `mean` probabilities, and empty ones of the probabilities `ends`."""
    probability = np.concatenate([mean, ends])
    order = np.argsort(probability)
    return Groups(probability[order], np.concatenate([multiplicity, np.zeros_like(ends)])[order])


class Inclusion:
    """Inclusion probabilities of samples of `num_sampled` different classes.

    They are computed once for each group; a class between two groups gets the interpolated value. The
    relative error is below 1e-4, most of it from grouping.

    Parameters
    ----------
    groups : Groups
        All classes that can be drawn.
    num_sampled : int
        Size of the sample, 1 to the number of these classes.
    """

    def __init__(self, groups: Groups, num_sampled: int) -> None:
        self._log_probability = np.log(groups.probability)
        self._log_ratio = np.log(_included(groups, num_sampled)) - self._log_probability

    def __call__(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 inclusion probabilities for one-draw probabilities; 0 stays 0."""
        p = probability.astype(np.float64)
        with np.errstate(divide="ignore"):
            ratio = np.exp(np.interp(np.log(p), self._log_probability, self._log_ratio))
        return np.asarray(np.minimum(p * ratio, 1.0), np.float32)


def _included(groups: Groups, num_sampled: int) -> Floats:
    """Return the inclusion probability of a class of each group."""
    p, multiplicity = groups
    if num_sampled == multiplicity.sum():
        return np.ones_like(p)
    first, last = _span(groups, num_sampled)
    half = _half_window(groups, num_sampled, first, last)
    # In log(t) the integrand bends over a width of about 1 (narrower only where the whole span is): a
    # Gauss-Legendre rule with these nodes is right to 1e-6.
    nodes, node_weights = np.polynomial.legendre.leggauss(20 + int(2 * (last - first)))
    included: Floats = -np.expm1(-p * np.exp(first))
    fewer = np.empty_like(p)
    for node, weight in zip(nodes, node_weights, strict=True):
        time = np.exp(first + (last - first) * (node + 1) / 2)
        fewer_than(num_sampled, -np.expm1(-p * time), multiplicity, half, fewer)
        included += weight * (last - first) / 2 * time * p * np.exp(-p * time) * fewer
    return included


def _span(groups: Groups, num_sampled: int) -> tuple[float, float]:
    """Return the logarithms of two times between which the sample becomes complete, with chance 1 - exp(-18)."""
    middle = _bisect(lambda log_time: _arrived(groups, log_time) > num_sampled, -30.0, 120.0)
    return (
        _bisect(lambda log_time: _log_tail(groups, num_sampled, log_time) < LOG_CHANCE, -30.0, middle),
        _bisect(lambda log_time: _log_tail(groups, num_sampled, log_time) > LOG_CHANCE, middle, 120.0),
    )


def _arrived(groups: Groups, log_time: float) -> float:
    """Return the expected number of classes that arrived by a time."""
    return float(-groups.multiplicity @ np.expm1(-groups.probability * np.exp(log_time)))


def _log_tail(groups: Groups, num_sampled: int, log_time: float) -> float:
    """Return c such that the number that arrived is beyond num_sampled with a chance below exp(-c).

    Hoeffding, "Probability inequalities for sums of bounded random variables", 1963, theorem 1.
    """
    arrived = _arrived(groups, log_time)
    missing = groups.multiplicity @ np.exp(-groups.probability * np.exp(log_time))
    others = groups.multiplicity.sum() - num_sampled
    with np.errstate(divide="ignore", over="ignore"):
        return float(num_sampled * np.log(num_sampled / arrived) + others * np.log(others / missing))


def _half_window(groups: Groups, num_sampled: int, first: float, last: float) -> int:
    """Return how far from num_sampled the number that arrived can be, at any time of the span."""
    below, above = _arrived(groups, first), _arrived(groups, last)
    spread = 2 * max(num_sampled - below, above - num_sampled)
    return int(min(spread, max(num_sampled, groups.multiplicity.sum() - num_sampled))) + 12


def _bisect(passed: Callable[[float], bool], low: float, high: float) -> float:
    """Return where `passed` turns from false to true."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if passed(middle) else (middle, high)
    return (low + high) / 2

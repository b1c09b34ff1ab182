"""Experiment: the log-uniform distribution compared to counts, with sorted and shuffled ids."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax.diagnostics.chart import doubling
from sampledsoftmax.diagnostics.fitting import Fit, fit
from sampledsoftmax.diagnostics.problem import Floats, shares
from sampledsoftmax.samplers.log_uniform import LogUniformSampler


class Order(NamedTuple):
    """Counts in one order of the ids.

    Attributes
    ----------
    order : str
        "falling" or "shuffled".
    starts : int64 [num_bins + 1]
        Bins of ids, eight per doubling of the id: bin i is the half-open range [starts[i], starts[i + 1]).
    share : float64 [num_bins]
        Mean share of the counts of a class in the bin.
    log_uniform : float64 [num_bins]
        Mean probability of such a class in one draw.
    fit : Fit
    """

    order: str
    starts: NDArray[np.int64]
    share: Floats
    log_uniform: Floats
    fit: Fit


def fit_in_two_orders(counts: ArrayLike, seed: int = 0) -> list[Order]:
    """Return how log-uniform sampling fits sorted counts, and the same counts shuffled.

    Examples
    --------
    >>> falling, shuffled = fit_in_two_orders(100 / np.arange(1, 41))
    >>> falling.fit.distance.worth > 0.9 > 0.5 > shuffled.fit.distance.worth
    True
    """
    falling = np.sort(np.asarray(counts, np.float64))[::-1]
    shuffled = np.random.default_rng(seed).permutation(falling)
    return [_order("falling", falling), _order("shuffled", shuffled)]


def _order(name: str, counts: Floats) -> Order:
    bins = doubling(counts.size, per_doubling=8)
    q = LogUniformSampler(counts.size).probability(np.arange(counts.size))
    sizes = bins.sizes()
    return Order(name, bins.starts, bins.sums(shares(counts)) / sizes, bins.sums(q) / sizes, fit(counts))

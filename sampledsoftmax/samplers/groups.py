"""Classes in groups of nearly one probability, so that sums over millions of classes are short.

A group stands for classes whose probabilities are within 3 % of each other, by their mean; sums of a
smooth function of p over all classes are then right to some 1e-5. Groups of no class are put at the
ends of these ranges, so that every class lies between two groups that are near.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.samplers.inclusion import Groups

WIDTH = 1.03


def log_uniform_groups(range_max: int) -> Groups:
    """Return the groups of a log-uniform distribution: the first ids one by one, then ranges of ids."""
    starts = [0]
    while starts[-1] < range_max:
        starts.append(min(range_max, max(starts[-1] + 1, int((starts[-1] + 1) * WIDTH) - 1)))
    first, end = np.array(starts[:-1], np.float64), np.array(starts[1:], np.float64)
    log_range = math.log1p(range_max)
    mean = np.log1p((end - first) / (first + 1.0)) / log_range / (end - first)
    least = math.log1p(1.0 / range_max) / log_range
    return _with_ends(mean, end - first, np.array([least]))


def grouped(probability: NDArray[np.float32]) -> Groups:
    """Return the groups of classes of any probabilities; those that are 0 are left out."""
    p = probability[probability > 0].astype(np.float64)
    bins = np.floor(np.log(p) / math.log(WIDTH)).astype(np.int64)
    lowest = bins.min()
    count = np.bincount(bins - lowest).astype(np.float64)
    filled = np.flatnonzero(count)
    exponents = np.union1d(filled, filled + 1).astype(np.float64) + lowest
    mean = np.bincount(bins - lowest, p)[filled] / count[filled]
    return _with_ends(mean, count[filled], np.exp(exponents * math.log(WIDTH)))


def _with_ends(mean: NDArray[np.float64], multiplicity: NDArray[np.float64], ends: NDArray[np.float64]) -> Groups:
    probability = np.concatenate([mean, ends])
    order = np.argsort(probability)
    return Groups(probability[order], np.concatenate([multiplicity, np.zeros_like(ends)])[order])

"""Samplers whose expected counts do not match the distribution they draw from; two of them reproduce published code.

They demonstrate the consequences; do not train with them. The two published ones claim to be log-uniform,

    Q(k) = log((k + 2) / (k + 1)) / log(N + 1),

and correct by 1 - (1 - Q(k)) ** tries, the probability that k is in a sample of unique classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.diagnostics.gradient import Sampler
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.types import SampledValues

Ids = NDArray[np.int64]


class RoundedLogUniform:
    """Draws round(exp(u log N)) - 1 instead of floor, so class 0 is drawn too rarely and class 1 too often.

    A draw is class 0 with probability log(1.5) / log(N) instead of the claimed log(2) / log(N + 1): about 0.585 times
    as often. Classes are unique, and the tries are counted correctly.

    Parameters
    ----------
    range_max : int
        Number of classes N, at least 2.
    seed : int
        Seed of the draws.

    Notes
    -----
    The formula is that of `lm/log_uniform/Log_Uniform_Sampler.cpp` in the GitHub repository
    rdspring1/PyTorch_GBW_LM (commit b63c9d4), which rounds with lround.

    Examples
    --------
    >>> sampler = RoundedLogUniform(1000, seed=1)
    >>> drawn = [0 in sampler.sample([[0]], 1).sampled_candidates for _ in range(2000)]
    >>> claimed = sampler.sample([[0]], 1).true_expected_count[0, 0]
    >>> bool(0.5 < np.mean(drawn) / claimed < 0.67)
    True
    """

    def __init__(self, range_max: int, seed: int) -> None:
        self.range_max = validation.whole_number("range_max", range_max, 2)
        self._rng = np.random.default_rng(seed)

    def sample(self, true_classes: ArrayLike, num_sampled: int) -> SampledValues:
        """Draw until there are `num_sampled` unique classes."""
        validation.sample_size("num_sampled", num_sampled, True, "range_max", self.range_max)
        drawn: dict[int, None] = {}
        tries = 0
        while len(drawn) < num_sampled:
            draws = np.rint(self.range_max ** self._rng.random(4 * num_sampled)).astype(np.int64) - 1
            for draw in (draws % self.range_max).tolist():
                tries += 1
                drawn[draw] = None
                if len(drawn) == num_sampled:
                    break
        return _counted(np.fromiter(drawn, np.int64), true_classes, self.range_max, tries)


class ReplacedLogUniform:
    """Draws with replacement, but computes expected counts for unique classes.

    Such a sample contains class k num_sampled * Q(k) times on average, which for the first classes is more than the
    1 - (1 - Q(k)) ** num_sampled that is corrected for. In addition, the last class is never drawn.

    Parameters
    ----------
    range_max : int
        Number of classes N, at least 2.
    seed : int
        Seed of the draws.

    Notes
    -----
    The formulas are those of `sample` and `expected_count` in `utils.py` of the GitHub repository
    leimao/Sampled-Softmax-PyTorch (commit 94fa9dc). That code removes only the last copy of an accidental hit:
    `hit_copies="last"`.

    Examples
    --------
    >>> values = ReplacedLogUniform(10, seed=1).sample([[0]], 20)
    >>> int((values.sampled_candidates == 0).sum()), values.true_expected_count
    (5, array([[0.9989121]], dtype=float32))
    """

    def __init__(self, range_max: int, seed: int) -> None:
        self.range_max = validation.whole_number("range_max", range_max, 2)
        self._rng = np.random.default_rng(seed)

    def sample(self, true_classes: ArrayLike, num_sampled: int) -> SampledValues:
        """Draw `num_sampled` classes."""
        validation.sample_size("num_sampled", num_sampled, False, "range_max", self.range_max)
        ids = np.floor(self.range_max ** self._rng.random(num_sampled)).astype(np.int64) - 1
        return _counted(ids, true_classes, self.range_max, num_sampled)


class Recounted:
    """Wraps a sampler and changes its expected counts.

    Parameters
    ----------
    sampler : object with sample(true_classes, num_sampled)
        Draws the candidates.
    change : function
        From expected counts to those returned, for example their reciprocal, which flips the sign of log Q.
    """

    def __init__(self, sampler: Sampler, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._sampler, self._change = sampler, change

    def sample(self, true_classes: ArrayLike, num_sampled: int) -> SampledValues:
        """Draw the candidates, and change their expected counts."""
        ids, true_count, sampled_count = self._sampler.sample(true_classes, num_sampled)
        return SampledValues(ids, self._change(true_count), self._change(sampled_count))


class WithReplacement:
    """Wraps a sampler of the library to draw with replacement, with the correct expected counts n * Q(k).

    Parameters
    ----------
    sampler : CandidateSampler
        Draws the candidates.
    """

    def __init__(self, sampler: CandidateSampler) -> None:
        self._sampler = sampler

    def sample(self, true_classes: ArrayLike, num_sampled: int) -> SampledValues:
        """Draw `num_sampled` classes."""
        return self._sampler.sample(true_classes, num_sampled, unique=False)


def claimed(ids: Ids, range_max: int) -> Floats:
    """Return the log-uniform probability of ids."""
    return np.asarray(np.log((ids + 2) / (ids + 1)) / np.log(range_max + 1))


def _counted(ids: Ids, true_classes: ArrayLike, range_max: int, tries: int) -> SampledValues:
    def count(of: Ids) -> NDArray[np.float32]:
        return np.asarray(-np.expm1(tries * np.log1p(-claimed(of, range_max))), np.float32)

    return SampledValues(ids, count(validation.labels("true_classes", true_classes, 1, range_max)), count(ids))

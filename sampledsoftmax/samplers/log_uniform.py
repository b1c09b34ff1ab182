"""The log-uniform (Zipfian) candidate sampler."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.distribution import LogUniform
from sampledsoftmax.samplers.base import CandidateSampler, pure_sample
from sampledsoftmax.samplers.inclusion import GROUP_WIDTH, Groups, with_ends
from sampledsoftmax.types import SampledValues

MAX_RANGE = 2**53  # above it adjacent ids are the same float64


class LogUniformSampler(CandidateSampler):
    """Log-uniform candidates, call after call, as one TensorFlow op with this seed gives them.

    A draw is class k with probability log((k + 2) / (k + 1)) / log(range_max + 1): about that of the
    k-th most frequent word of a text, so ids must be sorted by falling frequency.

    Parameters
    ----------
    range_max : int
        Number of classes, 1 to 2**53; memory does not depend on it.
    seed : None, int or (int, int)
        None draws fresh entropy; an int is TensorFlow's op seed, a pair is (global seed, op seed).
    expected_count : "tensorflow" or "inclusion"
        How the counts of unique candidates are computed: TensorFlow's approximation, or the chance that
        the class is in the sample, exact to 1e-4.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    Source: LogUniformSampler in tensorflow/core/kernels/range_sampler.cc (2.21). Ids are equal to
    TensorFlow's, expected counts within 4 units in the last place of float32.

    Examples
    --------
    >>> sampler = LogUniformSampler(10_000, seed=1)
    >>> first, second = (sampler.sample([[3], [0]], num_sampled=4) for _ in range(2))
    >>> first.sampled_candidates, second.sampled_candidates
    (array([4458,   40,  544,  659]), array([   0,   44, 1786,   11]))
    >>> sampler.probability([0, 99]).round(5)
    array([0.07526, 0.00108], dtype=float32)
    """

    def __init__(self, range_max: int, seed: Any = None, *, expected_count: str = "tensorflow") -> None:
        super().__init__(validation.whole_number("range_max", range_max, 1, MAX_RANGE), seed, expected_count)

    def compiled_distribution(self) -> LogUniform:  # noqa: D102 - inherited
        return LogUniform(self.support)

    def probability_groups(self) -> Groups:  # noqa: D102 - inherited
        starts = [0]
        while starts[-1] < self.range_max:
            starts.append(min(self.range_max, max(starts[-1] + 1, int((starts[-1] + 1) * GROUP_WIDTH) - 1)))
        first, end = np.array(starts[:-1], np.float64), np.array(starts[1:], np.float64)
        log_range = math.log1p(self.range_max)
        mean = np.log1p((end - first) / (first + 1.0)) / log_range / (end - first)
        least = math.log1p(1.0 / self.range_max) / log_range
        return with_ends(mean, end - first, np.array([least]))


def log_uniform_candidate_sampler(
    true_classes: ArrayLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: Any = None,
    name: str | None = None,
    *,
    expected_count: str = "tensorflow",
) -> SampledValues:
    """Draw log-uniform candidates for one batch, as `tf.random.log_uniform_candidate_sampler` does.

    Parameters
    ----------
    true_classes : int [batch_size, num_true]
        Labels of the batch, in [0, range_max).
    num_true : int
        Number of labels per example, at least 1.
    num_sampled : int
        Number of candidates, at least 1, and at most `range_max` when `unique`.
    unique : bool
        Whether each class is in the sample at most once.
    range_max : int
        Number of classes, 1 to 2**53; ids must be sorted by falling frequency.
    seed : None, int or (int, int)
        Same seed, same candidates; see `LogUniformSampler`. The result is that of the op's first call.
    name : str, optional
        TensorFlow's name of the operation; accepted for its sake, without effect.
    expected_count : "tensorflow" or "inclusion"
        As for `LogUniformSampler`.

    Returns
    -------
    SampledValues
        sampled_candidates int64 [num_sampled], true_expected_count float32 [batch_size, num_true],
        sampled_expected_count float32 [num_sampled].

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range; the message names the first bad id.

    Examples
    --------
    >>> log_uniform_candidate_sampler([[3], [0]], 1, 4, True, 10_000, seed=1).sampled_candidates
    array([4458,   40,  544,  659])
    """
    sampler = LogUniformSampler(range_max, seed, expected_count=expected_count)
    return pure_sample(sampler, true_classes, num_true, num_sampled, unique, name)

"""The uniform candidate sampler."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.distribution import Uniform
from sampledsoftmax.samplers.base import CandidateSampler, Counter, pure_sample
from sampledsoftmax.samplers.inclusion import Groups
from sampledsoftmax.types import SampledValues

MAX_RANGE = 2**63 - 1


class UniformSampler(CandidateSampler):
    """Uniform candidates, call after call, as one TensorFlow op with this seed gives them.

    Each draw is any class with probability 1 / range_max.

    Parameters
    ----------
    range_max : int
        Number of classes, 1 to 2**63 - 1; memory does not depend on it.
    seed : None, int or (int, int)
        None draws fresh entropy; an int is TensorFlow's op seed, a pair is (global seed, op seed).
    expected_count : "tensorflow" or "inclusion"
        How the counts of unique candidates are computed: TensorFlow's approximation, or the chance that
        the class is in the sample, num_sampled / range_max.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    Source: UniformSampler in tensorflow/core/kernels/range_sampler.cc (2.21). Ids are equal to
    TensorFlow's, expected counts within 4 units in the last place of float32.

    Examples
    --------
    >>> sampler = UniformSampler(10_000, seed=1)
    >>> first, second = (sampler.sample([[3], [0]], num_sampled=4) for _ in range(2))
    >>> first.sampled_candidates, second.sampled_candidates
    (array([4791, 3905, 3701,  154]), array([8036, 1769, 8827, 6141]))
    >>> sampler.probability([0, 99]) * 10_000
    array([1., 1.], dtype=float32)
    """

    def __init__(self, range_max: int, seed: Any = None, *, expected_count: str = "tensorflow") -> None:
        super().__init__(validation.whole_number("range_max", range_max, 1, MAX_RANGE), seed, expected_count)

    def compiled_distribution(self) -> Uniform:  # noqa: D102 - inherited
        return Uniform(self.support)

    def probability_groups(self) -> Groups:  # noqa: D102 - inherited
        return Groups(np.array([1.0 / self.range_max]), np.array([float(self.range_max)]))

    def _inclusion(self, num_sampled: int) -> Counter:
        return lambda probability: probability * np.float32(num_sampled)


def uniform_candidate_sampler(
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
    """Draw uniform candidates for one batch, as `tf.random.uniform_candidate_sampler` does.

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
        Number of classes, 1 to 2**63 - 1.
    seed : None, int or (int, int)
        Same seed, same candidates; see `UniformSampler`. The result is that of the op's first call.
    name : str, optional
        TensorFlow's name of the operation; accepted for its sake, without effect.
    expected_count : "tensorflow" or "inclusion"
        As for `UniformSampler`.

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
    >>> uniform_candidate_sampler([[3], [0]], 1, 4, True, 10_000, seed=1).sampled_candidates
    array([4791, 3905, 3701,  154])
    """
    sampler = UniformSampler(range_max, seed, expected_count=expected_count)
    return pure_sample(sampler, true_classes, num_true, num_sampled, unique, name)

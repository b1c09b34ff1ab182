"""The sampler that takes every class: sampled softmax with it is the full softmax."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.distribution import AllClasses
from sampledsoftmax.samplers.base import CandidateSampler, pure_sample, support
from sampledsoftmax.types import SampledValues


class AllSampler(CandidateSampler):
    """All classes, in order, each with the expected count 1, whatever the seed.

    log(1) = 0 is subtracted from the logits, so that with accidental hits left out the sampled loss
    is the full one.

    Parameters
    ----------
    range_max : int
        Number of classes, 1 to 2**63 - 1.
    seed : None, int or (int, int)
        Taken as the other samplers take it, and without effect: nothing is drawn.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    `sample` takes `num_sampled = range_max` only; `unique` is without effect there.
    Source: AllSampler in tensorflow/core/kernels/range_sampler.cc (2.21).

    Examples
    --------
    >>> sampler = AllSampler(3)
    >>> values = sampler.sample([[2]], num_sampled=3)
    >>> values.sampled_candidates, values.sampled_expected_count, sampler.probability([2])
    (array([0, 1, 2]), array([1., 1., 1.], dtype=float32), array([1.], dtype=float32))
    """

    def __init__(self, range_max: int, seed: Any = None) -> None:
        super().__init__(validation.whole_number("range_max", range_max, 1, 2**63 - 1), seed, "tensorflow")
        self._described = AllClasses(support(self.range_max))

    def _checked_size(self, num_sampled: object, unique: bool) -> int:
        size = validation.whole_number("num_sampled", num_sampled, 1)
        if size != self.range_max:
            raise ValueError(f"num_sampled must be range_max = {self.range_max}: all classes are taken, got {size}")
        return size

    def _scratch(self, num_sampled: int) -> NDArray[np.int64]:
        return self._slots  # no class comes twice


def all_candidate_sampler(
    true_classes: ArrayLike, num_true: int, num_sampled: int, unique: bool, seed: Any = None
) -> SampledValues:
    """Return every class as a candidate, as `tf.random.all_candidate_sampler` does.

    Parameters
    ----------
    true_classes : int [batch_size, num_true]
        Labels of the batch, in [0, num_sampled).
    num_true : int
        Number of labels an example, at least 1.
    num_sampled : int
        Number of classes, at least 1.
    unique : bool
        Without effect: each class comes once.
    seed : None, int or (int, int)
        Without effect: nothing is drawn.

    Returns
    -------
    SampledValues
        sampled_candidates int64 [num_sampled], 0 to num_sampled - 1; true_expected_count float32
        [batch_size, num_true] and sampled_expected_count float32 [num_sampled], all 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range; the message names the first bad id.

    Examples
    --------
    >>> all_candidate_sampler([[2]], 1, 4, True).sampled_candidates
    array([0, 1, 2, 3])
    """
    size = validation.whole_number("num_sampled", num_sampled, 1, 2**63 - 1)
    return pure_sample(AllSampler(size, seed), true_classes, num_true, size, unique)

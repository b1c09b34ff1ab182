"""The sampler that returns every class: sampled softmax with it is the full softmax."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.distribution import AllClasses
from sampledsoftmax.samplers.base import CandidateSampler, Counter, pure_sample
from sampledsoftmax.types import SampledValues


class AllSampler(CandidateSampler):
    """All classes, in order, each with the expected count 1, whatever the seed.

    log(1) = 0 is subtracted from the logits, so that with accidental hits removed the sampled loss
    is the full softmax loss.

    Parameters
    ----------
    range_max : int
        Number of classes, 1 to 2**63 - 1.
    seed : None, int or (int, int)
        Accepted as by the other samplers, without effect: nothing is drawn.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    `sample` accepts `num_sampled = range_max` only; its argument `unique` has no effect.
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

    def compiled_distribution(self) -> AllClasses:  # noqa: D102 - inherited
        return AllClasses(self.support)

    def draw(self, rng: np.random.Generator, size: int) -> NDArray[np.int64]:
        """Return the classes in order, again from 0 after the last one.

        Parameters
        ----------
        rng : numpy.random.Generator
            Not used.
        size : int
            Number of draws.

        Returns
        -------
        int64 [size]
            0 to range_max - 1, repeated.

        Raises
        ------
        TypeError, ValueError
            If `size` is no whole number of at least 0.

        Examples
        --------
        >>> AllSampler(3).draw(np.random.default_rng(1), 4)
        array([0, 1, 2, 0])
        """
        return validation.first_ids(validation.whole_number("size", size, 0)) % self.range_max

    def checked_size(self, num_sampled: object, unique: bool) -> int:  # noqa: D102 - inherited
        size = validation.whole_number("num_sampled", num_sampled, 1)
        if size != self.range_max:
            raise ValueError(f"num_sampled must be range_max = {self.range_max}: all classes are taken, got {size}")
        return size

    def _counter(self, num_sampled: int, unique: bool, tries: int) -> Counter:
        return lambda probability: probability

    def _scratch(self, num_sampled: int) -> NDArray[np.int64]:
        return self._slots  # no class is drawn twice


def all_candidate_sampler(
    true_classes: ArrayLike, num_true: int, num_sampled: int, unique: bool, seed: Any = None, name: str | None = None
) -> SampledValues:
    """Return every class as a candidate, as `tf.random.all_candidate_sampler` does.

    Parameters
    ----------
    true_classes : int [batch_size, num_true]
        Labels of the batch, in [0, num_sampled).
    num_true : int
        Number of labels per example, at least 1.
    num_sampled : int
        Number of classes, at least 1.
    unique : bool
        Without effect: each class is returned once.
    seed : None, int or (int, int)
        Without effect: nothing is drawn.
    name : str, optional
        TensorFlow's name of the operation; accepted for its sake, without effect.

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
    return pure_sample(AllSampler(size, seed), true_classes, num_true, size, unique, name)

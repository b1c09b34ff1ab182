"""The candidate sampler that learns class frequencies from the labels."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.jit.integers import round_up
from sampledsoftmax.kernels.sampling.distribution import LearnedUnigram
from sampledsoftmax.kernels.sampling.prefix_sums import GROUP, MAX_TOTAL, build_tree, tree_size
from sampledsoftmax.samplers.base import CandidateSampler, pure_sample
from sampledsoftmax.types import SampledValues

MAX_RANGE = 2**31 - 2  # TensorFlow's: the counts start at 1 and their total is an int32


class LearnedUnigramSampler(CandidateSampler):
    """Candidates by the counts of the labels so far, as one TensorFlow op with this seed gives them.

    Every count starts at 1. Each draw is class k with probability counts[k] / sum(counts). Each call of
    `sample` draws, and *then* adds 1 to the count of each of its true classes (once for each occurrence);
    the expected counts are those before. Drawing and adding take O(log(range_max)).

    Parameters
    ----------
    range_max : int
        Number of classes, 1 to 2**31 - 2; memory is a little over 4 bytes for each.
    seed : None, int or (int, int)
        None draws fresh entropy; an int is TensorFlow's op seed, a pair is (global seed, op seed).
    expected_count : "tensorflow" or "inclusion"
        How the counts of unique candidates are computed: TensorFlow's approximation, or the chance that
        the class is in the sample, exact to 1e-4. The latter costs O(range_max) per call, since the
        distribution changes with each call.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    Source: UnigramSampler in tensorflow/core/kernels/range_sampler.cc (2.21). Ids are equal to
    TensorFlow's, expected counts within 4 units in the last place of float32. When the total of the
    counts reaches 2**31 - 1, they stay as they are.

    Examples
    --------
    >>> sampler = LearnedUnigramSampler(1_000, seed=1)
    >>> first, second = (sampler.sample([[3], [3], [0]], num_sampled=4) for _ in range(2))
    >>> first.sampled_candidates, second.sampled_candidates
    (array([127, 759, 393,  22]), array([696, 858, 247, 461]))
    >>> sampler.counts[:5], sampler.probability([0, 3])
    (array([3, 1, 1, 5, 1]), array([0.00298211, 0.00497018], dtype=float32))
    """

    def __init__(self, range_max: int, seed: Any = None, *, expected_count: str = "tensorflow") -> None:
        super().__init__(validation.whole_number("range_max", range_max, 1, MAX_RANGE), seed, expected_count)
        self._tree = _aligned(tree_size(self.range_max))
        build_tree(np.ones(self.range_max, np.int64), self._tree)

    def compiled_distribution(self) -> LearnedUnigram:  # noqa: D102 - inherited
        return LearnedUnigram(self.support, self._tree)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Copy of the counts, int64 [range_max]."""
        with self.lock:
            return self._counts()

    def _counts(self) -> NDArray[np.int64]:
        groups = self._tree[: round_up(self.range_max, GROUP)].astype(np.int64).reshape(-1, GROUP)
        return np.diff(groups, prepend=0).ravel()[: self.range_max]

    def repair(self) -> None:  # noqa: D102 - inherited
        build_tree(np.maximum(self._counts(), 1), self._tree)  # some of the sums were increased already

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "counts": self._counts().tolist()}

    def _set_state(self, state: dict[str, Any]) -> None:
        if not isinstance(state, dict):
            raise TypeError(f"state must be the dict of a sampler's state, got {validation.described(state)}")
        position = dict(state)
        counts = _checked_counts(position.pop("counts", None), self.range_max)
        super()._set_state(position)
        build_tree(counts, self._tree)


def learned_unigram_candidate_sampler(
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
    """Draw candidates for one batch, as the first call of `tf.random.learned_unigram_candidate_sampler`.

    In the first call nothing is learned yet, so every class is equally likely; a `LearnedUnigramSampler`
    keeps learning.

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
        Number of classes, 1 to 2**31 - 2.
    seed : None, int or (int, int)
        Same seed, same candidates; see `LearnedUnigramSampler`.
    name : str, optional
        TensorFlow's name of the operation; accepted for its sake, without effect.
    expected_count : "tensorflow" or "inclusion"
        As for `LearnedUnigramSampler`.

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
    >>> learned_unigram_candidate_sampler([[3], [0]], 1, 4, True, 1_000, seed=1).sampled_candidates
    array([127, 759, 393,  22])
    """
    sampler = LearnedUnigramSampler(range_max, seed, expected_count=expected_count)
    return pure_sample(sampler, true_classes, num_true, num_sampled, unique, name)


def _checked_counts(counts: Any, range_max: int) -> NDArray[np.int64]:
    """Return the counts of a state as an array."""
    array = validation.as_array("state['counts']", counts)
    if array.dtype.kind not in "iu" or array.shape != (range_max,):
        raise ValueError(
            f"state['counts'] must be {range_max} whole numbers, got {validation.dtype_of(array)} {list(array.shape)}"
        )
    if array.min() < 1 or array.sum() > MAX_TOTAL:
        raise ValueError(
            f"state['counts'] must each be at least 1 and add up to at most {MAX_TOTAL}, got {array.min()} as the"
            f" least and {array.sum()} in all"
        )
    return array.astype(np.int64)


def _aligned(size: int) -> NDArray[np.int32]:
    """Return an array aligned to a cache line, so that each group of a tree is one line."""
    array = np.empty(size + GROUP, np.int32)
    start = -array.ctypes.data % (4 * GROUP) // 4
    return array[start : start + size]

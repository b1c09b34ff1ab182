"""The candidate sampler of a fixed distribution given by weights."""

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.alias import build_alias_table, pack_alias_table
from sampledsoftmax.kernels.sampling.distribution import FixedUnigram
from sampledsoftmax.samplers.base import CandidateSampler, pure_sample
from sampledsoftmax.samplers.unigram_weights import unigram_weights
from sampledsoftmax.samplers.vocab_file import read_vocab_file
from sampledsoftmax.types import SampledValues

LARGEST_HEIGHT = np.float32(1 - 2.0**-23)  # largest value of a draw of 23 bits: see kernels/sampling/alias.py


class FixedUnigramSampler(CandidateSampler):
    """Candidates of given weights, call after call, as one TensorFlow op with this seed gives them.

    Each draw is class k with probability weights[k] / sum(weights), where the weights are 0 for the
    reserved ids and unigrams ** distortion for the others. Word vectors are commonly trained with a distortion
    of 0.75.

    Parameters
    ----------
    unigrams : float or int [num_unigrams]
        Count or weight of each id from `num_reserved_ids` on, at least 0; taken as float32.
    distortion : float
        Power to which they are raised: 1 leaves them unchanged, 0 makes them uniform.
    num_reserved_ids : int
        Number of ids before the first unigram. They are never drawn and their expected count is 0,
        so they cannot be true classes of a loss that subtracts its logarithm.
    num_shards : int
        Number of shards when several samplers share the work; ids are assigned to them in turn.
    shard : int
        The shard to draw from. With more than one, candidates and true classes are not ids but
        positions in the shard: without reserved ids, position i is id i * num_shards + shard.
    seed : None, int or (int, int)
        None draws fresh entropy; an int is TensorFlow's op seed, a pair is (global seed, op seed).
    expected_count : "tensorflow" or "inclusion"
        How the counts of unique candidates are computed: TensorFlow's approximation, or the chance that
        the class is in the sample, exact to 1e-4.

    Attributes
    ----------
    range_max : int
        Number of classes of the shard, reserved ids included.
    num_drawable : int
        Number of classes that can be drawn.
    weights : float32 [range_max]
        Weight of each class, read-only; `FixedUnigramSampler(weights)` is the same distribution.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range; the message names the first bad weight.

    Notes
    -----
    Source: FixedUnigramSampler in tensorflow/core/kernels/range_sampler.cc (2.21). Ids are equal to
    TensorFlow's, expected counts within 4 units in the last place of float32. The sum is taken in
    float32 there and here, so with more than 2**24 classes of equal weight the counts are too large.
    With both reserved ids and shards, TensorFlow numbers the unigrams from the number of reserved ids
    *in the shard* on, and so does this sampler: unless `num_reserved_ids` is a multiple of
    `num_shards`, some unigrams are then in two shards and others in none.

    Examples
    --------
    >>> sampler = FixedUnigramSampler([8, 4, 2, 1, 1], distortion=0.75, num_reserved_ids=1, seed=1)
    >>> sampler.sample([[2]], num_sampled=4).sampled_candidates
    array([5, 4, 1, 2])
    >>> sampler.probability([0, 1, 5]).round(3)
    array([0.   , 0.422, 0.089], dtype=float32)
    """

    def __init__(
        self,
        unigrams: ArrayLike,
        distortion: float = 1.0,
        num_reserved_ids: int = 0,
        num_shards: int = 1,
        shard: int = 0,
        seed: Any = None,
        *,
        expected_count: str = "tensorflow",
    ) -> None:
        weights = unigram_weights(unigrams, distortion, num_reserved_ids, num_shards, shard)
        super().__init__(weights.size, seed, expected_count)
        weights.flags.writeable = False
        self.weights = weights
        keep, alias = np.empty(weights.size, np.float32), np.empty(weights.size, np.int64)
        build_alias_table(weights, keep, alias)
        self._table = np.empty(weights.size, np.int64)
        pack_alias_table(keep, alias, self._table)
        self._shares = weights / np.add.accumulate(weights)[-1]
        self.num_drawable = _reachable(keep, alias)

    def compiled_distribution(self) -> FixedUnigram:  # noqa: D102 - inherited
        return FixedUnigram(self.support, self._shares, self._table)


def _reachable(keep: NDArray[np.float32], alias: NDArray[np.int64]) -> int:
    """Return how many classes an alias table can return."""
    reachable = keep > 0
    reachable[alias[keep <= LARGEST_HEIGHT]] = True
    return int(reachable.sum())


def fixed_unigram_candidate_sampler(
    true_classes: ArrayLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    vocab_file: str | os.PathLike[str] = "",
    distortion: float = 1.0,
    num_reserved_ids: int = 0,
    num_shards: int = 1,
    shard: int = 0,
    unigrams: ArrayLike = (),
    seed: Any = None,
    name: str | None = None,
    *,
    expected_count: str = "tensorflow",
) -> SampledValues:
    """Draw candidates of given weights, as `tf.random.fixed_unigram_candidate_sampler` does.

    Parameters
    ----------
    true_classes : int [batch_size, num_true]
        Labels of the batch, in [0, range_max).
    num_true : int
        Number of labels per example, at least 1.
    num_sampled : int
        Number of candidates, at least 1; when `unique`, at most the number of classes of weight above 0.
    unique : bool
        Whether each class is in the sample at most once.
    range_max : int
        Number of classes of the shard, reserved ids included.
    vocab_file : path
        File with one class per line, its weight after the last comma. Either this or `unigrams`.
    distortion : float
        Power to which the weights are raised.
    num_reserved_ids : int
        Number of ids before the first weight, which are never drawn.
    num_shards : int
        Number of shards; ids are assigned to them in turn.
    shard : int
        The shard to draw from; see `FixedUnigramSampler`.
    unigrams : float or int [num_unigrams]
        The weights. Either this or `vocab_file`.
    seed : None, int or (int, int)
        Same seed, same candidates; see `FixedUnigramSampler`. The result is that of the op's first call.
    name : str, optional
        TensorFlow's name of the operation; accepted for its sake, without effect.
    expected_count : "tensorflow" or "inclusion"
        As for `FixedUnigramSampler`.

    Returns
    -------
    SampledValues
        sampled_candidates int64 [num_sampled], true_expected_count float32 [batch_size, num_true],
        sampled_expected_count float32 [num_sampled].

    Raises
    ------
    FileNotFoundError
        If there is no such vocabulary file.
    TypeError, ValueError
        If an argument is of another type, shape or range; the message names the first bad id, weight or
        line.

    Examples
    --------
    >>> values = fixed_unigram_candidate_sampler([[3], [0]], 1, 4, True, 5, unigrams=[8, 4, 2, 1, 1], seed=1)
    >>> values.sampled_candidates, values.sampled_expected_count
    (array([4, 2, 1, 3]), array([0.25, 0.5 , 1.  , 0.25], dtype=float32))
    """
    given = validation.as_array("unigrams", unigrams)
    has_file = str(validation.path("vocab_file", vocab_file)) != "."  # that of ""
    if has_file == bool(given.size):
        raise ValueError("exactly one of vocab_file and unigrams must be given")
    weights = given if given.size else read_vocab_file(vocab_file)
    sampler = FixedUnigramSampler(
        weights, distortion, num_reserved_ids, num_shards, shard, seed, expected_count=expected_count
    )
    if validation.whole_number("range_max", range_max, 1) != sampler.range_max:
        raise ValueError(
            f"range_max must be the number of weights, reserved ids included, {sampler.range_max},"
            f" got {validation.shown(range_max)}"
        )
    return pure_sample(sampler, true_classes, num_true, num_sampled, unique, name)

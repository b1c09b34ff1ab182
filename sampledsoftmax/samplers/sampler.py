"""What all candidate samplers share: the door, the stream, the expected counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import check
from sampledsoftmax.samplers.expected_count import tensorflow_expected_count
from sampledsoftmax.samplers.inclusion import Groups, Inclusion
from sampledsoftmax.samplers.stream import CandidateStream
from sampledsoftmax.types import SampledValues

Counter = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class CandidateSampler:
    """A distribution over [0, range_max) and a position in its random stream.

    A sampler of its own defines `_probability`, the chance of each id in one draw; `_fill`, which writes
    the next draws of a stream; and `_groups`, its classes in groups of one probability. Where some
    classes are never drawn it defines `_support`, where it learns from the true classes `_learn`.
    """

    def __init__(self, range_max: int, seed: object, expected_count: str) -> None:
        self.range_max = range_max
        self.expected_count = check.choice("expected_count", expected_count, ("tensorflow", "inclusion"))
        self._stream = CandidateStream(seed)
        self._inclusions: dict[int, Inclusion] = {}

    def sample(self, true_classes: ArrayLike, num_sampled: int, unique: bool = True) -> SampledValues:
        """Draw the candidates of one batch.

        Parameters
        ----------
        true_classes : int [batch_size, num_true] or [batch_size]
            Labels of the batch, in [0, range_max). They are not excluded from the draw: they only get
            their expected counts.
        num_sampled : int
            Number of candidates, at least 1; when `unique`, at most the number of classes that can be
            drawn.
        unique : bool
            Whether a class comes at most once.

        Returns
        -------
        SampledValues
            Candidates int64 [num_sampled] and float32 expected counts.

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type, shape or range, or if the classes that are left are too
            rare for a unique sample (2**31 - 1 draws are not enough); the stream stays where it was.
        """
        labels = self._checked_labels(true_classes)
        unique = check.flag("unique", unique)
        num_sampled = check.sample_size("num_sampled", num_sampled, unique, *self._support())
        candidates, tries = self._stream.candidates(self._fill, num_sampled, unique)
        count = self._counter(num_sampled, unique, tries)
        values = SampledValues(candidates, count(self._probability(labels)), count(self._probability(candidates)))
        self._learn(labels)
        return values

    def probability(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the chance of each id in one draw, float32 in the shape of `ids`."""
        ids = np.asarray(ids)
        return self._probability(check.ids("ids", ids, ids.shape, self.range_max))

    @property
    def state(self) -> dict[str, Any]:
        """Position in the stream as plain data; assign it to go on from there."""
        return self._stream.state

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._stream.state = state

    def _checked_labels(self, true_classes: ArrayLike) -> NDArray[np.int64]:
        true_classes = np.asarray(true_classes)
        columns = true_classes.shape[1] if true_classes.ndim == 2 else 1
        return check.labels("true_classes", true_classes, columns, self.range_max)

    def _probability(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the chance of each id in one draw; the ids are checked."""
        raise NotImplementedError

    def _fill(self, cursor: NDArray[np.uint64], out: NDArray[np.int64]) -> None:
        """Write the next draws after `cursor` to `out` and move the cursor on."""
        raise NotImplementedError

    def _support(self) -> tuple[str, int]:
        """Return what bounds a unique sample, in words, and that number."""
        return "range_max", self.range_max

    def _groups(self) -> Groups:
        """Return all classes that can be drawn, in groups of nearly one probability."""
        raise NotImplementedError

    def _learn(self, labels: NDArray[np.int64]) -> None:
        """Take what the sampler learns from the true classes of a batch; nothing, but for some."""

    def _counter(self, num_sampled: int, unique: bool, tries: int) -> Counter:
        """Return what turns the chance of an id in one draw into its expected count."""
        if unique and self.expected_count == "inclusion":
            return self._inclusion(num_sampled)
        return lambda probability: tensorflow_expected_count(probability, num_sampled, tries)

    def _inclusion(self, num_sampled: int) -> Counter:
        """Return the inclusion probabilities for a size of sample, computed once."""
        if num_sampled not in self._inclusions:
            self._inclusions[num_sampled] = Inclusion(self._groups(), num_sampled)
        return self._inclusions[num_sampled]


def pure_sample(
    sampler: CandidateSampler, true_classes: ArrayLike, num_true: int, num_sampled: int, unique: bool
) -> SampledValues:
    """Return the first call of a fresh sampler, after checking `true_classes` against `num_true`."""
    num_true = check.whole_number("num_true", num_true, 1)
    labels = check.labels("true_classes", true_classes, num_true, sampler.range_max)
    return sampler.sample(labels, num_sampled, unique)

"""What all candidate samplers share: the door, the stream, the expected counts."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import check
from sampledsoftmax.samplers.expected_count import expected_count
from sampledsoftmax.samplers.stream import CandidateStream
from sampledsoftmax.types import SampledValues


class CandidateSampler:
    """A distribution over [0, range_max) and a position in its random stream.

    A sampler of its own defines `probability`, the chance of each id in one draw, and `_fill`, which
    writes the next draws of a stream; where some classes are never drawn, `_support` too.
    """

    def __init__(self, range_max: int, seed: object) -> None:
        self.range_max = range_max
        self._stream = CandidateStream(seed)

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
            If an argument is of another type, shape or range; the stream stays where it was.
        """
        true_classes = np.asarray(true_classes)
        columns = true_classes.shape[1] if true_classes.ndim == 2 else 1
        labels = check.labels("true_classes", true_classes, columns, self.range_max)
        unique = check.flag("unique", unique)
        num_sampled = check.sample_size("num_sampled", num_sampled, unique, *self._support())
        candidates, tries = self._stream.candidates(self._fill, num_sampled, unique)
        return SampledValues(
            candidates,
            expected_count(self.probability(labels), num_sampled, tries),
            expected_count(self.probability(candidates), num_sampled, tries),
        )

    def probability(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the chance of each id in one draw, float32 in the shape of `ids`."""
        raise NotImplementedError

    @property
    def state(self) -> dict[str, int]:
        """Position in the stream as plain data; assign it to go on from there."""
        return self._stream.state

    @state.setter
    def state(self, state: dict[str, int]) -> None:
        self._stream.state = state

    def _fill(self, cursor: NDArray[np.uint64], out: NDArray[np.int64]) -> None:
        """Write the next draws after `cursor` to `out` and move the cursor on."""
        raise NotImplementedError

    def _support(self) -> tuple[str, int]:
        """Return what bounds a unique sample, in words, and that number."""
        return "range_max", self.range_max


def pure_sample(
    sampler: CandidateSampler, true_classes: ArrayLike, num_true: int, num_sampled: int, unique: bool
) -> SampledValues:
    """Return the first call of a fresh sampler, after checking `true_classes` against `num_true`."""
    num_true = check.whole_number("num_true", num_true, 1)
    labels = check.labels("true_classes", true_classes, num_true, sampler.range_max)
    return sampler.sample(labels, num_sampled, unique)

"""What all candidate samplers share: the door, the stream, the expected counts."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.hash_table import empty_table, num_buckets
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.sampling.distribution import Distribution, Support, fill, probabilities
from sampledsoftmax.samplers import stream
from sampledsoftmax.samplers.expected_count import tensorflow_expected_count
from sampledsoftmax.samplers.inclusion import Groups, Inclusion
from sampledsoftmax.samplers.stream import CandidateStream, too_rare
from sampledsoftmax.types import SampledValues

Counter = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Ids = NDArray[np.int64]


class CandidateSampler:
    """A distribution over [0, range_max) and a position in its random stream.

    Our samplers set `_described`, the distribution as compiled code knows it. A sampler of its own defines
    `_probability`, the chance of each id in one draw, and `_fill`, which writes the next draws of a stream;
    where it learns from the true classes, `_learn`. For expected_count="inclusion" both define `_groups`,
    the classes in groups of one probability; where some classes are never drawn, `_support`.

    Calls from several threads come one after the other, in any order.
    """

    _redefined = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Note whether a class draws, counts or learns in Python; then compiled code must not do it instead."""
        super().__init_subclass__(**options)
        own = ("sample", "_fill", "_probability", "_counter", "_learn")
        cls._redefined = cls._redefined or any(name in vars(cls) for name in own)

    def __init__(self, range_max: int, seed: object, expected_count: str) -> None:
        self.range_max = range_max
        self.expected_count = validation.choice("expected_count", expected_count, ("tensorflow", "inclusion"))
        self._stream = CandidateStream(seed)
        self._described: Distribution | None = None
        self._inclusions: dict[int, Inclusion] = {}
        self._slots = empty_table(1)
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a copy must not share."""
        return {name: value for name, value in vars(self).items() if name not in ("_slots", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _slots=empty_table(1), _lock=threading.RLock())

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
        return self._sample(self._checked_labels(true_classes), num_sampled, unique)

    def probability(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the chance of each id in one draw.

        Parameters
        ----------
        ids : int, of any shape
            Classes, in [0, range_max).

        Returns
        -------
        float32, in the shape of `ids`
            Their probabilities; those of all classes add up to 1.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range.
        """
        ids = np.asarray(ids)
        return self._probability(_writeable(validation.ids("ids", ids, ids.shape, self.range_max)))

    @property
    def state(self) -> dict[str, Any]:
        """Position in the stream as plain data, that JSON can hold; assign it to go on from there."""
        with self._lock:
            return self._state()

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        with self._lock:
            self._set_state(state)

    def _state(self) -> dict[str, Any]:
        return self._stream.state

    def _set_state(self, state: dict[str, Any]) -> None:
        self._stream.state = state

    def _checked_labels(self, true_classes: ArrayLike) -> NDArray[np.int64]:
        true_classes = np.asarray(true_classes)
        columns = true_classes.shape[1] if true_classes.ndim == 2 else 1
        return validation.labels("true_classes", true_classes, columns, self.range_max)

    def _checked_size(self, num_sampled: object, unique: bool) -> int:
        return validation.sample_size("num_sampled", num_sampled, unique, *self._support())

    def _sample(self, labels: Ids, num_sampled: object, unique: object) -> SampledValues:
        """Return the next call for labels that are checked."""
        flag = validation.flag("unique", unique)
        size = self._checked_size(num_sampled, flag)
        labels = _writeable(labels)
        with self._lock:
            distribution = self._distribution()
            if distribution is None:
                return self._sample_in_python(labels, size, flag)
            return self._sample_compiled(distribution, labels, size, flag)

    def fused_distribution(self) -> Distribution | None:
        return self._distribution()

    @property
    def lock(self) -> Any:
        return self._lock

    @property
    def stream_position(self) -> Any:
        return self._stream.position

    def advance(self, num_calls: int, num_sampled: int) -> None:
        self._stream.skip(num_calls, num_sampled)

    def _distribution(self) -> Distribution | None:
        """Return what compiled code draws from and counts by, if that is all that a call of `sample` does.

        A caller that draws itself holds `_lock`, starts at `_stream.position`, and ends with `_stream.skip`.
        """
        return None if self._redefined or self.expected_count != "tensorflow" else self._described

    def _sample_compiled(
        self, distribution: Distribution, labels: Ids, num_sampled: int, unique: bool
    ) -> SampledValues:
        slots = self._scratch(num_sampled) if unique else self._slots
        ids, true_count = np.empty(num_sampled, np.int64), np.empty(labels.shape, np.float32)
        sampled_count = np.empty(num_sampled, np.float32)
        flat = labels.reshape(-1), ids, true_count.reshape(-1), sampled_count
        if candidates.sample(distribution, *self._stream.position, unique, slots, *flat) < 0:
            raise too_rare(num_sampled, distribution.support.most_tries, int((ids >= 0).sum()))
        self._stream.skip(1, num_sampled)
        return SampledValues(ids, true_count, sampled_count)

    def _scratch(self, num_sampled: int) -> NDArray[np.int64]:
        """Return the table in which a call remembers the classes that it drew; the next call takes it again."""
        if self._slots.size != num_buckets(num_sampled):
            self._slots = empty_table(num_sampled)
        return self._slots

    def _sample_in_python(self, labels: Ids, num_sampled: int, unique: bool) -> SampledValues:
        ids, tries = self._stream.candidates(self._fill, num_sampled, unique)
        count = self._counter(num_sampled, unique, tries)
        values = SampledValues(ids, count(self._probability(labels)), count(self._probability(ids)))
        self._learn(labels)
        return values

    def _probability(self, ids: Ids) -> NDArray[np.float32]:
        """Return the chance of each id in one draw; the ids are checked."""
        out = np.empty(ids.shape, np.float32)
        if self._described is None:
            raise NotImplementedError
        probabilities(self._described, ids.reshape(-1), out.reshape(-1))
        return out

    def _fill(self, cursor: NDArray[np.uint64], out: Ids) -> None:
        """Write the next draws after `cursor` to `out` and move the cursor on."""
        if self._described is None:
            raise NotImplementedError
        fill(self._described, cursor, out)

    def _learn(self, labels: Ids) -> None:
        """Take what the sampler learns from the true classes of a batch; nothing, but for some."""
        if self._described is not None:
            candidates.learn(self._described, labels)

    def _support(self) -> tuple[str, int]:
        """Return what bounds a unique sample, in words, and that number."""
        return "range_max", self.range_max

    def _groups(self) -> Groups:
        """Return all classes that can be drawn, in groups of nearly one probability."""
        raise NotImplementedError

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


def _writeable(ids: Ids) -> Ids:
    """Return ids that may be written, copied where they may not: one type of array, one compilation."""
    return ids if ids.flags.writeable else ids.copy()


def pure_sample(
    sampler: CandidateSampler, true_classes: ArrayLike, num_true: int, num_sampled: int, unique: bool
) -> SampledValues:
    """Return the first call of a fresh sampler, after checking `true_classes` against `num_true`."""
    num_true = validation.whole_number("num_true", num_true, 1)
    labels = validation.labels("true_classes", true_classes, num_true, sampler.range_max)
    return sampler._sample(labels, num_sampled, unique)


def support(range_max: int, num_drawn: int | None = None) -> Support:
    """Return what compiled code knows of any distribution; all classes can be drawn unless it is said how many."""
    return Support(range_max, range_max if num_drawn is None else num_drawn, stream.MAX_TRIES)

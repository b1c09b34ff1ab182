"""Base class of the candidate samplers: hooks, validation, random stream, expected counts."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.hash_table import empty_table, num_buckets
from sampledsoftmax.kernels.sampling import candidates
from sampledsoftmax.kernels.sampling import distribution as distributions
from sampledsoftmax.kernels.sampling.distribution import Distribution, Support, fill, probabilities
from sampledsoftmax.runtime.fork_lock import ForkLock
from sampledsoftmax.samplers import hooks, stream
from sampledsoftmax.samplers.inclusion import Groups, Inclusion, grouped
from sampledsoftmax.samplers.stream import CandidateStream, cursor_of, draw_unique, too_rare
from sampledsoftmax.types import SampledValues

Counter = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Ids = NDArray[np.int64]


class Drawn(NamedTuple):
    """The candidates of one call of `sample`.

    Attributes
    ----------
    ids : int64 [num_sampled]
    expected_count : callable
        Function from int64 ids of any shape to their expected counts, float32, in samples such as this one. It must
        be called before the next draw.
    """

    ids: Ids
    expected_count: Callable[[Ids], NDArray[np.float32]]


class _Setup(NamedTuple):
    """What a checked sampler draws from: its compiled distribution, and whether that replaces the Python hooks."""

    distribution: Distribution | None
    is_compiled: bool


class CandidateSampler:
    """A distribution over [0, range_max) and a position in its random stream: base class of all samplers.

    Subclass it to sample from a distribution of your own. Define `draw` and `probability`, and `learn` where the
    distribution changes with the labels. `sample` draws until it has the candidates, computes their expected counts,
    and checks what the hooks return. Such a sampler works in `SampledSoftmax` and `SkipGram`, and its samples work
    as `sampled_values` of the losses.

    A sampler that also defines `compiled_distribution` runs inside the compiled training step; the hooks in Python
    are then not called. A subclass that overrides a hook of a compiled sampler is drawn from in Python again.

    Parameters
    ----------
    range_max : int
        Number of classes, 1 to 2**63 - 1.
    seed : None, int or (int, int)
        None takes fresh entropy; with equal seeds, the n-th calls of `sample` with equal arguments return equal bits.
    expected_count : "tensorflow" or "inclusion"
        How the counts of unique candidates are computed: TensorFlow's approximation, or the chance that
        the class is in the sample, exact to 1e-4.

    Attributes
    ----------
    range_max : int
        Number of classes.
    num_drawable : int
        Number of classes whose probability is above 0. It is `range_max` unless a subclass sets it in its
        constructor; only then may `probability` return 0.
    expected_count : str
        As given.
    lock : context manager
        Held during each call of `sample` and each compiled training step. Calls from several threads run one
        after the other, in any order. In a forked child it is free; the child's sampler is a copy at the time of the
        fork, and so gives the same candidates as the parent's.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range; in `sample`, if a subclass lacks a hook or a hook
        returns something else than it must.

    Examples
    --------
    Even ids are three times as likely as odd ones:

    >>> class EvenSampler(CandidateSampler):
    ...     def draw(self, rng, size):
    ...         return 2 * rng.integers(0, self.range_max // 2, size) + (rng.random(size) < 0.25)
    ...
    ...     def probability(self, ids):
    ...         return np.where(ids % 2 == 0, 1.5, 0.5) / self.range_max
    >>> sampler = EvenSampler(10, seed=1)
    >>> values = sampler.sample([[3], [4]], num_sampled=4, unique=False)
    >>> values.sampled_candidates
    array([8, 2, 6, 4])
    >>> values.true_expected_count.ravel()
    array([0.2, 0.6], dtype=float32)
    """

    _setup: _Setup | None = None

    def __init__(self, range_max: int, seed: Any = None, expected_count: str = "tensorflow") -> None:
        self.range_max = validation.whole_number("range_max", range_max, 1, 2**63 - 1)
        self.num_drawable = self.range_max
        self.expected_count = expected_count
        self._stream = CandidateStream(seed)
        self._inclusions: dict[int, Inclusion] = {}
        self._slots = empty_table(1)
        self.lock = ForkLock(self.repair)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what compiled code and the stream rely on: they would read past the end of an array."""
        object.__setattr__(self, name, self._checked_attribute(name, value))

    def _checked_attribute(self, name: str, value: Any) -> Any:
        if name == "expected_count":
            return _checked_expected_count(value)
        is_fixed = name in ("range_max", "lock") or (name == "num_drawable" and self._setup is not None)
        if is_fixed and "lock" in vars(self):  # the last attribute that the constructor sets
            raise AttributeError(
                f"{name} of a {type(self).__name__} cannot be changed, got {validation.shown(value)}:"
                " make another sampler"
            )
        return value

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a copy must not share."""
        return {name: value for name, value in vars(self).items() if name not in ("_slots", "_setup", "lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _slots=empty_table(1), lock=ForkLock(self.repair))

    def sample(self, true_classes: ArrayLike, num_sampled: int, unique: bool = True) -> SampledValues:
        """Draw the candidates of one batch.

        Parameters
        ----------
        true_classes : int [batch_size, num_true] or [batch_size]
            Labels of the batch, in [0, range_max). They are not excluded from the draw: they only get
            their expected counts.
        num_sampled : int
            Number of candidates, at least 1; when `unique`, at most `num_drawable`.
        unique : bool
            Whether each class is in the sample at most once.

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
        self._checked_setup()
        labels = _writeable(self._checked_labels(true_classes))
        flag = validation.flag("unique", unique)
        size = self.checked_size(num_sampled, flag)
        with self.lock:
            distribution = self.fused_distribution()
            if distribution is None:
                return self._sample_in_python(labels, size, flag)
            return self._sample_compiled(distribution, labels, size, flag)

    def peek(self, true_classes: ArrayLike, num_sampled: int, unique: bool = True, after: int = 0) -> Ids:
        """Return the candidates that a later call of `sample` will draw, without a move in the stream.

        For a sampler that learns they are those of the present distribution, which are others after more labels.

        Parameters
        ----------
        true_classes : int [batch_size, num_true] or [batch_size]
            Labels of that call, in [0, range_max).
        num_sampled : int
            Number of candidates, as for `sample`.
        unique : bool
            Whether each class is in the sample at most once.
        after : int
            Number of calls of the same size before that call: 0 for the next one.

        Returns
        -------
        int64 [num_sampled]
            The candidates.

        Raises
        ------
        TypeError, ValueError
            As `sample`.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> sampler = ss.UniformSampler(100, seed=1)
        >>> later = sampler.peek([[1]], 4, after=1)
        >>> first, second = (sampler.sample([[1]], 4) for _ in range(2))
        >>> bool((later == second.sampled_candidates).all())
        True
        """
        self._checked_setup()
        labels = _writeable(self._checked_labels(true_classes))
        flag = validation.flag("unique", unique)
        size = self.checked_size(num_sampled, flag)
        calls = validation.whole_number("after", after, 0)
        with self.lock:
            return self.draw_sample(self._stream.later_rng(calls, size), labels, size, flag).ids

    def draw_sample(self, rng: np.random.Generator, true_classes: Ids, num_sampled: int, unique: bool) -> Drawn:
        """Return the candidates of one batch and what counts them, without a move in the stream; a hook.

        `sample` calls it with checked arguments. By default it draws until it has the candidates, whatever the labels
        are; a sampler that composes others calls theirs.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random numbers of this call of `sample`; moved on.
        true_classes : int64 [batch_size, num_true]
            Labels of the batch.
        num_sampled : int
            Number of candidates.
        unique : bool
            Whether each class is in the sample at most once.

        Returns
        -------
        Drawn
            The ids int64 [num_sampled], and the function from ids to their expected counts.

        Raises
        ------
        ValueError
            If the classes that are left are too rare for a unique sample.

        Examples
        --------
        >>> import numpy as np
        >>> import sampledsoftmax as ss
        >>> drawn = ss.UniformSampler(10).draw_sample(np.random.default_rng(1), np.zeros((1, 1), int), 5, False)
        >>> drawn.ids.shape, drawn.expected_count(np.array([3, 4]))
        ((5,), array([0.5, 0.5], dtype=float32))
        """
        del true_classes
        distribution = self.fused_distribution()
        if distribution is not None:
            return self._drawn_compiled(distribution, cursor_of(rng), num_sampled, unique)
        if unique:
            ids, tries = draw_unique(lambda size: self._draw(rng, size), num_sampled)
        else:
            ids, tries = self._draw(rng, num_sampled), num_sampled
        count = self._counter(num_sampled, unique, tries)
        return Drawn(ids, lambda wanted: count(self._probability(wanted, drawn=wanted is ids)))

    def draw(self, rng: np.random.Generator, size: int) -> Ids:
        """Return the next draws of a call of `sample`; a hook.

        `sample` calls it once for candidates with replacement, and until it has enough different ids for unique
        ones, each time with the same `rng`.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random numbers of this call of `sample`: a pure function of the seed and the position in the stream.
        size : int
            Number of draws.

        Returns
        -------
        int64 [size]
            Independent draws, repeated ids included, in [0, range_max).

        Raises
        ------
        TypeError, ValueError
            If `rng` is no generator, or `size` no whole number of at least 0.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> draws = ss.UniformSampler(10).draw(np.random.default_rng(1), 1000)
        >>> draws.shape, int(draws.min()), int(draws.max())
        ((1000,), 0, 9)
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a numpy.random.Generator, got {validation.described(rng)}")
        out = np.empty(validation.whole_number("size", size, 0), np.int64)
        fill(self._distribution("draw"), cursor_of(rng), out)
        return out

    def probability(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the chance of each id in one draw; a hook.

        Parameters
        ----------
        ids : int, of any shape
            Classes, in [0, range_max). `sample` passes int64 arrays that are checked.

        Returns
        -------
        float32, in the shape of `ids`
            Their probabilities; those of all classes add up to 1. A hook may return float64.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.UniformSampler(4).probability([[0, 3]])
        array([[0.25, 0.25]], dtype=float32)
        """
        array = validation.as_ids("ids", ids)
        checked = _writeable(validation.ids("ids", array, array.shape, self.range_max))
        out = np.empty(array.shape, np.float32)
        probabilities(self._distribution("probability"), checked.reshape(-1), out.reshape(-1))
        return out

    def checked_size(self, num_sampled: object, unique: bool) -> int:
        """Return the size of a sample, or refuse it.

        Parameters
        ----------
        num_sampled : int
            Number of candidates.
        unique : bool
            Whether each class is in the sample at most once.

        Returns
        -------
        int
            The same.

        Raises
        ------
        TypeError, ValueError
            If it is no whole number of at least 1, or if a unique sample cannot have that many classes.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.UniformSampler(10).checked_size(20, unique=False)
        20
        """
        all_drawable = self.num_drawable == self.range_max
        bound = "range_max" if all_drawable else "the number of classes that are ever drawn"
        return validation.sample_size("num_sampled", num_sampled, unique, bound, self.num_drawable)

    def learn(self, labels: Ids) -> None:
        """Update the distribution with the labels of a batch, after its draw; a hook, by default without effect.

        Parameters
        ----------
        labels : int64 [batch_size, num_true]
            The true classes; `sample` passes ids that are checked.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> sampler = ss.LearnedUnigramSampler(3)
        >>> sampler.learn(np.array([[2], [2]]))
        >>> sampler.counts
        array([1, 1, 3])
        """
        distribution = self._checked_setup().distribution
        if distribution is not None:
            labels = validation.as_ids("labels", labels)
            candidates.learn(distribution, _writeable(validation.ids("labels", labels, labels.shape, self.range_max)))

    def compiled_distribution(self) -> Any:
        """Return the distribution as compiled code knows it, or None for one in Python only; a hook.

        It is called once. Register the kernels of the class with the decorators `fill.register`,
        `probabilities.register` and, where it learns, `learn.register` of
        `sampledsoftmax.kernels.sampling.distribution`. Nothing checks what these kernels write.

        Returns
        -------
        NamedTuple or None
            Its field `support` is `self.support`; the others are numbers and arrays. `learn` may change the arrays
            in place.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.UniformSampler(4).compiled_distribution().support.range_max
        4
        """
        return None

    def probability_groups(self) -> Groups:
        """Return all classes in groups of nearly one probability, for expected_count="inclusion"; a hook.

        Called once, or for each call of `sample` if the sampler learns. By default it takes the probability of
        every class, so time and memory grow with `range_max`; override it where the groups are known.

        Returns
        -------
        Groups
            Of `sampledsoftmax.samplers.inclusion`: float64 probabilities in increasing order, each class between
            two of them or equal to one, and the number of classes of each.

        Raises
        ------
        MemoryError
            If there are too many classes for the default.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.UniformSampler(4).probability_groups()
        Groups(probability=array([0.25]), multiplicity=array([4.]))
        """
        return grouped(self._probability(validation.first_ids(self.range_max)))

    @property
    def state(self) -> dict[str, Any]:
        """Position in the stream as plain data, which JSON can hold; assign it to continue from there."""
        with self.lock:
            return self._state()

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        with self.lock:
            self._set_state(state)

    @property
    def support(self) -> Support:
        """Range and number of drawable classes: the first field of a compiled distribution."""
        return Support(self.range_max, self.num_drawable, stream.MAX_TRIES)

    def fused_distribution(self) -> Distribution | None:
        """Return what a compiled training step draws from, or None if `sample` must be called instead.

        A caller that draws by itself holds `lock`, starts at `stream_position`, and ends with `advance`.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> type(ss.UniformSampler(4).fused_distribution()).__name__
        'Uniform'
        """
        setup = self._checked_setup()
        return setup.distribution if setup.is_compiled and self.expected_count == "tensorflow" else None

    @property
    def stream_position(self) -> tuple[np.uint64, np.uint64, np.uint64]:
        """Seed, stream and block of the next call, for `kernels.sampling.philox.seek`."""
        return self._stream.position

    def repair(self) -> None:
        """Make the distribution usable in a forked child, after a thread of the parent was changing it; a hook.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.UniformSampler(4).repair()  # nothing to do: it does not change
        """

    def advance(self, num_calls: int, num_sampled: int) -> None:
        """Move the stream past calls that were drawn elsewhere.

        Parameters
        ----------
        num_calls : int
            Number of calls of `sample`.
        num_sampled : int
            Number of candidates of each.

        Raises
        ------
        TypeError, ValueError
            If a number is no whole number of at least 0, or the stream is not that long.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> sampler = ss.UniformSampler(100, seed=1)
        >>> sampler.advance(1, 4)
        >>> sampler.state["block"]
        2048
        """
        calls = validation.whole_number("num_calls", num_calls, 0)
        self._stream.skip(calls, validation.whole_number("num_sampled", num_sampled, 0))

    def _state(self) -> dict[str, Any]:
        return self._stream.state

    def _set_state(self, state: dict[str, Any]) -> None:
        self._stream.state = state

    def _checked_setup(self) -> _Setup:
        """Check the hooks of the class at the first call."""
        if self._setup is None:
            hooks.check_definition(self, CandidateSampler)
            hooks.checked_num_drawable(self)
            distribution = hooks.checked_distribution(self)
            is_compiled = distribution is not None and hooks.is_compiled_last(type(self))
            self._setup = _Setup(distribution, is_compiled)
        return self._setup

    def _distribution(self, hook: str) -> Distribution:
        """Return the compiled distribution of a sampler that does not override `hook`."""
        distribution = self._checked_setup().distribution
        if distribution is None:
            raise NotImplementedError(f"{type(self).__name__} defines neither {hook} nor a compiled distribution")
        return distribution

    def _checked_labels(self, true_classes: ArrayLike) -> Ids:
        true_classes = validation.as_ids("true_classes", true_classes)
        columns = true_classes.shape[1] if true_classes.ndim == 2 else 1
        return validation.labels("true_classes", true_classes, columns, self.range_max)

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

    def _scratch(self, num_sampled: int) -> Ids:
        """Return the hash table of the ids drawn in a call; the next call uses it again."""
        if self._slots.size != num_buckets(num_sampled):
            self._slots = empty_table(num_sampled)
        return self._slots

    def _drawn_compiled(
        self, distribution: Distribution, cursor: NDArray[np.uint64], num_sampled: int, unique: bool
    ) -> Drawn:
        """Return the candidates from a position in a stream, the same as those of `_sample_compiled` from there."""
        ids = np.empty(num_sampled, np.int64)
        tries = candidates.draw(
            distribution, cursor, unique, self._scratch(num_sampled) if unique else self._slots, ids
        )
        if tries < 0:
            raise too_rare(num_sampled, distribution.support.most_tries, int((ids >= 0).sum()))

        def count(wanted: Ids) -> NDArray[np.float32]:
            counts = np.empty(wanted.shape, np.float32)
            candidates.expected_counts(distribution, num_sampled, tries, wanted.reshape(-1), counts.reshape(-1))
            return counts

        return Drawn(ids, count)

    def _sample_in_python(self, labels: Ids, num_sampled: int, unique: bool) -> SampledValues:
        ids, expected_count = self.draw_sample(self._stream.rng(), labels, num_sampled, unique)
        values = SampledValues(ids, expected_count(labels), expected_count(ids))
        self._stream.skip(1, num_sampled)
        if self._checked_setup().is_compiled:
            CandidateSampler.learn(self, labels)
        else:
            self.learn(labels)
        return values

    def _draw(self, rng: np.random.Generator, size: int) -> Ids:
        """Return the draws of the compiled distribution, or those of the hook, checked."""
        if self._checked_setup().is_compiled:
            return CandidateSampler.draw(self, rng, size)
        return hooks.checked_draws(type(self).__name__, self.draw(rng, size), size, self.range_max)

    def _probability(self, ids: Ids, drawn: bool = False) -> NDArray[np.float32]:
        """Return the probabilities of the compiled distribution, or those of the hook, checked."""
        if self._checked_setup().is_compiled:
            return CandidateSampler.probability(self, ids)
        zero_allowed = self.num_drawable < self.range_max and not drawn
        return hooks.checked_probabilities(type(self).__name__, self.probability(ids), ids, zero_allowed)

    def _counter(self, num_sampled: int, unique: bool, tries: int) -> Counter:
        """Return the function from the chance of an id in one draw to its expected count."""
        if unique and self.expected_count == "inclusion":
            return self._inclusion(num_sampled)
        return lambda probability: _tensorflow_count(probability, num_sampled, tries)

    def _inclusion(self, num_sampled: int) -> Counter:
        """Return the inclusion probabilities of a sample size, computed once if the distribution is fixed."""
        if self.learns:
            return Inclusion(self._groups(), num_sampled)
        if num_sampled not in self._inclusions:
            self._inclusions[num_sampled] = Inclusion(self._groups(), num_sampled)
        return self._inclusions[num_sampled]

    def _groups(self) -> Groups:
        return hooks.checked_groups(type(self).__name__, self.probability_groups())

    @property
    def learns(self) -> bool:
        """Whether the distribution changes with the labels."""
        distribution = self._checked_setup().distribution
        in_python = hooks.defining_class(type(self), "learn") is not CandidateSampler
        return in_python or (distribution is not None and distributions.learns(type(distribution)))


def _checked_expected_count(value: Any) -> str:
    return validation.choice("expected_count", value, ("tensorflow", "inclusion"))


def _tensorflow_count(probability: NDArray[np.float32], num_sampled: int, tries: int) -> NDArray[np.float32]:
    """Return TensorFlow's expected counts in the shape of `probability`."""
    counts = np.array(probability, np.float32)
    candidates.to_expected_counts(num_sampled, tries, counts.reshape(-1))
    return counts


def _writeable(ids: Ids) -> Ids:
    """Return writeable ids, copied if they are not: one array type, one compilation."""
    return ids if ids.flags.writeable else ids.copy()


def pure_sample(
    sampler: CandidateSampler,
    true_classes: ArrayLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    name: object = None,
) -> SampledValues:
    """Return the first call of a new sampler, after checking `true_classes` against `num_true`.

    `name` is TensorFlow's name of an operation, which has no meaning here; it is checked, so that an argument in its
    place by mistake is seen.
    """
    if not (name is None or isinstance(name, str)):
        raise TypeError(f"name must be None or a str, which has no effect, got {validation.described(name)}")
    num_true = validation.whole_number("num_true", num_true, 1)
    labels = validation.labels("true_classes", true_classes, num_true, sampler.range_max)
    return sampler.sample(labels, num_sampled, unique)

"""The candidate sampler that mixes others, with one expected count for all of its candidates."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.distribution import Distribution
from sampledsoftmax.kernels.sampling.mixture import Mixture, NoParts
from sampledsoftmax.samplers.base import CandidateSampler, Drawn
from sampledsoftmax.samplers.hooks import check_definition
from sampledsoftmax.types import SampledValues

Ids = NDArray[np.int64]


class Part(NamedTuple):
    """A part of a `MixedSampler`.

    Attributes
    ----------
    sampler : CandidateSampler
    num_sampled : int
        Number of its candidates.
    """

    sampler: CandidateSampler
    num_sampled: int


class MixedSampler(CandidateSampler):
    """Candidates of several samplers, one after the other, with one joint expected count.

    Uniform candidates beside those by counts, or beside the labels of the batch (`InBatchSampler`): rare classes then
    are candidates too. The expected count of a class, candidate or label, is the sum of its expected counts in all
    parts, whichever part drew it: that is how often it is expected among all candidates. With the count of the part
    that drew it alone, a frequent class that the uniform part drew would weigh as if no other part ever drew it.

    Parameters
    ----------
    parts : sequence of (sampler, num_sampled)
        Samplers of the same classes and the number of candidates of each. They belong to the mixture from then on:
        they learn when it learns, and are in its `state`; their own random streams are not used.
    seed : None, int or (int, int)
        None takes fresh entropy; with equal seeds, the n-th calls of `sample` give equal bits.
    unique : bool
        Whether the candidates of a part differ. With False each part draws with replacement, in layers too, which
        otherwise draw unique candidates: `MixedSampler([(FixedUnigramSampler(counts, 0.5), 4096)], unique=False)`.
        An `InBatchSampler` has no use for it.

    Attributes
    ----------
    parts : tuple of (sampler, num_sampled)
        As given.
    unique : bool
        As given.
    num_sampled : int
        Number of candidates of all parts.

    Raises
    ------
    TypeError, ValueError
        If there is no part, or a part is no such pair, is of other classes, or cannot draw as many candidates.

    Notes
    -----
    Yang et al., "Mixed negative sampling for learning two-tower neural networks in recommendations", WWW 2020, mixes
    the batch with uniform candidates. A class that two parts drew stands among the candidates twice. Its count is the
    expected number of both, so that the sum over all candidates of exp(logit) / count estimates the sum over all
    classes; as an accidental hit both copies are removed. `expected_count` is that of each part, and cannot be set
    here; with "inclusion" for each part the joint count is exact.

    Training steps are compiled if the parts have compiled distributions (all samplers of this package but
    `InBatchSampler`, with expected_count="tensorflow"); else the step is composed of the public parts.

    Examples
    --------
    >>> import sampledsoftmax as ss
    >>> by_counts = ss.FixedUnigramSampler([60, 20, 10, 5, 5])
    >>> sampler = MixedSampler([(by_counts, 4), (ss.UniformSampler(5), 2)], seed=1, unique=False)
    >>> values = sampler.sample([[0], [4]], num_sampled=6)
    >>> values.sampled_candidates
    array([4, 2, 1, 3, 2, 1])
    >>> values.true_expected_count.ravel().round(1)  # 4 * 0.6 + 2 / 5 and 4 * 0.05 + 2 / 5
    array([2.8, 0.6], dtype=float32)
    >>> layer = ss.SampledSoftmax(num_classes=5, dim=2, num_sampled=6, sampler=sampler, seed=1)
    """

    def __init__(self, parts: Sequence[tuple[CandidateSampler, int]], seed: Any = None, *, unique: bool = True) -> None:
        self.unique = validation.flag("unique", unique)
        self.parts = _checked_parts(parts, self.unique)
        self.num_sampled = sum(part.num_sampled for part in self.parts)
        super().__init__(self.parts[0].sampler.range_max, seed)
        self.num_drawable = _num_drawable(self.parts, self.range_max)

    def _checked_attribute(self, name: str, value: Any) -> Any:
        if name in ("parts", "unique", "num_sampled", "expected_count") and "lock" in vars(self):
            where = "each part has its own" if name == "expected_count" else "make another sampler"
            raise AttributeError(f"{name} of a MixedSampler cannot be changed, got {validation.shown(value)}: {where}")
        return super()._checked_attribute(name, value)

    def sample(self, true_classes: ArrayLike, num_sampled: int, unique: bool | None = None) -> SampledValues:
        """Draw the candidates of one batch, those of each part after those of the part before.

        Parameters
        ----------
        true_classes : int [batch_size, num_true] or [batch_size]
            Labels of the batch, in [0, range_max).
        num_sampled : int
            Number of candidates of all parts.
        unique : bool, optional
            As the sampler was made.

        Returns
        -------
        SampledValues
            Candidates int64 [num_sampled] and float32 expected counts, joint ones.

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type, shape or range, or if a part cannot be drawn; the stream stays where it
            was.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> sampler = MixedSampler([(ss.LogUniformSampler(100), 3), (ss.UniformSampler(100), 2)], seed=1)
        >>> sampler.sample([[3], [4]], 5).sampled_candidates
        array([66,  5, 22, 54, 67])
        """
        if unique is not None and validation.flag("unique", unique) != self.unique:
            raise ValueError(f"unique must be that of the MixedSampler, {self.unique}, got {unique}")
        return super().sample(true_classes, num_sampled, self.unique)

    def checked_size(self, num_sampled: object, unique: bool) -> int:  # noqa: D102 - inherited
        size = validation.whole_number("num_sampled", num_sampled, 1)
        if size != self.num_sampled:
            sizes = " + ".join(str(part.num_sampled) for part in self.parts)
            raise ValueError(f"num_sampled must be that of the parts, {sizes} = {self.num_sampled}, got {size}")
        return size

    def draw_sample(  # noqa: D102 - inherited
        self, rng: np.random.Generator, true_classes: Ids, num_sampled: int, unique: bool
    ) -> Drawn:
        drawn = [part.sampler.draw_sample(rng, true_classes, part.num_sampled, self.unique) for part in self.parts]

        def count(ids: Ids) -> NDArray[np.float32]:
            total = np.zeros(ids.shape)
            for part in drawn:
                total += part.expected_count(ids)
            return total.astype(np.float32)

        return Drawn(np.concatenate([part.ids for part in drawn]), count)

    def draw(self, rng: np.random.Generator, size: int) -> Ids:
        """Return draws, each from a part that is chosen by its number of candidates.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random numbers.
        size : int
            Number of draws.

        Returns
        -------
        int64 [size]
            Ids, repeated ones included.

        Raises
        ------
        TypeError, ValueError
            If `rng` is no generator, or `size` no whole number of at least 0.

        Examples
        --------
        >>> import numpy as np
        >>> import sampledsoftmax as ss
        >>> first, last = ss.FixedUnigramSampler([1, 0, 0]), ss.FixedUnigramSampler([0, 0, 1])
        >>> sampler = MixedSampler([(first, 3), (last, 1)], unique=False)
        >>> np.bincount(sampler.draw(np.random.default_rng(1), 1000))
        array([730,   0, 270])
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a numpy.random.Generator, got {validation.described(rng)}")
        out = np.empty(validation.whole_number("size", size, 0), np.int64)
        chosen = rng.choice(len(self.parts), out.size, p=[part.num_sampled / self.num_sampled for part in self.parts])
        for k, part in enumerate(self.parts):
            places = np.flatnonzero(chosen == k)
            out[places] = part.sampler.draw(rng, places.size)
        return out

    def probability(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the chance of each id at a random place among the candidates: that of the parts, weighted.

        Parameters
        ----------
        ids : int, of any shape
            Classes, in [0, range_max).

        Returns
        -------
        float32, in the shape of `ids`
            Their probabilities.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> sampler = MixedSampler([(ss.FixedUnigramSampler([1, 0]), 3), (ss.UniformSampler(2), 1)], unique=False)
        >>> sampler.probability([0, 1])
        array([0.875, 0.125], dtype=float32)
        """
        array = validation.as_ids("ids", ids)
        checked = validation.ids("ids", array, array.shape, self.range_max)
        total = np.zeros(array.shape)
        for sampler, num_sampled in self.parts:
            total += np.float64(num_sampled / self.num_sampled) * sampler.probability(checked)
        return total.astype(np.float32)

    def learn(self, labels: Ids) -> None:
        """Let the parts learn the labels of a batch.

        Parameters
        ----------
        labels : int64 [batch_size, num_true]
            The true classes.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range; no part learns.

        Examples
        --------
        >>> import numpy as np
        >>> import sampledsoftmax as ss
        >>> learned = ss.LearnedUnigramSampler(3)
        >>> MixedSampler([(learned, 1), (ss.UniformSampler(3), 1)]).learn(np.array([[2]]))
        >>> learned.counts
        array([1, 1, 2])
        """
        array = validation.as_ids("labels", labels)
        checked = validation.ids("labels", array, array.shape, self.range_max)
        for part in self.parts:
            part.sampler.learn(checked)

    @property
    def learns(self) -> bool:
        """Whether the distribution of a part changes with the labels."""
        return any(part.sampler.learns for part in self.parts)

    def compiled_distribution(self) -> Distribution | None:  # noqa: D102 - inherited
        distribution: Any = NoParts(self.support)
        later = 0
        for sampler, num_sampled in reversed(self.parts):
            part = sampler.fused_distribution()
            if part is None:
                return None
            later += num_sampled
            tries, share = np.zeros(1, np.int64), num_sampled / later
            distribution = Mixture(self.support, part, distribution, num_sampled, share, self.unique, tries)
        return distribution  # type: ignore[no-any-return]

    def fused_distribution(self) -> Distribution | None:  # noqa: D102 - inherited
        if any(part.sampler.fused_distribution() is None for part in self.parts):
            return None
        return super().fused_distribution()

    def _repair(self) -> None:
        for part in self.parts:
            part.sampler.repair()

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "parts": [part.sampler.state for part in self.parts]}

    def _set_state(self, state: dict[str, Any]) -> None:
        if not isinstance(state, dict):
            raise TypeError(f"state must be the dict of a sampler's state, got {validation.described(state)}")
        position = dict(state)
        parts = position.pop("parts", None)
        if not isinstance(parts, list) or len(parts) != len(self.parts):
            raise ValueError(
                f"state['parts'] must be a list of {len(self.parts)} states, got {validation.described(parts)}"
            )
        before = self._state()
        try:
            super()._set_state(position)
            _set_states(self.parts, parts)
        except (TypeError, ValueError):
            super()._set_state({name: before[name] for name in position if name in before})
            _set_states(self.parts, before["parts"])
            raise


def _set_states(parts: Sequence[Part], states: Sequence[dict[str, Any]]) -> None:
    for part, state in zip(parts, states, strict=True):
        part.sampler.state = state


def _checked_parts(parts: Any, unique: bool) -> tuple[Part, ...]:
    """Return pairs of a sampler and a number of candidates that it can draw."""
    is_sequence = isinstance(parts, Sequence) and not isinstance(parts, (str, bytes))
    if not is_sequence or not parts:
        raise TypeError(f"parts must be a list of (sampler, num_sampled), got {validation.described(parts)}")
    checked = [_checked_part(f"parts[{k}]", part, unique) for k, part in enumerate(parts)]
    first = checked[0].sampler.range_max
    for k, part in enumerate(checked):
        if part.sampler.range_max != first:
            raise ValueError(
                f"parts[{k}] samples from {part.sampler.range_max} classes, but parts[0] from {first}: all parts must"
                " have the same range_max"
            )
        if any(part.sampler is earlier.sampler for earlier in checked[:k]):
            raise ValueError(f"parts[{k}] is a sampler that is a part already: it would learn twice")
    return tuple(checked)


def _checked_part(name: str, part: Any, unique: bool) -> Part:
    if not isinstance(part, Sequence) or isinstance(part, (str, bytes)) or len(part) != len(Part._fields):
        raise TypeError(f"{name} must be (sampler, num_sampled), got {validation.described(part)}")
    sampler, num_sampled = part
    if not isinstance(sampler, CandidateSampler):
        raise TypeError(
            f"{name} must have a sampler object, such as ss.UniformSampler(1000), got {validation.described(sampler)}"
        )
    check_definition(sampler, CandidateSampler)
    try:
        return Part(sampler, sampler.checked_size(num_sampled, unique))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def _num_drawable(parts: Sequence[Part], range_max: int) -> int:
    """Return the number of classes that any part draws."""
    if any(part.sampler.num_drawable == range_max for part in parts):
        return range_max
    ids = validation.first_ids(range_max)
    drawn = np.zeros(range_max, bool)
    for part in parts:
        drawn |= np.asarray(part.sampler.probability(ids)) > 0
    return int(drawn.sum())

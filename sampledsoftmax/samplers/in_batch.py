"""The candidate sampler whose candidates are the labels of the batch."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.samplers.base import CandidateSampler, Drawn
from sampledsoftmax.samplers.streaming_frequency import StreamingFrequency

Ids = NDArray[np.int64]


class InBatchSampler(CandidateSampler):
    """The labels of the batch as candidates: those of one example are negatives of the others.

    A candidate is the label of some example, so it is class k with the probability p[k] that k is a label, and k is
    expected num_sampled * p[k] times. p comes from counts, or from a `StreamingFrequency` that learns it.

    Rows of labels are read in any case, so such candidates cost no further rows. They are frequent classes only: mix
    them with others by `MixedSampler`.

    Parameters
    ----------
    range_max : int
        Number of classes, 1 to 2**63 - 1.
    counts : float or int [range_max], optional
        How often each class is a label, at least 0. Either this or `frequency`.
    frequency : StreamingFrequency, optional
        Learns how often a class is a label: each call of `sample` computes its counts, and then updates the frequency
        with the labels of the batch. It belongs to the sampler from then on.
    seed : None, int or (int, int)
        None takes fresh entropy; with equal seeds, the n-th calls of `sample` give equal bits.

    Attributes
    ----------
    num_drawable : int
        Number of classes whose probability is above 0.
    weights : float64 [range_max] or None
        p of each class from `counts`, read-only.
    frequency : StreamingFrequency or None
        As given.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    The candidates are `num_sampled` consecutive labels of the batch, example by example, from a random place on, and
    from the first again after the last: all of them if `num_sampled` is their number, else a part, or some twice.
    Labels that are equal stay copies, whatever `unique` is. A batch without labels gets class 0, or the first that
    has a count: nothing is computed with it.

    The expected count is that over batches. An example's own labels are among the candidates for certain; they are
    removed as accidental hits, and its other candidates come from the other examples: (batch_size - 1) / batch_size
    times as many as counted, the same factor for all classes.

    Examples
    --------
    >>> import sampledsoftmax as ss
    >>> sampler = InBatchSampler(5, counts=[60, 20, 10, 5, 5], seed=1)
    >>> values = sampler.sample([[1], [0], [0], [3]], num_sampled=4)
    >>> values.sampled_candidates, values.sampled_expected_count
    (array([3, 1, 0, 0]), array([0.2, 0.8, 2.4, 2.4], dtype=float32))
    """

    def __init__(
        self,
        range_max: int,
        counts: ArrayLike | None = None,
        *,
        frequency: StreamingFrequency | None = None,
        seed: Any = None,
    ) -> None:
        super().__init__(validation.whole_number("range_max", range_max, 1, 2**63 - 1), seed)
        if (counts is None) == (frequency is None):
            raise ValueError("exactly one of counts and frequency must be given")
        if isinstance(counts, StreamingFrequency):
            raise TypeError("counts must hold numbers, got a StreamingFrequency: write frequency=")
        if frequency is not None and not isinstance(frequency, StreamingFrequency):
            raise TypeError(f"frequency must be an ss.StreamingFrequency, got {validation.described(frequency)}")
        self.frequency = frequency
        self.weights = None if counts is None else _shares(counts, self.range_max)
        if self.weights is not None:
            self.num_drawable = int((self.weights > 0).sum())
        if frequency is not None and frequency.num_hashes == 0 and frequency.num_buckets < self.range_max:
            raise ValueError(
                f"frequency has {frequency.num_buckets} buckets, fewer than range_max = {self.range_max}, and does not"
                " hash: num_hashes must be at least 1"
            )

    def _checked_attribute(self, name: str, value: Any) -> Any:
        if name in ("weights", "frequency") and name in vars(self):
            raise AttributeError(f"{name} of an InBatchSampler cannot be changed: make another sampler")
        return super()._checked_attribute(name, value)

    def checked_size(self, num_sampled: object, unique: bool) -> int:  # noqa: D102 - inherited
        return validation.whole_number("num_sampled", num_sampled, 1)

    def draw_sample(  # noqa: D102 - inherited
        self, rng: np.random.Generator, true_classes: Ids, num_sampled: int, unique: bool
    ) -> Drawn:
        labels = true_classes.reshape(-1)
        if labels.size == 0:
            labels = np.array([0 if self.weights is None else int((self.weights > 0).argmax())])
        start = int(rng.integers(labels.size))
        ids = labels[(start + np.arange(num_sampled)) % labels.size]
        return Drawn(ids, lambda wanted: (num_sampled * self._p(wanted)).astype(np.float32))

    def draw(self, rng: np.random.Generator, size: int) -> Ids:
        """Return random labels, as the probabilities have them; `sample` takes those of its batch instead.

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
        MemoryError
            If there are too many classes to take the probability of each.

        Examples
        --------
        >>> import numpy as np
        >>> sampler = InBatchSampler(3, counts=[0, 1, 1])
        >>> sampler.draw(np.random.default_rng(1), 5)
        array([2, 2, 1, 2, 1])
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a numpy.random.Generator, got {validation.described(rng)}")
        size = validation.whole_number("size", size, 0)
        p = self._p(validation.first_ids(self.range_max))
        return rng.choice(self.range_max, size, p=p / p.sum())

    def probability(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the chance of each id to be the label of an example.

        Parameters
        ----------
        ids : int, of any shape
            Classes, in [0, range_max).

        Returns
        -------
        float32, in the shape of `ids`
            Their probabilities; those that a frequency estimates add up to about 1.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range.

        Examples
        --------
        >>> InBatchSampler(3, counts=[2, 1, 1]).probability([0, 2])
        array([0.5 , 0.25], dtype=float32)
        """
        array = validation.as_ids("ids", ids)
        return self._p(validation.ids("ids", array, array.shape, self.range_max)).astype(np.float32)

    def learn(self, labels: Ids) -> None:
        """Update the frequency, if there is one, with the labels of a batch.

        Parameters
        ----------
        labels : int64 [batch_size, num_true]
            The true classes.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range; nothing is learned.

        Examples
        --------
        >>> import numpy as np
        >>> import sampledsoftmax as ss
        >>> sampler = InBatchSampler(3, frequency=ss.StreamingFrequency(100))
        >>> sampler.learn(np.array([[2], [2]]))
        >>> sampler.frequency.num_batches
        1
        """
        array = validation.as_ids("labels", labels)
        checked = validation.ids("labels", array, array.shape, self.range_max)
        if self.frequency is not None:
            self.frequency.update(checked)

    @property
    def learns(self) -> bool:
        """Whether a frequency learns the probabilities."""
        return self.frequency is not None

    def _p(self, ids: Ids) -> NDArray[np.floating[Any]]:
        if self.frequency is not None:
            return self.frequency.share(ids)
        assert self.weights is not None  # exactly one of them is given
        return self.weights[ids]

    def _state(self) -> dict[str, Any]:
        if self.frequency is None:
            return super()._state()
        arrays = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in self.frequency.state.items()}
        return {**super()._state(), "frequency": arrays}

    def _set_state(self, state: dict[str, Any]) -> None:
        if self.frequency is None:
            super()._set_state(state)
            return
        if not isinstance(state, dict):
            raise TypeError(f"state must be the dict of a sampler's state, got {validation.described(state)}")
        position, before = dict(state), self._stream.state
        counted = position.pop("frequency", None)
        super()._set_state(position)
        try:
            self.frequency.state = counted
        except (TypeError, ValueError):
            super()._set_state(before)
            raise


def _shares(counts: ArrayLike, range_max: int) -> NDArray[np.float64]:
    """Return counts by their sum, read-only."""
    array = validation.as_array("counts", counts)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"counts must hold numbers, got dtype {validation.dtype_of(array)}")
    if array.shape != (range_max,):
        raise ValueError(f"counts must have shape [{range_max}], range_max, got {list(array.shape)}")
    weights = array.astype(np.float64)
    bad = ~((weights >= 0) & np.isfinite(weights))
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(f"counts[{first}] = {array[first]} must be finite and at least 0")
    total = weights.sum()
    if not 0 < total < np.inf:
        raise ValueError(f"counts must add up to a finite number above 0, got {total:g}")
    weights /= total
    weights.flags.writeable = False
    return weights

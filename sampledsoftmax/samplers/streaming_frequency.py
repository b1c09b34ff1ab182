"""How often each id occurs in a stream of batches, for vocabularies of any size (Yi et al. 2019)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.sampling.frequency import Gaps, count_batch
from sampledsoftmax.runtime.fork_lock import ForkLock

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

_INTERVAL = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: Steele et al., SplitMix64, OOPSLA 2014
_MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # of its output function
_DTYPES = {"last_step": np.int64, "gap": np.float64, "copies": np.float64, "seen": np.int32}
_SETTINGS = ("num_buckets", "num_hashes", "rate", "initial", "seed")
_MOST_SEEN = 2**31 - 1
_LARGEST = 2**63 - 1


class StreamingFrequency:
    """Estimates how often each id occurs in a stream of batches, without a list of the ids.

    For log Q of in-batch negatives, where the classes of a batch are its own labels: `share` is the chance p of a class
    to be the label of an example. Each id has a bucket of an array by a hash of it; a bucket keeps the mean gap, in
    batches, between the batches that hold it. An id that is in every tenth batch has gaps of 10 on average.

    Parameters
    ----------
    num_buckets : int
        Size of the arrays, at least 1; 28 bytes for each and for each hash function.
    num_hashes : int
        Number of hash functions, each with arrays of its own. Ids of one bucket are counted together, which makes them
        look more frequent than they are; of several estimates the lowest is taken. 0: ids are buckets themselves, so
        they must be in [0, num_buckets), and no two are counted together.
    rate : float
        Weight of the newest gap in a mean, in (0, 1]: a mean is over about 1 / rate gaps. The first ones weigh the
        same: the k-th has the weight max(rate, 1 / k).
    initial : float, optional
        Probability of an id before it occurs, in (0, 1]; it then counts as one gap. Default: none, and an id that no
        batch has held so far gets 1 / (number of batches + 1).
    seed : int
        Of the hash functions.

    Attributes
    ----------
    num_buckets, num_hashes, rate, initial, seed : int or float
        As given.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.
    MemoryError
        If the arrays do not fit in memory.

    Notes
    -----
    Source: Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations", RecSys 2019,
    algorithms 2 and 3: for each id y of batch t, B[h(y)] += rate * (t - A[h(y)] - B[h(y)]), then A[h(y)] = t; the
    probability is 1 / B, with several hash functions 1 / max B. Four things differ. The first gaps weigh the same, so
    nothing is left of an arbitrary start. Ids of one bucket in one batch make one gap, so their order does not matter.
    The number of copies is averaged too, see below. And `initial` is a probability instead of a gap.

    **The cap.** 1 / B is the chance that an id is *in* a batch, and no gap is shorter than 1: a class that is in
    each batch 30 times has the probability 1, as one that is there once. Its log Q is then too small by log 30, and
    just the most frequent classes are punished too little. `expected_count` has no cap: it divides the mean number of
    copies in the batches that hold the id by the mean gap. `share` divides that by the mean size of a batch.

    **Cold ids.** An id that occurs for the first time in batch t has the gap t and the probability 1 / t, so that log Q
    moves its logit by log t. `initial` limits that: with 1e-4, its first mean is that of the gaps t and 10,000.

    The largest of several noisy gaps is too large on average: with more hash functions than the collisions need, the
    estimates are a little too low. An id that stays away keeps its estimate.

    Examples
    --------
    >>> import numpy as np
    >>> frequency = StreamingFrequency(num_buckets=1000, num_hashes=2)
    >>> for step in range(100):
    ...     frequency.update([7, 7, 7, 7, 1_000_000 + step % 10])  # 7 four times in each, the others in every tenth
    >>> ids = [7, 1_000_009]
    >>> frequency.probability(ids)
    array([1. , 0.1], dtype=float32)
    >>> frequency.expected_count(ids), frequency.share(ids)
    (array([4. , 0.1], dtype=float32), array([0.8 , 0.02], dtype=float32))
    """

    def __init__(
        self,
        num_buckets: int,
        num_hashes: int = 1,
        rate: float = 0.01,
        *,
        initial: float | None = None,
        seed: int = 0,
    ) -> None:
        self.num_buckets = validation.whole_number("num_buckets", num_buckets, 1, 2**40)
        self.num_hashes = validation.whole_number("num_hashes", num_hashes, 0, 64)
        self.rate = validation.number("rate", rate, above=0.0, at_most=1.0)
        self.initial = None if initial is None else validation.number("initial", initial, above=0.0, at_most=1.0)
        self.seed = validation.whole_number("seed", seed, 0, 2**64 - 1)
        self._step, self._batch_size = 0, 0.0
        self._gaps = self._first_gaps()
        self._lock = ForkLock()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse new settings, which the arrays would not have."""
        if name in _SETTINGS and "_lock" in vars(self):
            raise AttributeError(
                f"{name} of a StreamingFrequency cannot be changed, got {validation.shown(value)}: make another one"
            )
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock, which a copy must not share."""
        with self._lock:
            return {name: value for name, value in vars(self).items() if name not in ("_lock", "_gaps")} | {
                "_arrays": self._copies()
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays = state.pop("_arrays")
        vars(self).update(state, _gaps=Gaps(**arrays), _lock=ForkLock())

    @property
    def num_batches(self) -> int:
        """Number of batches so far."""
        return self._step

    def update(self, ids: ArrayLike) -> None:
        """Count the ids of one batch.

        Parameters
        ----------
        ids : int, of any shape
            All ids of the batch, copies included, in any order; any int64 numbers. A batch without ids counts as one.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type, or with num_hashes=0 out of its range; nothing is counted.

        Examples
        --------
        >>> frequency = StreamingFrequency(1000)
        >>> frequency.update([[3, -5], [3, 4]])
        >>> frequency.num_batches
        1
        """
        array = self._checked_ids(ids)
        with self._lock:
            step, most = self._step + 1, min(int(np.ceil(1 / self.rate)), _MOST_SEEN)
            count_batch(self._gaps, self._buckets(array.reshape(-1)), step, self.rate, most)
            self._batch_size += max(self.rate, 1 / step) * (array.size - self._batch_size)
            self._step = step

    def probability(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the chance of each id to be in a batch, once or more often.

        Parameters
        ----------
        ids : int, of any shape
            Ids, seen or not.

        Returns
        -------
        float32, in the shape of `ids`
            In (0, 1].

        Raises
        ------
        TypeError, ValueError
            As for `update`.

        Examples
        --------
        >>> frequency = StreamingFrequency(1000)
        >>> for batch in ([1, 1, 1], [2, 2, 2], [1, 2, 3], [1, 1, 1]):
        ...     frequency.update(batch)
        >>> frequency.probability([1, 2]).round(2)
        array([0.75, 0.67], dtype=float32)
        """
        array = self._checked_ids(ids)
        with self._lock:
            gap = self._of_buckets(array)[0]
        inverse: NDArray[np.float32] = (1 / gap.max(axis=0)).astype(np.float32)
        return inverse.reshape(array.shape)

    def expected_count(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return how many copies of each id a batch is expected to hold.

        Parameters
        ----------
        ids : int, of any shape
            Ids, seen or not.

        Returns
        -------
        float32, in the shape of `ids`
            Above 0; above 1 for an id that stands in a batch more than once.

        Raises
        ------
        TypeError, ValueError
            As for `update`.

        Examples
        --------
        >>> frequency = StreamingFrequency(1000)
        >>> for batch in ([1, 1, 1], [2, 2, 2], [1, 2, 3], [1, 1, 1]):
        ...     frequency.update(batch)
        >>> frequency.expected_count([1]).round(2)
        array([1.75], dtype=float32)
        """
        array = self._checked_ids(ids)
        return self._expected(array).astype(np.float32).reshape(array.shape)

    def share(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Return the share of each id of all that occurs: `expected_count` by the mean size of a batch.

        It is the chance of an id to be the label of an example, `candidate_probability` of an in-batch loss.

        Parameters
        ----------
        ids : int, of any shape
            Ids, seen or not.

        Returns
        -------
        float32, in the shape of `ids`
            In (0, 1]; those of all ids that occur add up to about 1.

        Raises
        ------
        TypeError, ValueError
            As for `update`.

        Examples
        --------
        >>> frequency = StreamingFrequency(1000)
        >>> for batch in ([1, 1, 1], [2, 2, 2], [1, 2, 3], [1, 1, 1]):
        ...     frequency.update(batch)
        >>> frequency.share([1, 3]).round(3)
        array([0.583, 0.111], dtype=float32)
        """
        array = self._checked_ids(ids)
        shares = self._expected(array) / max(self._batch_size, 1.0)
        return np.minimum(shares, 1.0).astype(np.float32).reshape(array.shape)

    @property
    def state(self) -> dict[str, Any]:
        """All that was counted, as numbers and arrays by name, copies; assign it to go on from there."""
        with self._lock:
            return {"num_batches": self._step, "batch_size": self._batch_size, **self._copies()}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        names = ("num_batches", "batch_size", *_DTYPES)
        if not isinstance(state, dict):
            raise TypeError(f"state must be the dict of a frequency's state, got {validation.described(state)}")
        if state.keys() != set(names):
            held = ", ".join(map(validation.shown, state)) or "nothing"
            raise ValueError(f"state must hold {', '.join(names)}, got {held}")
        step = validation.whole_number("state['num_batches']", state["num_batches"], 0, 2**62)
        size = validation.number("state['batch_size']", state["batch_size"], at_least=0.0)
        arrays = {name: self._checked_array(name, state[name], step) for name in _DTYPES}
        if (arrays["gap"] < (arrays["seen"] > 0)).any():
            raise ValueError("state['gap'] must be at least 1 where state['seen'] is above 0")
        with self._lock:
            self._step, self._batch_size = step, size
            self._gaps = Gaps(**arrays)

    def _copies(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self._gaps, name).copy() for name in _DTYPES}

    def _shape(self) -> tuple[int, int]:
        return max(self.num_hashes, 1), self.num_buckets

    def _first_gaps(self) -> Gaps:
        """Return buckets without a gap, or with one of 1 / initial."""
        first = {name: np.zeros(self._shape(), dtype) for name, dtype in _DTYPES.items()}
        if self.initial is not None:
            first["gap"][:], first["copies"][:], first["seen"][:] = 1 / self.initial, 1.0, 1
        return Gaps(**first)

    def _expected(self, array: Ids) -> Floats:
        with self._lock:
            gap, copies = self._of_buckets(array)
        least: Floats = (copies / gap).min(axis=0)
        return least

    def _of_buckets(self, array: Ids) -> tuple[Floats, Floats]:
        """Return mean gaps and copies of ids, float64 [num_rows, num_ids]; a gap without an end is that so far."""
        buckets = self._buckets(array.reshape(-1))
        rows = np.arange(len(buckets))[:, np.newaxis]
        is_new = self._gaps.seen[rows, buckets] == 0
        gap = np.where(is_new, self._step + 1.0, self._gaps.gap[rows, buckets])
        return gap, np.where(is_new, 1.0, self._gaps.copies[rows, buckets])

    def _buckets(self, ids: Ids) -> Ids:
        """Return the buckets of ids, int64 [num_rows, num_ids]: the output of SplitMix64, modulo their number."""
        if self.num_hashes == 0:
            return ids[np.newaxis]
        start = (np.arange(1, self.num_hashes + 1, dtype=np.uint64) * _INTERVAL)[:, np.newaxis]
        bits = ids.view(np.uint64) + np.array([self.seed], np.uint64) * _INTERVAL + start * _MULTIPLIERS[1]
        for shift, multiplier in zip((30, 27), _MULTIPLIERS, strict=True):
            bits = (bits ^ (bits >> np.uint64(shift))) * multiplier
        bits ^= bits >> np.uint64(31)
        buckets: Ids = (bits % np.uint64(self.num_buckets)).astype(np.int64)
        return buckets

    def _checked_ids(self, ids: ArrayLike) -> Ids:
        """Return ids as contiguous int64."""
        array = validation.as_array("ids", ids)
        if array.dtype.kind in "USO" and array.size and isinstance(array.reshape(-1)[0], (str, bytes)):
            raise TypeError(
                "ids must hold integers, got strings: take a hash of 64 bits of each, as in"
                " int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), 'little', signed=True)"
            )
        array = validation.as_ids("ids", ids)
        if self.num_hashes == 0:
            return validation.ids("ids", array, array.shape, self.num_buckets)
        if array.dtype == np.uint64 and array.size and array.max() > _LARGEST:
            raise ValueError(f"ids must be at most {_LARGEST}, the largest int64, got {array.max()}")
        return np.ascontiguousarray(array, np.int64).reshape(array.shape)

    def _checked_array(self, name: str, value: Any, step: int) -> NDArray[Any]:
        """Return a copy of an array of a state."""
        array = validation.as_array(f"state[{name!r}]", value)
        if array.shape != self._shape():
            raise ValueError(f"state[{name!r}] must have shape {list(self._shape())}, got {list(array.shape)}")
        if array.dtype.kind not in ("iu" if name in ("last_step", "seen") else "iuf"):
            raise TypeError(f"state[{name!r}] must be {np.dtype(_DTYPES[name])}, got {validation.dtype_of(array)}")
        most = {"last_step": step, "seen": _MOST_SEEN}.get(name, np.finfo(np.float64).max)
        if not ((array >= 0) & (array <= most)).all():
            raise ValueError(f"state[{name!r}] must be in [0, {most}], got {array.min()} to {array.max()}")
        return np.array(array, _DTYPES[name])

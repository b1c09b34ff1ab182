"""Adaptive samplers whose candidates are shared by a batch: drawn by the mean over its inputs of a distribution.

They are shown the inputs of a batch (`observe`) before it draws its candidates; what they draw is what `probability`
returns, so that log Q is exact.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import sampledsoftmax as ss
from benchmarks.samplers.codes import residual_codes
from benchmarks.samplers.models import Floats, Ids
from sampledsoftmax.diagnostics.proposals import softmax

BLOCK = 64  # inputs whose logits are in memory at a time


class AdaptiveSampler(ss.CandidateSampler):
    """A mixture of a distribution that follows the inputs of a batch and of a fixed one by counts.

    Parameters
    ----------
    counts : float [num_classes]
        The fixed distribution is counts ** 0.75; at least half a count is taken for each class.
    floor : float
        Share of draws from the fixed distribution, above 0: so Q never vanishes.
    seed : None, int or (int, int)
    """

    def __init__(self, counts: ArrayLike, floor: float, seed: Any = None) -> None:
        fixed = np.maximum(np.asarray(counts, np.float64), 0.5) ** 0.75
        super().__init__(fixed.size, seed)
        self.floor = floor
        self.fixed = fixed / fixed.sum()
        self._ends = np.cumsum(self.fixed)

    def observe(self, inputs: Floats, weights: Floats, biases: Floats | None) -> None:
        """Adapt to the inputs [batch_size, dim] of the next batch and to the present tables."""
        raise NotImplementedError

    def draw_adaptive(self, rng: np.random.Generator, size: int) -> Ids:
        """Return draws of the part that follows the inputs."""
        raise NotImplementedError

    def adaptive_probability(self, ids: Ids) -> Floats:
        """Return the probabilities of that part."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, size: int) -> Ids:  # noqa: D102 - inherited
        out = np.searchsorted(self._ends, rng.random(size) * self._ends[-1], side="right")
        adaptive = rng.random(size) >= self.floor
        out[adaptive] = self.draw_adaptive(rng, int(adaptive.sum()))
        return np.asarray(out, np.int64)

    def probability(self, ids: ArrayLike) -> NDArray[Any]:  # noqa: D102 - inherited
        wanted = np.asarray(ids)
        return np.asarray((1 - self.floor) * self.adaptive_probability(wanted) + self.floor * self.fixed[wanted])


class SharedIndexSampler(AdaptiveSampler):
    """Inverted multi-index of residual codes, shared by a batch.

    An input draws a pair of codes by exp(h . (center + center)) times the base of its classes, then a class of the pair
    by its base, exp(bias). The mean over a batch is a table of pairs: its cost is batch_size * num_codes * (dim +
    num_codes), whatever the number of classes is.

    Parameters
    ----------
    counts, floor, seed
        As for `AdaptiveSampler`.
    num_codes : int
        Centers of each of the two k-means.
    refresh : int
        Batches after which codes and bases are computed again from the tables.
    """

    def __init__(self, counts: ArrayLike, num_codes: int, floor: float, refresh: int = 500, seed: Any = None) -> None:
        super().__init__(counts, floor, seed)
        self.num_codes, self.refresh = num_codes, refresh
        self._batches = 0

    def observe(self, inputs: Floats, weights: Floats, biases: Floats | None) -> None:  # noqa: D102 - inherited
        if self._batches % self.refresh == 0:
            self.make_index(weights, np.zeros(len(weights)) if biases is None else biases)
        self._batches += 1
        left, right = (_exp(inputs @ centers.T) for centers in self._centers)
        normalizers = ((left @ self._bases) * right).sum(axis=1)
        self._table = (left / normalizers[:, np.newaxis]).T @ right / len(inputs)
        self._pair_ends = np.cumsum(self._table * self._bases)

    def make_index(self, weights: Floats, biases: Floats) -> None:
        """Compute codes of the rows, and lists of the classes of each pair of codes."""
        codes = residual_codes(weights, self.num_codes, seed=1)
        self._centers = codes.first_centers, codes.second_centers
        self._pairs = codes.first * self.num_codes + codes.second
        self._base = np.exp(np.asarray(biases, np.float64) - np.max(biases))
        self._order = np.argsort(self._pairs, kind="stable")
        self._base_ends = np.concatenate([[0.0], np.cumsum(self._base[self._order])])
        self._starts = np.searchsorted(self._pairs[self._order], np.arange(self.num_codes**2 + 1))
        of_pairs = np.diff(self._base_ends[self._starts])
        self._bases = of_pairs.reshape(self.num_codes, self.num_codes)

    def draw_adaptive(self, rng: np.random.Generator, size: int) -> Ids:  # noqa: D102 - inherited
        pairs = np.searchsorted(self._pair_ends, rng.random(size) * self._pair_ends[-1], side="right")
        first, last = self._starts[pairs], self._starts[pairs + 1]
        low, high = self._base_ends[first], self._base_ends[last]
        places = np.searchsorted(self._base_ends, low + rng.random(size) * (high - low), side="right") - 1
        return np.asarray(self._order[np.clip(places, first, last - 1)])

    def adaptive_probability(self, ids: Ids) -> Floats:  # noqa: D102 - inherited
        return np.asarray(self._table.ravel()[self._pairs[ids]] * self._base[ids])


class SharedSoftmaxSampler(AdaptiveSampler):
    """The mean over a batch of the softmax itself: what a shared sampler of any kind approximates, at the cost of it.

    Parameters
    ----------
    counts, floor, seed
        As for `AdaptiveSampler`.
    """

    def observe(self, inputs: Floats, weights: Floats, biases: Floats | None) -> None:  # noqa: D102 - inherited
        total = np.zeros(len(weights))
        for first in range(0, len(inputs), BLOCK):
            logits = inputs[first : first + BLOCK] @ weights.T + (0 if biases is None else biases)
            total += softmax(logits).sum(axis=0, dtype=np.float64)
        self._mean = total / total.sum()
        self._mean_ends = np.cumsum(self._mean)

    def draw_adaptive(self, rng: np.random.Generator, size: int) -> Ids:  # noqa: D102 - inherited
        drawn = np.searchsorted(self._mean_ends, rng.random(size) * self._mean_ends[-1], side="right")
        return np.asarray(drawn, np.int64)

    def adaptive_probability(self, ids: Ids) -> Floats:  # noqa: D102 - inherited
        return np.asarray(self._mean[ids])


def _exp(scores: Floats) -> Floats:
    return np.asarray(np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True)))

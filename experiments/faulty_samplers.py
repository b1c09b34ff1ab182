"""Samplers with the kinds of fault that were found in public code, written again in a few lines each.

All mean to be log-uniform over `num_classes` classes. A sampler of independent draws is a pair (draw, probability), one
of candidates a function of labels: what `check_sampler` and `check_candidates` take.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.wrong_q import claimed
from sampledsoftmax.types import SampledValues

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
Sample = Callable[[Ids], SampledValues]


class Draws(NamedTuple):
    """A sampler of independent draws.

    Attributes
    ----------
    draw : function
        From a size to ids.
    probability : function
        From ids to what is claimed for them.
    """

    draw: Callable[[int], Ids]
    probability: Callable[[Ids], Floats]


class Candidates(NamedTuple):
    """A sampler of candidates.

    Attributes
    ----------
    sample : function
        From labels to candidates and expected counts.
    unique : bool
        Whether candidates should differ.
    """

    sample: Sample
    unique: bool = True


def _shares(num_classes: int) -> Floats:
    return claimed(np.arange(num_classes), num_classes)


def right_draws(num_classes: int, _: int, seed: int) -> Draws:
    """Return a sampler without a fault."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)
    return Draws(lambda size: rng.choice(num_classes, size, p=share), lambda ids: share[ids])


def rounded(num_classes: int, _: int, seed: int) -> Draws:
    """Round the formula of log-uniform draws to the nearest number instead of down."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)

    def draw(size: int) -> Ids:
        return (np.rint(num_classes ** rng.random(size)).astype(np.int64) - 1) % num_classes

    return Draws(draw, lambda ids: share[ids])


def other_power(num_classes: int, _: int, seed: int) -> Draws:
    """Draw by counts to a power, and claim the shares of the counts themselves."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)
    smoothed = share**0.75 / (share**0.75).sum()
    return Draws(lambda size: rng.choice(num_classes, size, p=smoothed), lambda ids: share[ids])


def uniform_as_kernel(num_classes: int, _: int, seed: int) -> Draws:
    """Draw uniformly, and claim the distribution that was approximated."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)
    return Draws(lambda size: rng.integers(0, num_classes, size), lambda ids: share[ids])


def by_position(num_classes: int, _: int, seed: int) -> Draws:
    """Draw places of a list that is sorted in another way than the weights that are looked up by id."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)
    id_at = np.random.default_rng(0).permutation(num_classes)
    return Draws(lambda size: id_at[rng.choice(num_classes, size, p=share)], lambda ids: share[ids])


def one_too_low(num_classes: int, _: int, seed: int) -> Draws:
    """Take ids that start at 1 for ids that start at 0, in the wrong direction."""
    right = right_draws(num_classes, 0, seed)
    return Draws(lambda size: right.draw(size) - 1, right.probability)


def cluster_without_size(num_classes: int, _: int, seed: int) -> Draws:
    """Draw a cluster and then one of its members, and claim the probability of the cluster."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(num_classes) * 8 // num_classes
    share = np.bincount(cluster, _shares(num_classes)).astype(np.float64)
    size_of = np.bincount(cluster)
    of_class = share[cluster] / size_of[cluster]
    return Draws(lambda size: rng.choice(num_classes, size, p=of_class), lambda ids: share[cluster[ids]])


def last_is_one(num_classes: int, _: int, seed: int) -> Draws:
    """Set the last of the cumulated probabilities to 1, in the array of probabilities instead."""
    right, share = right_draws(num_classes, 0, seed), _shares(num_classes)
    share[-1] = 1.0
    return Draws(right.draw, lambda ids: share[ids])


def range_too_long(num_classes: int, _: int, seed: int) -> Draws:
    """Claim the probabilities of a range that has one class more than are drawn from."""
    right = right_draws(num_classes, 0, seed)
    return Draws(right.draw, lambda ids: claimed(ids, num_classes + 1))


def _first_distinct(rng: np.random.Generator, share: Floats, num_sampled: int) -> tuple[Ids, int]:
    """Return the first distinct draws, and the number of draws that they took."""
    draws = rng.choice(share.size, 20 * num_sampled, p=share)
    places = np.sort(np.unique(draws, return_index=True)[1])[:num_sampled]
    return draws[places], int(places[-1]) + 1


def _distinct(
    num_classes: int, num_sampled: int, seed: int, count: Callable[[Floats, int], Floats], fixed: bool = False
) -> Candidates:
    """Return a sampler of different candidates; `count` has the probabilities and the number of draws."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)

    def sample(labels: Ids) -> SampledValues:
        ids, tries = _first_distinct(np.random.default_rng(seed) if fixed else rng, share, num_sampled)
        return SampledValues(ids, count(share[labels], tries), count(share[ids], tries))

    return Candidates(sample)


def _in_sample(share: Floats, tries: int) -> Floats:
    return np.asarray(-np.expm1(tries * np.log1p(-share)))


def right_candidates(num_classes: int, num_sampled: int, seed: int) -> Candidates:
    """Return a sampler without a fault."""
    return _distinct(num_classes, num_sampled, seed, _in_sample)


def tries_not_counted(num_classes: int, num_sampled: int, seed: int) -> Candidates:
    """Claim the counts of `num_sampled` draws, although different candidates took more."""
    return _distinct(num_classes, num_sampled, seed, lambda share, _: _in_sample(share, num_sampled))


def signs_swapped(num_classes: int, num_sampled: int, seed: int) -> Candidates:
    """Compute 1 - (1 + p) ** -tries instead of 1 - (1 - p) ** tries, which is close for small p only."""
    return _distinct(
        num_classes, num_sampled, seed, lambda share, tries: np.asarray(-np.expm1(-tries * np.log1p(share)))
    )


def single_draw_counts(num_classes: int, num_sampled: int, seed: int) -> Candidates:
    """Make the labels of a batch distinct, and then correct each as if it were one draw."""
    return _distinct(num_classes, num_sampled, seed, lambda share, _: num_sampled * share)


def same_seed(num_classes: int, num_sampled: int, seed: int) -> Candidates:
    """Make the generator again in each call."""
    return _distinct(num_classes, num_sampled, seed, _in_sample, fixed=True)


def lowest_kept(num_classes: int, num_sampled: int, seed: int) -> Candidates:
    """Draw more than are needed, make them distinct by sorting, and keep the first."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)
    num_draws = 4 * num_sampled

    def sample(labels: Ids) -> SampledValues:
        drawn = np.unique(rng.choice(num_classes, num_draws, p=share))
        while drawn.size < num_sampled:
            drawn = np.union1d(drawn, rng.choice(num_classes, num_draws, p=share))
        ids = drawn[:num_sampled]
        return SampledValues(ids, _in_sample(share[labels], num_draws), _in_sample(share[ids], num_draws))

    return Candidates(sample)


def copies_counted_once(num_classes: int, num_sampled: int, seed: int) -> Candidates:
    """Draw with replacement, and claim the chance to be in the sample."""
    rng, share = np.random.default_rng(seed), _shares(num_classes)

    def sample(labels: Ids) -> SampledValues:
        ids = rng.choice(num_classes, num_sampled, p=share)
        return SampledValues(ids, _in_sample(share[labels], num_sampled), _in_sample(share[ids], num_sampled))

    return Candidates(sample, unique=False)


def candidates_of(draws: Draws, num_sampled: int) -> Sample:
    """Return candidates of independent draws, with the expected counts that their claim gives."""

    def sample(labels: Ids) -> SampledValues:
        ids = draws.draw(num_sampled)
        return SampledValues(ids, *(num_sampled * draws.probability(of) for of in (labels, ids)))

    return sample


def is_loadable(values: Any) -> bool:
    """Return whether the ids of candidates are classes: a gradient can be computed."""
    return bool((values.sampled_candidates >= 0).all())


Maker = Callable[[int, int, int], "Draws | Candidates"]
RIGHT_SAMPLERS: dict[str, Maker] = {"independent draws": right_draws, "different candidates": right_candidates}
FAULTY_SAMPLERS: dict[str, Maker] = {
    "draws rounded to the nearest, not down": rounded,
    "drawn by counts^0.75, claimed by counts": other_power,
    "drawn uniformly, claimed by another distribution": uniform_as_kernel,
    "weights looked up by position, not by id": by_position,
    "ids one too low": one_too_low,
    "cluster's probability, not divided by its size": cluster_without_size,
    "last probability set to 1": last_is_one,
    "range one class longer than that of the draws": range_too_long,
    "lowest ids of too many draws kept": lowest_kept,
    "counts of fewer draws than were made": tries_not_counted,
    "signs swapped in the count": signs_swapped,
    "made distinct, counted as single draws": single_draw_counts,
    "copies counted once": copies_counted_once,
    "generator made again in each call": same_seed,
}

"""How well a sampler fits the counts of the classes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sampledsoftmax import validation
from sampledsoftmax.diagnostics.problem import Floats, shares
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.samplers import CandidateSampler, LogUniformSampler, UniformSampler, sampler_for
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler

FITS = 0.5  # least worth of a candidate for a sampler to fit
_NAMES: dict[type, str] = {
    LogUniformSampler: "log_uniform",
    UniformSampler: "uniform",
    FixedUnigramSampler: "fixed_unigram",
}


@not_a_number()
class Distance(NamedTuple):
    """Distance of the distribution Q of a sampler from the shares p of the classes.

    Attributes
    ----------
    total_variation : float
        Half the sum of |p - Q|: the share of draws that go to wrong classes, in [0, 1].
    kl_bits : float
        Sum of p log2(p / Q), in bits: 0 if they are equal, infinite if a class that occurs is never drawn.
    worth : float
        What a candidate is worth compared to a draw by the counts, 1 / sum of p**2 / Q, in [0, 1]: an average under p
        over n candidates, each weighted by p / Q, has about the variance of one over n * worth draws from p itself
        (the effective sample size of Kong, "A note on importance sampling", University of Chicago, 1992).
    """

    total_variation: float
    kl_bits: float
    worth: float


@not_a_number()
class Fit(NamedTuple):
    """How well a sampler fits counts, and what would fit better.

    Attributes
    ----------
    sampler : str
        Name of the sampler.
    distance : Distance
        Distance of that sampler.
    first_unsorted : int or None
        First id with a larger count than the previous id; None if counts fall, as log-uniform expects.
    num_unseen : int
        Number of classes with count 0.
    others : dict of str to Distance
        Distances of other choices for these counts, by name.
    verdict : str
        A one-line conclusion.
    """

    sampler: str
    distance: Distance
    first_unsorted: int | None
    num_unseen: int
    others: dict[str, Distance]
    verdict: str


def fit(counts: ArrayLike, sampler: str | CandidateSampler = "log_uniform") -> Fit:
    """Compare the distribution of a sampler with the counts of the classes.

    A sampler fits if a candidate is worth at least half a draw by the counts.

    Parameters
    ----------
    counts : int or float [num_classes]
        How often each class occurs, at least 0; class 0 first.
    sampler : str or sampler object
        "log_uniform", "uniform", or an object such as `FixedUnigramSampler`.

    Returns
    -------
    Fit

    Raises
    ------
    TypeError, ValueError
        If the counts are invalid, or the sampler has another number of classes.

    Examples
    --------
    >>> found = fit([40, 120, 60, 30, 24])
    >>> found.first_unsorted, round(found.distance.total_variation, 2), round(found.distance.worth, 2)
    (1, 0.27, 0.73)
    >>> print(found.verdict)  # doctest: +NORMALIZE_WHITESPACE
    log_uniform fits, although ids are not in order of falling count from id 1 on: 100 candidates are worth 73
    drawn by the counts.
    """
    share = shares(counts)
    chosen = sampler_for(sampler, share.size, None)
    name = sampler if isinstance(sampler, str) else _NAMES.get(type(sampler), type(sampler).__name__)
    falling = np.sort(share)[::-1]
    log_uniform = _probabilities(sampler_for("log_uniform", share.size, None))
    own = distance(share, _probabilities(chosen))
    others = {
        "log_uniform": distance(share, log_uniform),
        "log_uniform, ids sorted": distance(falling, log_uniform),
        "uniform": distance(share, np.full(share.size, 1 / share.size)),
        "counts^0.75": distance(share, shares(share**0.75)),
        "counts": distance(share, share),
    }
    rises = np.flatnonzero(np.diff(share) > 0)
    first = int(rises[0]) + 1 if rises.size else None
    unseen = int((share == 0).sum())
    found = Fit(name, own, first, unseen, others, "")
    return found._replace(verdict=_verdict(found))


def distance(share: Floats, q: Floats) -> Distance:
    """Return the distance of q [num_classes] from the shares p [num_classes].

    Examples
    --------
    >>> found = distance(np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    >>> found.total_variation, round(found.kl_bits, 3), round(found.worth, 3)
    (0.25, 0.208, 0.75)
    """
    occurs = share > 0
    p, drawn = share[occurs], q[occurs]
    total_variation = float(np.abs(share - q).sum() / 2)
    with np.errstate(divide="ignore"):
        kl_bits = max(float((p * np.log2(p / drawn)).sum()), 0.0)
        worth = float(1 / (p * (p / drawn)).sum())
    return Distance(total_variation, kl_bits, min(worth, 1.0))


def _probabilities(sampler: CandidateSampler) -> Floats:
    return sampler.probability(validation.first_ids(sampler.range_max)).astype(np.float64)


def _verdict(found: Fit) -> str:
    """Return one line: whether the sampler fits, why not, and what to use instead."""
    worth = f"100 candidates are worth {hundred(found.distance)} drawn by the counts."
    unsorted = found.first_unsorted if found.sampler == "log_uniform" else None
    if found.distance.worth >= FITS:
        if unsorted is None:
            return f"{found.sampler} fits: {worth}"
        return f"log_uniform fits, although ids are not in order of falling count from id {unsorted} on: {worth}"
    use = "FixedUnigramSampler(counts)"
    if found.num_unseen:
        use = f"FixedUnigramSampler(counts + 1), since {found.num_unseen:,} classes have the count 0"
    if unsorted is None:
        return f"{found.sampler} does not fit: {worth} Use {use}."
    after_sorting = found.others["log_uniform, ids sorted"]
    advice = f"Use {use}."
    if after_sorting.worth >= FITS:
        advice = f"Number the classes by falling count (then {hundred(after_sorting)}), or use {use}."
    return (
        f"log_uniform does not fit, ids are not in order of falling count (id {unsorted} occurs more often than id"
        f" {unsorted - 1}): {worth} {advice}"
    )


def hundred(distance: Distance) -> str:
    """Return what a hundred candidates are worth, as text."""
    return "less than 1" if distance.worth < 0.005 else f"{100 * distance.worth:.0f}"

"""Whether a sampler fits the counts of the classes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sampledsoftmax.diagnostics.problem import Floats, shares
from sampledsoftmax.samplers import CandidateSampler, LogUniformSampler, UniformSampler, sampler_for
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler

FITS = 0.5  # of the candidates' worth
_NAMES: dict[type, str] = {
    LogUniformSampler: "log_uniform",
    UniformSampler: "uniform",
    FixedUnigramSampler: "fixed_unigram",
}


class Distance(NamedTuple):
    """How far the distribution Q of a sampler is from the shares p of the classes.

    Attributes
    ----------
    total_variation : float
        Half the sum of |p - Q|: the share of draws that go to the wrong classes, 0 to 1.
    kl_bits : float
        Sum of p log2(p / Q), in bits: 0 where they are equal, infinite where a class that occurs is never drawn.
    worth : float
        What a candidate is worth beside one that is drawn by the counts, 1 / sum of p**2 / Q, in [0, 1]: an average
        under p over n candidates, each weighted by p / Q, is about as steady as one over n * worth draws from p
        itself (the effective sample size of Kong, "A note on importance sampling", University of Chicago, 1992).
    """

    total_variation: float
    kl_bits: float
    worth: float


class Fit(NamedTuple):
    """How a sampler fits counts, and what would fit better.

    Attributes
    ----------
    sampler : str
        What was asked about.
    distance : Distance
        Of that sampler.
    first_unsorted : int or None
        First id whose count is above that of the id before; None where counts fall, as log-uniform expects.
    num_unseen : int
        Classes whose count is 0.
    others : dict of str to Distance
        Of the other choices for these counts, by name.
    verdict : str
        One line for people.
    """

    sampler: str
    distance: Distance
    first_unsorted: int | None
    num_unseen: int
    others: dict[str, Distance]
    verdict: str


def fit(counts: ArrayLike, sampler: str | CandidateSampler = "log_uniform") -> Fit:
    """Compare what a sampler draws with how often classes occur.

    A sampler fits where a candidate of it is worth at least half of one that is drawn by the counts.

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
        If the counts are no counts, or the sampler is for another number of classes.

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
    """Return how far q [num_classes] is from the shares p [num_classes].

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
    return sampler.probability(np.arange(sampler.range_max)).astype(np.float64)


def _verdict(found: Fit) -> str:
    """Return one line: whether it fits, why not, what to use."""
    own, in_order = hundred(found.distance), hundred(found.others["log_uniform, ids sorted"])
    use = "FixedUnigramSampler(counts)"
    if found.num_unseen:
        use = f"FixedUnigramSampler(counts + 1), since {found.num_unseen:,} classes have the count 0"
    if found.distance.worth >= FITS:
        late = "" if found.first_unsorted is None or found.sampler != "log_uniform" else _although(found.first_unsorted)
        return f"{found.sampler} fits{late}: 100 candidates are worth {own} drawn by the counts."
    why, sort = "", ""
    if found.sampler == "log_uniform" and found.first_unsorted is not None:
        first = found.first_unsorted
        why = f", ids are not in order of falling count (id {first} occurs more often than id {first - 1})"
        if found.others["log_uniform, ids sorted"].worth >= FITS:
            sort = f"umber the classes by falling count (then {in_order}), or u"
    return (
        f"{found.sampler} does not fit{why}: 100 candidates are worth {own} drawn by the counts."
        f" {'N' + sort if sort else 'U'}se {use}."
    )


def hundred(one: Distance) -> str:
    """Return what a hundred candidates are worth, in words."""
    return "less than 1" if one.worth < 0.005 else f"{100 * one.worth:.0f}"


def _although(first: int) -> str:
    return f", although ids are not in order of falling count from id {first} on"

"""`check_sampler`: independent draws against the probabilities that are claimed for them."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from sampledsoftmax import validation
from sampledsoftmax.testing.chi_square import ALARM, Floats, compare
from sampledsoftmax.testing.report import Check, Report
from sampledsoftmax.testing.shared_checks import (
    Ids,
    agreement,
    as_numpy,
    checked_function,
    named,
    support,
    wrong_ids,
    wrong_numbers,
)

NUM_CALLS = 10
MOST_OFF = 1e-4  # of a sum of probabilities: float32
MOST_SIGMAS = 5.0  # of a normal number that should have mean 0: one in two million


def check_sampler(
    draw: Callable[[int], Any],
    probability: Callable[[Ids], Any],
    num_classes: int,
    *,
    num_draws: int = 100_000,
    tolerance: float = 0.0,
) -> Report:
    """Check that independent draws follow the probabilities that a sampler claims.

    Arrays may be of any framework that NumPy can read. For a sampler that returns candidates with their expected
    counts, in particular for candidates that all differ, take `check_candidates`.

    Parameters
    ----------
    draw : function of a number
        `draw(size)` returns int ids [size], independent draws with replacement. It is called 10 times.
    probability : function of an array
        `probability(ids)` returns the float probabilities of ids int64 [num_classes].
    num_classes : int
        Number of classes, at least 2; memory for a few arrays of this size is needed.
    num_draws : int
        Number of draws, at least 100. The report says which deviations that many draws can show.
    tolerance : float
        Total variation between draws and claim that is accepted, in [0, 1).

    Returns
    -------
    Report
        Its checks: "ids", "claim" (probabilities add up to 1), "distribution" (chi-square), "support" and
        "independence". A check fails where nothing is wrong once in 100,000 times.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range. What `draw` and `probability` return is not an
        argument: the report says what is wrong with it.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> def draw(size):
    ...     return rng.choice(3, size, p=[0.5, 0.3, 0.2])
    >>> assert check_sampler(draw, lambda ids: np.array([0.5, 0.3, 0.2])[ids], 3)
    >>> wrong = check_sampler(draw, lambda ids: np.array([0.5, 0.25, 0.25])[ids], 3)
    >>> print(wrong["distribution"])
    FAILED  distribution: Do the draws follow the claimed probabilities?
            Draws differ from the claim by a total variation of about 5.1 % (chance of that much if nothing is
            wrong: 0). A total variation of 1.1 % or more is found with probability 0.99.
    """
    checked_function("draw", draw)
    checked_function("probability", probability)
    num_classes = validation.whole_number("num_classes", num_classes, 2)
    num_draws = validation.whole_number("num_draws", num_draws, 100)
    tolerance = validation.number("tolerance", tolerance, at_least=0.0, below=1.0)
    subject = f"{named(draw)}, {num_draws:,} draws of {num_classes:,} classes"
    calls = [as_numpy(draw(size)) for size in _sizes(num_draws)]
    ids_check, claim_check = _ids(calls, num_draws, num_classes), _claim(probability, num_classes)
    if not ids_check.passed or claim_check.size == np.inf:
        return Report(subject, (ids_check, claim_check))
    claim = as_numpy(probability(validation.first_ids(num_classes))).astype(np.float64)
    observed = np.bincount(np.concatenate(calls), minlength=num_classes).astype(np.float64)
    expected = num_draws * claim / claim.sum()
    asked = "Do the draws follow the claimed probabilities?"
    fits = agreement("distribution", asked, compare(observed, expected, expected, tolerance), "Draws")
    return Report(subject, (ids_check, claim_check, fits, support(observed, expected), _independence(calls, observed)))


def _sizes(num_draws: int) -> list[int]:
    ends = [num_draws * k // NUM_CALLS for k in range(NUM_CALLS + 1)]
    return [end - start for start, end in itertools.pairwise(ends)]


def _ids(calls: list[Any], num_draws: int, num_classes: int) -> Check:
    asked = "Are all draws ids of classes?"
    found = (wrong_ids(ids, size, num_classes) for ids, size in zip(calls, _sizes(num_draws), strict=True))
    wrong = next(filter(None, found), "")
    return Check("ids", not wrong, asked, wrong or "Yes.")


def _claim(probability: Callable[[Ids], Any], num_classes: int) -> Check:
    """Return the check of the claimed probabilities; its size is infinite if they are none."""
    asked = "Are the claimed probabilities in [0, 1], and do they add up to 1?"
    claim = as_numpy(probability(validation.first_ids(num_classes)))
    wrong = wrong_numbers(claim, (num_classes,), 1.0)
    total = 0.0 if wrong else float(claim.sum(dtype=np.float64))
    if not total > 0:
        return Check("claim", False, asked, wrong or "All are 0.", np.inf)
    return Check("claim", abs(total - 1) <= MOST_OFF, asked, f"They add up to {total:.6g}.", abs(total - 1))


def _independence(calls: list[Ids], observed: Floats) -> Check:
    """Return the check that a draw depends neither on its place in a call nor on the draw before it."""
    asked = "Is a draw independent of the draw before it, of its place in a call, and of other calls?"
    share = observed / observed.sum()
    same = [ids for ids, before in zip(calls[1:], calls[:-1], strict=True) if np.array_equal(ids, before)]
    if same and (share**2).sum() ** same[0].size < ALARM / NUM_CALLS:
        said = f"{len(same)} of {len(calls)} calls returned the draws of the call before: the stream stands still."
        return Check("independence", False, asked, said, len(same) / len(calls))
    rank = np.cumsum(share) - share / 2
    found = {
        "draws that equal the draw before": _repeats(calls, share),
        "correlation with the draw before": _correlation([(rank[ids[:-1]], rank[ids[1:]]) for ids in calls]),
        "correlation with the place": _correlation([(rank[ids], np.linspace(-1, 1, ids.size)) for ids in calls]),
    }
    worst = max(found, key=lambda name: abs(found[name]))
    said = f"The largest deviation is that of {worst}: {found[worst]:.1f} standard deviations."
    return Check("independence", abs(found[worst]) <= MOST_SIGMAS, asked, said, abs(found[worst]))


def _repeats(calls: list[Ids], share: Floats) -> float:
    """Return how far the number of equal neighbors is from that of independent draws, in standard deviations."""
    num_pairs = sum(ids.size - 1 for ids in calls)
    repeats = sum(int((ids[1:] == ids[:-1]).sum()) for ids in calls)
    chance, triple = float((share**2).sum()), float((share**3).sum())
    variance = num_pairs * (chance - chance**2 + 2 * (triple - chance**2))
    return (repeats - num_pairs * chance) / variance**0.5 if variance > 1e-9 else 0.0


def _correlation(pairs: list[tuple[Floats, Floats]]) -> float:
    """Return a correlation in standard deviations."""
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1] * first.size**0.5)

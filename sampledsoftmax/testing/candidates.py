"""`check_candidates`: candidates of many calls against the expected counts that a sampler claims for them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax import validation
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.testing.chi_square import Floats, compare, percent
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

MOST_APART = 1e-3  # of two claims for one class in one call, relative
TOLERANCE = 0.01  # TensorFlow's counts of unique candidates are an approximation: up to 0.5 % off where it was measured


@not_a_number(has_arrays=True)
class _Calls(NamedTuple):
    """Sums over calls, and what was wrong with one of them."""

    observed: Floats
    expected: Floats
    variance: Floats
    num_copies: int
    num_same: int
    apart: float
    sums: Floats
    wrong: tuple[str, str]


def check_candidates(
    sample: Callable[[Ids], Any],
    num_classes: int,
    num_sampled: int,
    *,
    unique: bool = True,
    num_calls: int = 1000,
    tolerance: float = TOLERANCE,
) -> Report:
    """Check that the candidates of a sampler occur as often as the expected counts say that it returns with them.

    Expected counts are what sampled softmax divides by, so they are what must be right: for candidates that all
    differ, the chance to be in the sample; else the expected number of copies.

    Parameters
    ----------
    sample : function of an array
        `sample(labels)` gets labels int64 [num_classes, 1], each class once, and returns the three arrays of
        TensorFlow's samplers: candidates int [num_sampled], expected counts of the labels float [num_classes, 1],
        expected counts of the candidates float [num_sampled].
    num_classes : int
        Number of classes, at least 2. Each call returns that many counts, so take a few hundred.
    num_sampled : int
        Number of candidates per call, at least 1.
    unique : bool
        Whether all candidates of a call must differ.
    num_calls : int
        Number of calls, at least 10.
    tolerance : float
        Total variation between candidates and claim that is accepted, in [0, 1). By default 0.01, since the usual
        count of unique candidates, 1 - (1 - p) ** tries, is an approximation: close for dozens of candidates, several
        percent too large for a handful, exact for one. So check such a sampler with one candidate and tolerance 0 too.

    Returns
    -------
    Report
        Its checks: "ids", "counts", "copies" (unique candidates differ), "labels and candidates" (a class has one
        count in a call), "sum of counts", "expected counts" (chi-square), "support" and "calls".

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> def sample(labels):
    ...     ids = rng.permutation(6)[:2]
    ...     return ids, np.full(labels.shape, 1 / 3), np.full(2, 1 / 3)
    >>> assert check_candidates(sample, 6, 2)
    >>> def too_low(labels):
    ...     ids, of_labels, of_candidates = sample(labels)
    ...     return ids, of_labels / 2, of_candidates / 2
    >>> print(check_candidates(too_low, 6, 2)["sum of counts"])
    FAILED  sum of counts: Do the expected counts of all classes add up to num_sampled?
            They add up to 1, which is 50 % less than 2.
    """
    checked_function("sample", sample)
    num_classes = validation.whole_number("num_classes", num_classes, 2)
    num_sampled = validation.sample_size(
        "num_sampled", num_sampled, validation.flag("unique", unique), "num_classes", num_classes
    )
    num_calls = validation.whole_number("num_calls", num_calls, 10)
    tolerance = validation.number("tolerance", tolerance, at_least=0.0, below=1.0)
    found = _calls(sample, num_classes, num_sampled, unique, num_calls)
    subject = f"{named(sample)}, {num_calls:,} calls of {num_sampled} candidates of {num_classes:,} classes"
    return Report(subject, tuple(_checks(found, num_sampled, unique, num_calls, tolerance)))


def _calls(sample: Callable[[Ids], Any], num_classes: int, num_sampled: int, unique: bool, num_calls: int) -> _Calls:
    labels = validation.first_ids(num_classes)[:, np.newaxis]
    observed, expected, variance = (np.zeros(num_classes) for _ in range(3))
    copies = same = 0
    apart, before, sums = 0.0, None, np.zeros(num_calls)
    for call in range(num_calls):
        returned = sample(labels.copy())
        wrong = _wrong(returned, num_classes, num_sampled)
        if wrong[1]:
            return _Calls(observed, expected, variance, copies, same, apart, sums, wrong)
        ids, of_labels, of_candidates = map(as_numpy, returned)
        count = of_labels[:, 0].astype(np.float64)
        observed += np.bincount(ids, minlength=num_classes)
        expected += count
        sums[call] = count.sum()
        variance += count * (1 - count).clip(0) if unique else count
        copies += num_sampled - np.unique(ids).size
        apart = max(apart, float((np.abs(of_candidates - count[ids]) / np.maximum(count[ids], 1e-30)).max()))
        same += before is not None and np.array_equal(before, ids)
        before = ids
    return _Calls(observed, expected, variance, copies, same, apart, sums, ("", ""))


def _wrong(returned: Any, num_classes: int, num_sampled: int) -> tuple[str, str]:
    """Return the name of the check that a call fails, and why."""
    if not isinstance(returned, (tuple, list)) or len(returned) != 3:
        return "counts", f"A call must return three arrays, got {validation.described(returned)}."
    most = float(num_sampled)  # TensorFlow's counts of unique candidates may be above 1: p num_sampled without a repeat
    wrong = wrong_ids(returned[0], num_sampled, num_classes)
    if wrong:
        return "ids", wrong
    return "counts", (
        wrong_numbers(returned[1], (num_classes, 1), most) or wrong_numbers(returned[2], (num_sampled,), most)
    )


def _checks(found: _Calls, num_sampled: int, unique: bool, num_calls: int, tolerance: float) -> list[Check]:
    questions = {
        "ids": "Are all candidates ids of classes?",
        "counts": "Are the expected counts numbers that can be ones?",
    }
    name, reason = found.wrong
    if reason:
        return [Check(name, False, questions[name], reason, np.inf)]
    checks = [Check(name, True, asked, "Yes.") for name, asked in questions.items()]
    if unique:
        checks.append(_copies(found.num_copies, num_sampled * num_calls))
    checks += [_one_claim(found.apart), _sum(found.sums, num_sampled, tolerance)]
    checks += [_counts(found, unique, tolerance), support(found.observed, found.expected)]
    return [*checks, _different(found, num_calls)]


def _copies(num_copies: int, num_candidates: int) -> Check:
    asked = "Do all candidates of a call differ?"
    share = num_copies / num_candidates
    said = f"{percent(share)} of all candidates are further copies of another one." if num_copies else "Yes."
    return Check("copies", num_copies == 0, asked, said, share)


def _one_claim(apart: float) -> Check:
    asked = "Does a class have one expected count in a call, as a label and as a candidate?"
    said = f"No: two of one class are {percent(apart)} apart." if apart > MOST_APART else "Yes."
    return Check("labels and candidates", apart <= MOST_APART, asked, said, apart)


def _sum(sums: Floats, num_sampled: int, tolerance: float) -> Check:
    asked = "Do the expected counts of all classes add up to num_sampled?"
    total = sums.mean()
    noise = 5 * sums.std() / (sums.size**0.5 * num_sampled)
    off = float(total / num_sampled - 1)
    direction = "more" if off > 0 else "less"
    said = f"They add up to {total:.6g}, which is {percent(abs(off))} {direction} than {num_sampled}."
    return Check("sum of counts", abs(off) <= 2 * tolerance + noise + 1e-4, asked, said, abs(off))


def _counts(found: _Calls, unique: bool, tolerance: float) -> Check:
    asked = "Is each class among the candidates as often as its expected count says?"
    certain = unique & (found.variance < 1e-9 * found.expected.max())
    off = np.abs(found.observed - found.expected) > 0.5
    if (certain & off).any():
        k = int((certain & off).argmax())
        said = f"By its count class {k} must be there {found.expected[k]:g} times, without chance, but it was there"
        off_by = float(np.abs(found.observed - found.expected).sum() / (2 * found.expected.sum()))
        return Check("expected counts", False, asked, f"{said} {found.observed[k]:g} times.", off_by)
    if certain.all():
        return Check("expected counts", True, asked, "Yes: no count leaves anything to chance.")
    result = compare(found.observed, found.expected, np.maximum(found.variance, 0), tolerance)
    return agreement("expected counts", asked, result, "Candidates")


def _different(found: _Calls, num_calls: int) -> Check:
    asked = "Do the candidates of two calls in a row differ?"
    moves = found.variance.sum() > 40 * found.expected.sum() / num_calls  # else they may be the same by chance
    said = f"{found.num_same} of {num_calls - 1} calls returned the candidates of the call before, in their order."
    return Check("calls", found.num_same < num_calls - 1 or not moves, asked, said, found.num_same / num_calls)

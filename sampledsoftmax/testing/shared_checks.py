"""Checks that samplers share: ids, claimed numbers, the classes that are reached, and counts against claims."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.testing.chi_square import ALARM, POWER, Comparison, Floats, percent
from sampledsoftmax.testing.report import Check

Ids = NDArray[np.int64]


def as_numpy(value: Any) -> NDArray[Any]:
    """Return an array of any framework as one of NumPy; PyTorch's must leave its graph and its device first."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def named(function: Any) -> str:
    """Return what reports call a function."""
    name = getattr(function, "__qualname__", None) or type(function).__name__
    return str(name).replace("<locals>.", "")


def checked_function(name: str, value: Any) -> Callable[..., Any]:
    """Return a callable, or refuse it."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {validation.described(value)}")
    return value  # type: ignore[no-any-return]


def wrong_ids(value: Any, size: int, num_classes: int) -> str:
    """Return what is wrong with ids [size], or nothing."""
    ids = as_numpy(value)
    if ids.dtype.kind not in "iu":
        return f"They must be integers [{size}], got dtype {validation.dtype_of(ids)}."
    if ids.shape != (size,):
        return f"They must have shape [{size}], got {list(ids.shape)}."
    bad = (ids < 0) | (ids >= num_classes)
    if bad.any():
        first = ids[bad.argmax()]
        return f"{percent(bad.mean())} are none: id {first} was drawn, and classes are in [0, {num_classes})."
    return ""


def wrong_numbers(value: Any, shape: tuple[int, ...], most: float) -> str:
    """Return what is wrong with claimed probabilities or counts, or nothing."""
    array = as_numpy(value)
    if array.dtype.kind != "f":
        return f"They must be floats {list(shape)}, got dtype {validation.dtype_of(array)}."
    if array.shape != shape:
        return f"They must have shape {list(shape)}, got {list(array.shape)}."
    bad = ~((array >= 0) & (array <= most * (1 + 1e-5)))
    if bad.any():
        place = np.unravel_index(int(bad.argmax()), bad.shape)
        return f"They must be in [0, {most:g}], got {array[place]:g} at position {[int(i) for i in place]}."
    return ""


def agreement(name: str, asked: str, found: Comparison, what: str) -> Check:
    """Return the check of a comparison in words."""
    power = (
        f"A total variation of {percent(found.least)} or more is found with probability {POWER:g}."
        if found.num_cells > 1
        else "There is one cell only: nothing to compare; take more draws."
    )
    said = (
        f"{what} differ from the claim by a total variation of about {percent(found.deviation)} (chance of that much if"
        f" nothing is wrong: {found.p_value:.2g})."
    )
    return Check(name, found.agrees, asked, f"{said} {power}", found.deviation)


def support(observed: Floats, expected: Floats) -> Check:
    """Return the check that exactly the classes with a claim above 0 are drawn.

    A class that is expected log(num_classes / ALARM) times is drawn at least once, except with chance
    ALARM / num_classes. Rarer classes are judged together with their neighbors.
    """
    asked = "Are all classes with a claim above 0 drawn, and no others?"
    surprise = (expected <= 0) & (observed > 0)
    if surprise.any():
        return Check(
            "support", False, asked,
            f"{surprise.sum()} classes whose claim is 0 are drawn, class {surprise.argmax()} the first.",
            observed[surprise].sum() / observed.sum(),
        )  # fmt: skip
    enough = math.log(expected.size / ALARM)
    missing = (observed == 0) & (expected >= enough)
    rare = np.flatnonzero((expected > 0) & (expected < enough))
    group = (np.cumsum(expected[rare]) // (2 * enough)).astype(np.int64)
    in_groups, seen = np.bincount(group, expected[rare]), np.bincount(group, observed[rare])
    missing[rare] = ((in_groups >= enough) & (seen == 0))[group]
    share = float(expected[missing].sum() / expected.sum())
    if missing.any():
        ids = np.flatnonzero(missing)
        said = f"{ids.size} classes between id {ids[0]} and id {ids[-1]} are never drawn; by the claim they are"
        return Check("support", False, asked, f"{said} {percent(share)} of all draws.", share)
    unseen = int((observed[rare] == 0).sum())
    said = f" {unseen} classes are too rare to be seen here one by one." if unseen else ""
    return Check("support", True, asked, f"Yes: {int((observed > 0).sum())} classes were drawn.{said}")

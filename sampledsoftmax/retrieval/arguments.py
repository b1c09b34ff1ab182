"""The data and the progress lines of `fit` and `evaluate`."""

import os
import sys
import time
from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.retrieval.history import EpochReport
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.run import FitProgress, number_of_candidates
from sampledsoftmax.retrieval.session import FitWatch
from sampledsoftmax.retrieval.state import FactorState


def interactions_of(
    users: Any, items: Any = None, ratings: Any = None, min_rating: float | None = None
) -> Interactions:
    """Return the interactions that the arguments of `fit` describe.

    Raises
    ------
    TypeError, ValueError, OSError
        They describe none; one line that says why.
    """
    if users is None:
        raise TypeError("users is missing: pairs, a file, a matrix in CSR form or Interactions are expected")
    found: Interactions
    if items is not None:
        found = Interactions.from_pairs(users, items, ratings, min_rating=min_rating)
        return found
    if ratings is not None:
        raise TypeError("ratings need users and items, one of each per pair")
    if isinstance(users, (str, os.PathLike)):
        found = Interactions.read(users, min_rating=min_rating)
        return found
    if min_rating is not None:
        raise TypeError("min_rating needs ratings: those of a file, or the argument ratings")
    if isinstance(users, Interactions):
        return users
    if hasattr(users, "indptr") or hasattr(users, "tocsr"):
        found = Interactions.from_csr(users)
        return found
    raise TypeError(
        f"items is missing: with users alone, a path, a matrix in CSR form or Interactions are expected, got "
        f"{validation.described(users)}"
    )


def described(state: FactorState) -> str:
    """Return what is about to be trained, in a line."""
    train, settings = state.train, state.settings
    candidates, items = number_of_candidates(settings, train), train.num_items
    drawn = f"all {items:,} items are candidates" if candidates == items else f"{candidates:,} candidates per batch"
    held = "" if state.held_out is None else f", {state.held_out.num_pairs:,} pairs held out"
    return f"{train.num_pairs:,} pairs of {train.num_users:,} users and {items:,} items{held}; {drawn}"


def lines() -> FitWatch:
    """Return callbacks that write a line per epoch to stderr, with the time that is left."""
    first: list[tuple[float, int]] = []  # when, and after how many pairs, the first block was done: code is compiled

    def on_progress(progress: FitProgress) -> None:
        if not first:
            first.append((time.monotonic(), progress.pairs))

    def on_epoch(report: EpochReport) -> None:
        start, before = first[0]
        if report.pairs == before:
            say(str(report))
            return
        pairs_left = report.pairs / report.epoch * (report.epochs - report.epoch)
        left = (time.monotonic() - start) / (report.pairs - before) * pairs_left
        say(f"{report}, {left:.0f} s left")

    return FitWatch(on_epoch, on_progress, lambda: say("compiling, once per machine: some 10 to 30 seconds"))


def say(line: str) -> None:
    """Print a line on stderr; stdout is for results."""
    print(line, file=sys.stderr, flush=True)

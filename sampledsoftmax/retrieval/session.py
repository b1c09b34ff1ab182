"""One call of `fit`: epochs, validation, early stopping, checkpoints, and signals at safe points."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.retrieval import checkpoint
from sampledsoftmax.retrieval.evaluation import evaluate_ranking
from sampledsoftmax.retrieval.history import METRIC_K, EpochReport
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.run import FitProgress, Run
from sampledsoftmax.retrieval.state import Best, FactorState
from sampledsoftmax.runtime.patient_call import patient_call
from sampledsoftmax.runtime.stop_signals import StopSignals

# Users of the validation split that are ranked after each epoch: the standard error of their mean recall is about .002,
# and the same users are ranked after each epoch.
MAX_VALIDATION_USERS = 5000
_VALIDATION_STREAM = 3  # purpose of random numbers, see batches.py


def ignore(*_: Any) -> None:
    """Do nothing."""


class FitWatch(NamedTuple):
    """Callbacks of a run.

    Attributes
    ----------
    on_epoch : callable
        Called with an `EpochReport` after each epoch.
    on_progress : callable
        Called with a `FitProgress` after each block of batches.
    on_compile : callable
        Called without arguments if the code of a step is being compiled and that takes more than a second.
    """

    on_epoch: Callable[[EpochReport], None] = ignore
    on_progress: Callable[[FitProgress], None] = ignore
    on_compile: Callable[[], None] = ignore


class Session:
    """Trains from a state to the end of its epochs, or until the validation metric has stopped rising.

    Parameters
    ----------
    start : FactorState
        It is not changed: its tables are copied.
    path : Path or None
        The checkpoint file.
    seconds : float
        Time between two checkpoints.
    watches : sequence of FitWatch
    signals : StopSignals
    """

    def __init__(
        self, start: FactorState, path: Path | None, seconds: float, watches: tuple[FitWatch, ...], signals: StopSignals
    ) -> None:
        self._path, self._seconds, self._watches, self._signals = path, seconds, watches, signals
        self._train = start.train
        tables = start.tables.copy()
        self._run = Run(start.settings, self._train, tables, start.position)
        self._state = start._replace(tables=tables, history=list(start.history))
        self._users = None if start.held_out is None else _validation_users(start.held_out, start.settings.seed)
        self._last_saved = time.monotonic()

    def run(self, take: Callable[[FactorState], None]) -> None:
        """Train to the end; `take` gets a state after each epoch, and that in which a signal stopped the run.

        Raises
        ------
        FloatingPointError
            A loss or a factor is not finite; the last state that was taken is not touched.
        """
        patient_call(self._run.compile, lambda: self._call("on_compile"))
        self._signals.deferred = True
        while not self._state.is_finished:
            progress = self._train_block()
            ends = self._run.is_at_end_of_epoch
            if ends:
                self._end_epoch(progress)
                take(self._snapshot())
            self._call("on_progress", progress)
            if ends:
                self._call("on_epoch", self._state.history[-1])
            if self._signals.is_pending and not self._state.is_finished:
                take(self._state)
                self._save()
                self._signals.check()
            elif self._state.is_finished or time.monotonic() - self._last_saved >= self._seconds:
                self._save()
        self._signals.check()

    def _train_block(self) -> FitProgress:
        at = self._run.position
        try:
            progress = self._run.train_block()
            if self._run.is_at_end_of_epoch and not self._run.tables.are_finite():
                raise FloatingPointError("a factor is not finite")
        except FloatingPointError as error:
            users, items = self._run.rates_at(at)
            kept = f"those of epoch {at.epoch} are kept" if self._state.history else "nothing was learned"
            raise FloatingPointError(
                f"training diverged in epoch {at.epoch + 1} of {self._state.settings.epochs}: {error}; learning_rate = "
                f"{users:g} of users and {items:g} of items: use smaller ones (factors: {kept})"
            ) from None
        self._state = self._state._replace(position=self._run.position)
        return progress

    def _end_epoch(self, progress: FitProgress) -> None:
        """Rank the validation split, keep the factors if they are the best so far, and add a report."""
        loss = self._run.end_epoch()
        state, scores = self._state, self._validated()
        recall, ndcg = (math.nan, math.nan) if scores is None else (float(scores.recall), float(scores.ndcg))
        best, epoch = state.best, self._run.position.epoch
        if scores is not None and (best is None or recall > best.recall):
            users, items = (table.values.copy() for table in state.tables)
            best = Best(epoch, recall, users, items)
        report = EpochReport(
            epoch,
            state.settings.epochs,
            progress.pairs,
            loss,
            recall,
            ndcg,
            progress.user_learning_rate,
            progress.item_learning_rate,
        )
        self._state = state._replace(position=self._run.position, best=best, history=[*state.history, report])

    def _validated(self) -> RankingScores | None:
        state = self._state
        if state.held_out is None:
            return None
        users, items = state.tables.users.values, state.tables.items.values
        normalize = state.settings.normalize
        return evaluate_ranking(
            users, items, self._train, state.held_out, METRIC_K, normalize=normalize, users=self._users
        )

    def _snapshot(self) -> FactorState:
        """Return the state with tables of its own, which the rest of the run does not change."""
        if self._state.is_finished:
            return self._state
        return self._state._replace(tables=self._state.tables.copy())

    def _save(self) -> None:
        if self._path is not None:
            checkpoint.save(self._path, self._state)
        self._last_saved = time.monotonic()

    def _call(self, name: str, *arguments: Any) -> None:
        for watch in self._watches:
            getattr(watch, name)(*arguments)


def checked_watch(on_epoch: Any, on_progress: Any, on_compile: Any) -> FitWatch:
    """Return callbacks that can be called, since they are called when much has been done."""
    for name, function in zip(FitWatch._fields, (on_epoch, on_progress, on_compile), strict=True):
        if not callable(function):
            raise TypeError(f"{name} must be callable, got {validation.described(function)}")
    return FitWatch(on_epoch, on_progress, on_compile)


def _validation_users(held_out: Interactions, seed: int) -> NDArray[np.int64]:
    """Return the rows of the users that are ranked after each epoch, ascending."""
    users = np.flatnonzero(held_out.user_counts)
    if users.size <= MAX_VALIDATION_USERS:
        return users
    words = np.random.Philox(key=np.array([seed, _VALIDATION_STREAM << 60], np.uint64)).random_raw(users.size)
    return np.sort(users[np.argsort(words, kind="stable")[:MAX_VALIDATION_USERS]])

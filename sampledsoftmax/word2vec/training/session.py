"""One call of `train`: blocks, callbacks, checkpoints, and the way back from a run that diverged."""

import time
from collections.abc import Callable

from sampledsoftmax.runtime.stop_signals import StopSignals
from sampledsoftmax.word2vec.corpus.find_files import AnyPath
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream
from sampledsoftmax.word2vec.training import checkpoint as checkpoints
from sampledsoftmax.word2vec.training.checkpoint import TORN, Checkpoint
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError
from sampledsoftmax.word2vec.training.run import Run
from sampledsoftmax.word2vec.training.watch import Watch

OnEvent = Callable[[str], None]


class Session:
    """Trains from a state to the end of its epochs.

    Parameters
    ----------
    start : Checkpoint
        The state in which training starts; its tables are trained in place.
    before : Checkpoint or None
        The state to go back to; None if there is none, as for a run that is resumed, whose own tables are trained.
    path : path or None
        The checkpoint file.
    seconds : float
        Time between two checkpoints.
    watches : sequence of Watch
    signals : StopSignals
    """

    def __init__(
        self,
        start: Checkpoint,
        before: Checkpoint | None,
        path: AnyPath | None,
        seconds: float,
        watches: tuple[Watch, Watch],
        signals: StopSignals,
    ) -> None:
        self._start, self._before = start, before
        self._path, self._seconds = path, seconds
        self._watches, self._signals = watches, signals
        self._is_resumed = bool(start.history)
        self._has_checkpoint = self._is_resumed

    def run(self, stream: IdStream, threads: int | None, take: Callable[[Checkpoint], None], on_event: OnEvent) -> None:
        """Train block by block; `take` gets each state in which something was learned, `on_event` gensim's events."""
        start = self._start
        run = Run(start.settings, start.vocabulary, stream, start.tables, start.position, threads)
        checkpoints.restore_sampler(run, start.sampler_state)
        run.compile(self._watches[1].on_compile)
        self._signals.deferred = True  # from here on the tables change
        on_event("on_train_begin")
        on_event("on_epoch_begin")
        state, history, last = start if self._is_resumed else None, list(start.history), time.monotonic()
        try:
            for progress in run.blocks():
                history.append(progress)
                if progress.pairs > 0:  # else nothing has been learned
                    state = checkpoints.capture(run, start, history)
                    take(state)
                self._report(run, progress, on_event)
                is_due = run.is_finished or time.monotonic() - last >= self._seconds
                if state is not None and (is_due or self._signals.is_pending) and self._save(run, state):
                    last = time.monotonic()
                self._signals.check()
        except TrainingDivergedError:
            raise
        except BaseException:
            if run.is_within_block and state is not None:
                take(state._replace(corpus=TORN))
            raise
        self._check_finite(run)
        on_event("on_train_end")

    def last_good(self) -> Checkpoint | None:
        """Return the last checkpoint of this run, or else the state before it; None if there is neither."""
        return self._saved() or self._before

    def _save(self, run: Run, state: Checkpoint) -> bool:
        """Write a checkpoint if there is a file for it, and return whether there is."""
        if self._path is None:
            return False
        self._check_finite(run)
        checkpoints.save(self._path, state)
        self._has_checkpoint = True
        return True

    def _saved(self) -> Checkpoint | None:
        if self._path is None or not self._has_checkpoint:
            return None
        objective = self._start.settings.objective
        try:
            state = checkpoints.load(self._path, None if isinstance(objective, str) else objective)
        except (OSError, ValueError):
            return None
        same = (state.corpus, state.settings) == (self._start.corpus, self._start.settings)
        return state if same else None

    def _check_finite(self, run: Run) -> None:
        """Raise TrainingDivergedError if an entry of a table is not finite."""
        if not self._start.tables.are_finite():
            raise TrainingDivergedError(run.position.step, self._start.settings.learning_rate)

    def _report(self, run: Run, progress: Progress, on_event: OnEvent) -> None:
        """Call the callbacks of a block."""
        for watch in self._watches:
            watch.on_progress(progress)
            if run.ends_epoch():
                watch.on_epoch(progress)
        if run.ends_epoch():
            on_event("on_epoch_end")
            if not run.is_finished:
                on_event("on_epoch_begin")

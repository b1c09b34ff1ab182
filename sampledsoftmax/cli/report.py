"""Progress of a training run on stderr: a progress bar on a terminal, a few plain lines elsewhere."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from sampledsoftmax.cli.standard_streams import discard
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.word2vec.training.progress import Progress

_MAX_LINES = 10


class Report:
    """Shows the progress of a run: words/s, loss, time left."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._bar: tqdm | None = None
        self._reading: tqdm | None = None
        self._first: tuple[float, int] | None = None
        self._on_terminal = sys.stderr.isatty()

    def on_progress(self, progress: Progress) -> None:
        """Update the bar, on a terminal."""
        with self._may_be_gone():
            self._show_progress(progress)

    def on_read(self, done: int, total: int | None) -> None:
        """Show how much of the corpus has been read, on a terminal."""
        with self._may_be_gone():
            self._show_reading(done, total)

    def _show_progress(self, progress: Progress) -> None:
        if self._first is None:  # before it are reading and compilation, or an earlier run
            self._first = (time.perf_counter(), progress.words)
        if not self._on_terminal:
            return
        if self._bar is None:
            self._stop_reading()
            # some terminals report zero columns and rows, with which tqdm would show nothing
            columns, rows = shutil.get_terminal_size()
            self._bar = tqdm(
                total=progress.total_words,
                initial=progress.words,
                unit=" words",
                unit_scale=True,
                ncols=columns,
                nrows=rows,
            )
        self._bar.set_description(f"epoch {progress.epoch}/{progress.epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {progress.loss:.3f}", refresh=False)
        self._bar.update(progress.words - self._bar.n)

    def _show_reading(self, done: int, total: int | None) -> None:
        if not self._on_terminal:
            return
        if self._reading is None:
            columns, rows = shutil.get_terminal_size()
            self._reading = tqdm(
                total=total, desc="reading", unit="B", unit_scale=True, ncols=columns, nrows=rows, leave=False
            )
        self._reading.update(done - self._reading.n)

    def on_epoch(self, progress: Progress) -> None:
        """Print a line, if not on a terminal."""
        every = ceil_div(progress.epochs, _MAX_LINES)
        if self._on_terminal or (progress.epoch % every and progress.epoch < progress.epochs):
            return
        speed = self._words_per_second(progress)
        left = (progress.total_words - progress.words) / speed
        say(
            f"epoch {progress.epoch}/{progress.epochs}: loss {progress.loss:.3f}, "
            f"{speed:,.0f} words/s, {left:.0f} s left"
        )

    def _words_per_second(self, progress: Progress) -> float:
        start, words = self._first if self._first is not None else (self._start, 0)
        if progress.words == words:  # a run of one block
            start, words = self._start, 0
        return (progress.words - words) / max(time.perf_counter() - start, 1e-9)

    def close(self) -> None:
        """Close the bar and keep it on the terminal."""
        with self._may_be_gone():
            self._stop_reading()
            if self._bar is not None:
                self._bar.close()

    @contextmanager
    def _may_be_gone(self) -> Iterator[None]:
        """Go on without a terminal that was closed: nothing is lost but the bar."""
        try:
            yield
        except OSError:
            self._on_terminal, self._bar, self._reading = False, None, None
            discard(sys.stderr)

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None


def say(line: str) -> None:
    """Print a message on stderr, which may be closed meanwhile; stdout is for results."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)

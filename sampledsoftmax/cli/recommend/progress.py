"""Progress of a training run of a recommender on stderr: a bar on a terminal, some lines elsewhere."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from sampledsoftmax.cli.report import say
from sampledsoftmax.cli.standard_streams import discard
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.retrieval.history import EpochReport
from sampledsoftmax.retrieval.run import FitProgress

_MAX_LINES = 10


class FitReport:
    """Shows the progress of a run: pairs/s, loss, metrics, time left."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._first: tuple[float, int] | None = None
        self._on_terminal = sys.stderr.isatty()

    def on_progress(self, progress: FitProgress) -> None:
        """Update the bar, on a terminal."""
        if self._first is None:  # before it are compilation, or an earlier run
            self._first = (time.perf_counter(), progress.pairs)
        if self._on_terminal:
            with self._may_be_gone():
                self._show(progress)

    def on_epoch(self, report: EpochReport) -> None:
        """Print a line, if not on a terminal; the metrics are shown by the bar."""
        if self._on_terminal:
            with self._may_be_gone():
                self._show_metrics(report)
            return
        if report.epoch % ceil_div(report.epochs, _MAX_LINES) and report.epoch < report.epochs:
            return
        say(f"{report}{self._speed(report)}")

    def close(self) -> None:
        """Close the bar and keep it on the terminal."""
        with self._may_be_gone():
            if self._bar is not None:
                self._bar.close()

    def _show(self, progress: FitProgress) -> None:
        if self._bar is None:
            # some terminals report zero columns and rows, with which tqdm would show nothing
            columns, rows = shutil.get_terminal_size()
            self._bar = tqdm(
                total=progress.total_pairs,
                initial=progress.pairs,
                unit=" pairs",
                unit_scale=True,
                ncols=columns,
                nrows=rows,
            )
        self._bar.set_description(f"epoch {progress.epoch}/{progress.epochs}", refresh=False)
        self._bar.update(progress.pairs - self._bar.n)

    def _show_metrics(self, report: EpochReport) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(str(report).partition(": ")[2], refresh=False)

    def _speed(self, report: EpochReport) -> str:
        if self._first is None or report.pairs == self._first[1]:
            return ""
        start, before = self._first
        speed = (report.pairs - before) / max(time.perf_counter() - start, 1e-9)
        left = report.pairs / report.epoch * (report.epochs - report.epoch) / speed
        return f"; {speed:,.0f} pairs/s, {left:.0f} s left"

    @contextmanager
    def _may_be_gone(self) -> Iterator[None]:
        """Go on without a terminal that was closed: nothing is lost but the bar."""
        try:
            yield
        except OSError:
            self._on_terminal, self._bar = False, None
            discard(sys.stderr)

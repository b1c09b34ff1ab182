"""How a training run shows its progress: a bar on a terminal, a few plain lines elsewhere."""

import shutil
import sys
import time

from tqdm import tqdm

from sampledsoftmax.words.progress import Progress

_MOST_LINES = 10


class Report:
    """Takes the progress of a run and shows it on stderr: words/s, loss, time left."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._bar: tqdm | None = None
        self._on_terminal = sys.stderr.isatty()

    def on_progress(self, progress: Progress) -> None:
        """Move the bar, on a terminal."""
        if not self._on_terminal:
            return
        if self._bar is None:
            # some terminals claim to have no columns and no rows, on which tqdm would show nothing
            columns, rows = shutil.get_terminal_size()
            self._bar = tqdm(total=progress.total_words, unit=" words", unit_scale=True, ncols=columns, nrows=rows)
        self._bar.set_description(f"epoch {progress.epoch}/{progress.epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {progress.loss:.3f}", refresh=False)
        self._bar.update(progress.words - self._bar.n)

    def on_epoch(self, progress: Progress) -> None:
        """Print a line, elsewhere."""
        every = -(-progress.epochs // _MOST_LINES)
        if self._on_terminal or (progress.epoch % every and progress.epoch < progress.epochs):
            return
        seconds = time.perf_counter() - self._start
        left = seconds * (progress.total_words / progress.words - 1)
        say(
            f"epoch {progress.epoch}/{progress.epochs}: loss {progress.loss:.3f}, "
            f"{progress.words / seconds:,.0f} words/s, {left:.0f} s left"
        )

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


def say(line: str) -> None:
    """Print a line for the person who waits, on stderr: stdout is for results."""
    print(line, file=sys.stderr, flush=True)

"""The output directory of a training run: model, vectors, settings, loss curve."""

import csv
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.extras import need
from sampledsoftmax.io.folder_lock import FolderLock
from sampledsoftmax.io.loss_plot import save_loss_plot
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.training import checkpoint
from sampledsoftmax.word2vec.training.progress import Progress
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

MODEL, VECTORS, SETTINGS, LOSS, PLOT = "model.zip", "vectors.txt", "settings.json", "loss.csv", "loss.png"

_FIRST_BYTES = {
    VECTORS: re.compile(rb"\d+ \d+\n"),
    SETTINGS: re.compile(rb'\{\s*"corpus": '),
    LOSS: re.compile(rb"epoch,"),
    PLOT: re.compile(rb"\x89PNG"),
}
_SURROGATE = re.compile("[\ud800-\udfff]")


class OutputDirectory:
    """The output directory of a run; it is created, and tested for write access, before any training.

    Parameters
    ----------
    path : path
        The directory.

    Raises
    ------
    OSError
        It cannot be created or written; one line that says why.
    ValueError
        The name is empty.

    Examples
    --------
    >>> import tempfile
    >>> output = OutputDirectory(tempfile.mkdtemp())
    >>> output.save_loss([Progress(1, 1, 10, 640, 100, 100, 2.5, 2.5, 0.2)])
    >>> print((output.path / "loss.csv").read_text())
    epoch,step,pairs,words,loss,smoothed,learning_rate
    1,10,640,100,2.5,2.5,0.2
    <BLANKLINE>
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not os.fspath(path):  # as from a variable of the shell that is not set
            raise ValueError("the output directory has an empty name: name one, such as . for the current directory")
        self.path = Path(path)
        self._board: Any = None
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            reason = "is not a directory" if isinstance(error, FileExistsError) else error.strerror
            raise type(error)(f"output directory {shown_path(self.path)} cannot be written: {reason}") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the directory within the block.

        Raises
        ------
        BlockingIOError
            Another run uses it: one line that names process and host. The lock of a process that was killed is void.
        """
        with writing(self.path):
            lock = FolderLock(self.path)
        try:
            lock.claim()
            yield
        finally:
            lock.release()

    def check_files(self, corpus: Sequence[Path | None] = ()) -> None:
        """Raise an error if a file that a run writes cannot be written, is of another kind, or is part of the corpus.

        Raises
        ------
        FileExistsError
            A file is not of a run, or it is part of the corpus: it would be lost.
        IsADirectoryError, PermissionError
            A file cannot be written.
        """
        inputs = {os.path.realpath(path) for path in corpus if path is not None}
        for name in (MODEL, VECTORS, SETTINGS, LOSS, PLOT):
            path = self.path / name
            shown = shown_path(path)
            if path.is_dir():
                raise IsADirectoryError(f"{shown} is a directory: name another output directory, or remove it")
            if not path.is_file():
                continue
            if os.path.realpath(path) in inputs:
                raise FileExistsError(f"{shown} is part of the corpus and would be replaced: name another directory")
            if not os.access(path, os.W_OK):
                raise PermissionError(f"{shown} cannot be written: it is read-only")
            if not _is_of_a_run(path):
                raise FileExistsError(
                    f"{shown} is not the file of that name of a run and would be replaced: name another directory"
                )

    def refuse_unfinished_run(self) -> None:
        """Raise ValueError if the directory has an unfinished run, or a model that cannot be read."""
        if not (self.path / MODEL).exists():
            return
        run = checkpoint.load(self.path / MODEL)
        epoch, epochs = run.position.epoch + 1, run.settings.epochs
        if epoch <= epochs:
            raise ValueError(
                f"{shown_path(self.path)} has a run that was stopped in epoch {epoch} of {epochs}: continue it with "
                f"--resume, name another directory, or remove {shown_path(self.path / MODEL)}"
            )

    def saved(self) -> str:
        """Say what has been saved of a run."""
        if not (self.path / MODEL).exists():
            return "nothing was saved"
        return f"{shown_path(self.path / MODEL)} has the run up to its last checkpoint: continue with --resume"

    def open_tensorboard(self) -> None:
        """Make `watch` write event files for TensorBoard; `MissingExtraError` if it is not installed."""
        self._board = need("tensorboard.summary", "tensorboard", "tensorboard").Writer(str(self.path))

    def watch(self, on_progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """Return a callback that calls `on_progress`, and writes scalars for TensorBoard if that is open."""

        def report(progress: Progress) -> None:
            if self._board is not None:
                for name in ("loss", "smoothed", "learning_rate"):
                    self._board.add_scalar(name, getattr(progress, name), step=progress.step)
            on_progress(progress)

        return report

    def close(self) -> None:
        """Close the event file, if there is one."""
        if self._board is not None:
            self._board.close()

    def save(self, vectors: WordVectors, settings: dict[str, Any], history: Sequence[Progress]) -> None:
        """Write vectors, settings and loss curve, replacing older ones."""
        vectors.save_word2vec_format(self.path / VECTORS)
        with new_file(self.path / SETTINGS) as file:
            file.write(_escaped(json.dumps(settings, indent=2, ensure_ascii=False)) + "\n")
        self.save_loss(history)

    def save_loss(self, history: Sequence[Progress]) -> None:
        """Write the loss curve as CSV, one row per block of text."""
        with new_file(self.path / LOSS) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["epoch", "step", "pairs", "words", "loss", "smoothed", "learning_rate"])
            table.writerows([p.epoch, p.step, p.pairs, p.words, p.loss, p.smoothed, p.learning_rate] for p in history)

    def save_plot(self, history: Sequence[Progress]) -> bool:
        """Plot the loss curve as PNG; return False if matplotlib is not installed."""
        return save_loss_plot(self.path / PLOT, history)


def _is_of_a_run(path: Path) -> bool:
    """Return whether a file begins like one that a run has written; the model is checked when it is read."""
    first_bytes = _FIRST_BYTES.get(path.name)
    with path.open("rb") as file:
        start = file.read(64)
    return first_bytes is None or not start or first_bytes.match(start) is not None


def _escaped(text: str) -> str:
    """Escape the characters of names that are not UTF-8, which UTF-8 cannot hold; JSON reads them back."""
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

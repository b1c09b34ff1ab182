"""The output directory of a training run: model, vectors, settings, loss curve."""

import csv
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sampledsoftmax.io.atomic_write import new_file
from sampledsoftmax.io.extras import need
from sampledsoftmax.word2vec.plots.loss_plot import save_loss_plot
from sampledsoftmax.word2vec.training import checkpoint
from sampledsoftmax.word2vec.training.progress import Progress
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

MODEL, VECTORS, SETTINGS, LOSS, PLOT = "model.zip", "vectors.txt", "settings.json", "loss.csv", "loss.png"


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
        self.path = Path(path)
        self._board: Any = None
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            reason = "is not a directory" if isinstance(error, FileExistsError) else error.strerror
            raise type(error)(f"output directory {self.path} cannot be written: {reason}") from None

    def refuse_unfinished_run(self) -> None:
        """Raise ValueError if the directory has an unfinished run, or a model that cannot be read."""
        if not (self.path / MODEL).exists():
            return
        run = checkpoint.load(self.path / MODEL)
        epoch, epochs = run.position.epoch + 1, run.settings.epochs
        if epoch <= epochs:
            raise ValueError(
                f"{self.path} has a run that was stopped in epoch {epoch} of {epochs}: continue it with --resume, "
                f"name another directory, or remove {self.path / MODEL}"
            )

    def saved(self) -> str:
        """Say what has been saved of a run."""
        if not (self.path / MODEL).exists():
            return "nothing was saved"
        return f"{self.path / MODEL} has the run up to its last checkpoint: continue with --resume"

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
            json.dump(settings, file, indent=2, ensure_ascii=False)
            file.write("\n")
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

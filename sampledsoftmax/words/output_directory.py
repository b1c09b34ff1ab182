"""What a training run leaves on disk: vectors, settings, the loss curve."""

import csv
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from sampledsoftmax.words.files import new_file
from sampledsoftmax.words.loss_plot import save_loss_plot
from sampledsoftmax.words.progress import Progress
from sampledsoftmax.words.vectors import WordVectors

VECTORS, SETTINGS, LOSS, PLOT = "vectors.txt", "settings.json", "loss.csv", "loss.png"


class OutputDirectory:
    """A directory that is made if it is not there, and tried out at once: before any training.

    Parameters
    ----------
    path : path
        The directory.

    Raises
    ------
    OSError
        It cannot be made or written; one line that says why.

    Examples
    --------
    >>> import tempfile
    >>> output = OutputDirectory(tempfile.mkdtemp())
    >>> output.add_progress(Progress(1, 1, 10, 640, 100, 100, 2.5))
    >>> output.save_loss()
    >>> print((output.path / "loss.csv").read_text())
    epoch,step,pairs,words,loss
    1,10,640,100,2.5
    <BLANKLINE>
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._progress: list[Progress] = []
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            reason = "is not a directory" if isinstance(error, FileExistsError) else error.strerror
            raise type(error)(f"output directory {self.path} cannot be written: {reason}") from None

    def save(self, vectors: WordVectors, settings: dict[str, Any]) -> None:
        """Write vectors, settings and loss curve, each in place of an older one."""
        vectors.save_word2vec_format(self.path / VECTORS)
        with new_file(self.path / SETTINGS) as file:
            json.dump(settings, file, indent=2, ensure_ascii=False)
            file.write("\n")
        self.save_loss()

    def add_progress(self, progress: Progress) -> None:
        """Take a point of the loss curve."""
        self._progress.append(progress)

    def save_loss(self) -> None:
        """Write the loss curve so far as CSV: one row for each block of pairs."""
        with new_file(self.path / LOSS) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["epoch", "step", "pairs", "words", "loss"])
            table.writerows([p.epoch, p.step, p.pairs, p.words, p.loss] for p in self._progress)

    def save_plot(self) -> bool:
        """Draw the loss curve as PNG; return False where matplotlib is not installed."""
        return save_loss_plot(self.path / PLOT, self._progress)


def load_vectors(path: str | os.PathLike[str]) -> WordVectors:
    """Return the vectors that a training run has written to its output directory.

    Raises
    ------
    FileNotFoundError
        There are none.
    ValueError
        The file is damaged.
    """
    file = Path(path) / VECTORS
    if not file.exists():
        raise FileNotFoundError(f"{path} holds no {VECTORS}: name the --output directory of a training run")
    return WordVectors.load_word2vec_format(file)

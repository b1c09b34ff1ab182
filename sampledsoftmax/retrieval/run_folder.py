"""The output folder of a run: the model, its settings, the curve of loss and metrics, titles of items."""

import csv
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.extras import MissingExtraError
from sampledsoftmax.io.folder_lock import FolderLock
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.retrieval.matrix_factorization import MatrixFactorization
from sampledsoftmax.retrieval.titles import read_titles

MODEL, SETTINGS, LOSS, PLOT, TITLES = "model.zip", "settings.json", "loss.csv", "loss.png", "titles.csv"

_FIRST_BYTES = {
    SETTINGS: re.compile(rb'\{\s*"ratings": '),
    LOSS: re.compile(rb"epoch,pairs,loss,recall"),
    PLOT: re.compile(rb"\x89PNG"),
    TITLES: re.compile(rb"id,title\n"),
}


class RunFolder:
    """The output folder of a run; it is created, and tested for write access, before any training.

    Parameters
    ----------
    path : path
        The folder.

    Raises
    ------
    OSError
        It cannot be created or written; one line that says why.
    ValueError
        The name is empty.

    Examples
    --------
    >>> folder = RunFolder(tempfile.mkdtemp())
    >>> folder.save_titles({"6": "Heat"}), folder.titles()
    (None, {'6': 'Heat'})
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not os.fspath(path):  # as from a variable of the shell that is not set
            raise ValueError("the output folder has an empty name: name one, such as . for the current one")
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            reason = "is not a folder" if isinstance(error, FileExistsError) else error.strerror
            raise type(error)(f"output folder {shown_path(self.path)} cannot be written: {reason}") from None

    @property
    def model(self) -> Path:
        """The file of the model."""
        return self.path / MODEL

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder within the block; BlockingIOError if one uses it."""
        with writing(self.path):
            lock = FolderLock(self.path)
        try:
            lock.claim()
            yield
        finally:
            lock.release()

    def check_files(self, inputs: Sequence[Path | None] = ()) -> None:
        """Raise an error if a file that a run writes cannot be written, is of another kind, or is one of the inputs."""
        given = {os.path.realpath(path) for path in inputs if path is not None}
        for name in (MODEL, *_FIRST_BYTES):
            path = self.path / name
            shown = shown_path(path)
            if path.is_dir():
                raise IsADirectoryError(f"{shown} is a folder: name another output folder, or remove it")
            if not path.is_file():
                continue
            if os.path.realpath(path) in given:
                raise FileExistsError(f"{shown} is an input and would be replaced: name another output folder")
            if not os.access(path, os.W_OK):
                raise PermissionError(f"{shown} cannot be written: it is read-only")
            if name != MODEL and not _begins(path, _FIRST_BYTES[name]):
                raise FileExistsError(
                    f"{shown} is not the file of that name of a run and would be replaced: name another output folder"
                )

    def refuse_unfinished_run(self) -> None:
        """Raise ValueError if the folder has an unfinished run, or a model that cannot be read."""
        if not self.model.exists():
            return
        model = MatrixFactorization.load(self.model)
        if not model.is_finished:
            done, epochs = len(model.history), model.settings.epochs
            raise ValueError(
                f"{shown_path(self.path)} has a run that was stopped in epoch {done + 1} of {epochs}: continue it with "
                f"--resume, name another folder, or remove {shown_path(self.model)}"
            )

    def saved(self) -> str:
        """Say what has been saved of a run that was stopped."""
        if not self.model.exists():
            return "nothing was saved"
        return f"{shown_path(self.model)} has the run up to where it stopped: continue with --resume"

    def save(self, model: MatrixFactorization, settings: Mapping[str, Any]) -> bool:
        """Write settings and curve; return False if there is no picture, since matplotlib is not installed."""
        with new_file(self.path / SETTINGS) as file:
            text = json.dumps(settings, indent=2, ensure_ascii=False)
            file.write(text.encode("utf-8", "backslashreplace").decode() + "\n")  # names may not be UTF-8
        self.save_curve(model)
        try:
            model.save_loss_curve(self.path / PLOT)
        except MissingExtraError:
            return False
        return True

    def save_curve(self, model: MatrixFactorization) -> None:
        """Write loss and metrics of each epoch as CSV."""
        model.save_loss_curve(self.path / LOSS)

    def save_titles(self, titles: Mapping[str, str]) -> None:
        """Write the titles of items, which `titles` reads."""
        with new_file(self.path / TITLES) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["id", "title"])
            table.writerows(titles.items())

    def titles(self) -> dict[str, str]:
        """Return the titles that a run has saved; none if it had no file of titles."""
        path = self.path / TITLES
        return read_titles(path) if path.is_file() and path.stat().st_size > len("id,title\n") else {}


def _begins(path: Path, pattern: re.Pattern[bytes]) -> bool:
    with path.open("rb") as file:
        start = file.read(64)
    return not start or pattern.match(start) is not None

"""Load a trained model from the output directory of a run, or vectors from a file."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.training import checkpoint
from sampledsoftmax.word2vec.training.output_directory import MODEL, SETTINGS, VECTORS
from sampledsoftmax.word2vec.vectors import formats
from sampledsoftmax.word2vec.vectors.vector_file import Reading
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors


class LoadedModel(NamedTuple):
    """The tables of a trained model, or its vectors alone.

    Attributes
    ----------
    words : list of str or int
        By decreasing frequency.
    counts : int64 [num_words] or None
        Occurrences of each word; None for vectors alone.
    embeddings : float [num_words, dim]
        Input table, or the vectors.
    weights, biases : float [num_words, dim] and [num_words], or None
        Output table; None for vectors alone.
    settings : dict
        Settings of the run; empty for a file of vectors.
    """

    words: list[Any]
    counts: NDArray[np.int64] | None
    embeddings: NDArray[Any]
    weights: NDArray[Any] | None
    biases: NDArray[Any] | None
    settings: dict[str, Any]

    def vectors(self, which: str | None = None) -> WordVectors:
        """Return the vectors; `which` as in `WordVectors.from_tables`, None for the setting of the run."""
        if self.weights is None:
            return WordVectors.from_tables(self.words, self.embeddings, None, which or "in", copy=False)
        which, shrinkage = which or self.settings["which"], self.settings["shrinkage"]
        tables = self.words, self.embeddings, self.weights
        return WordVectors.from_tables(*tables, which, copy=False, counts=self.counts, shrinkage=shrinkage)


def load_trained(path: str | os.PathLike[str], reading: Reading | None = None) -> LoadedModel:
    """Load the result of a training run.

    Parameters
    ----------
    path : path
        Its output directory, or a file of vectors in one of the formats of `formats.load`.
    reading : Reading, optional
        Settings of a read, for a file of word2vec or GloVe.

    Raises
    ------
    FileNotFoundError
        The path does not exist, or is a directory without vectors.
    ValueError
        A file is damaged, or `reading` is given for a model.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> WordVectors(["to", "be"], np.eye(2)).save_word2vec_format(folder / VECTORS)
    >>> model = load_trained(folder)
    >>> model.words, model.weights
    (['to', 'be'], None)
    """
    path = checked_path(path)
    if path.exists() and not path.is_dir():
        return _only_vectors(formats.load(path, reading), {})
    if (path / MODEL).exists():
        if reading not in (None, Reading()):
            raise ValueError(
                f"options for reading are for files of vectors, and {shown_path(path)} has a model: {MODEL}"
            )
        return _of_model(path / MODEL)
    if (path / VECTORS).exists():
        return _only_vectors(formats.load(path / VECTORS, reading), _settings(path / SETTINGS))
    what = f"has no {VECTORS}" if path.exists() else "does not exist"
    raise FileNotFoundError(f"{shown_path(path)} {what}: name the --output directory of a training run")


def _only_vectors(vectors: WordVectors, settings: dict[str, Any]) -> LoadedModel:
    return LoadedModel(vectors.words, None, vectors.vectors, None, None, settings)


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{shown_path(path)} is damaged: {validation.one_line(error)}") from None
    if not isinstance(settings, dict):
        raise ValueError(f"{shown_path(path)} is damaged: a JSON object is expected, got {type(settings).__name__}")
    return settings


def _of_model(path: Path) -> LoadedModel:
    run = checkpoint.load(path)
    tables, vocabulary = run.tables, run.vocabulary
    values = (tables.embeddings.values, tables.weights.values, tables.biases.values)
    return LoadedModel(vocabulary.words, vocabulary.counts, *values, run.settings.as_dict())

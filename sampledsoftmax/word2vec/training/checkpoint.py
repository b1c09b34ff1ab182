"""Checkpoints: a run in one file, with settings, vocabulary, tables, optimizer slots, sampler state and position."""

import hashlib
import math
import os
import stat
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.packed_words import pack_words, unpack_words
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler
from sampledsoftmax.word2vec.corpus.find_files import AnyPath
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.training.progress import Progress
from sampledsoftmax.word2vec.training.run import Position, Run
from sampledsoftmax.word2vec.training.settings import TrainingSettings, saved_objective
from sampledsoftmax.word2vec.training.tables import Tables, from_arrays

# Version 1, which is still read, separates words by line ends, and has no sizes.
_KIND, _VERSION, _VERSIONS = "word model", 2, (1, 2)
_OLD_SETTINGS = {"shards": 4, "shrinkage": 0.0}  # of a model that was saved before they were settings
_NOT_A_NUMBER = None  # JSON has no NaN
TORN = "stopped within a block"  # in the place of the corpus digest: the run cannot be resumed
_MAX_MESSAGE = 300  # characters of what comes from a file


class CorpusSize(NamedTuple):
    """The size of a corpus.

    Attributes
    ----------
    sentences, words : int
        Number of sentences, and of words in them.
    known : int
        Number of those words that are in the vocabulary; the others were left out.
    """

    sentences: int
    words: int
    known: int


class Checkpoint(NamedTuple):
    """The complete state of a run.

    Attributes
    ----------
    settings : TrainingSettings
    vocabulary : Vocabulary
    tables : Tables
    position : Position
    corpus : str
        Digest of the id stream; a run can be resumed only with the same one.
    history : list of Progress
    sampler_state : dict
        State of a learned distribution; empty for others.
    size : CorpusSize or None
        Of the corpus of the run; None if it is not known.
    """

    settings: TrainingSettings
    vocabulary: Vocabulary
    tables: Tables
    position: Position
    corpus: str
    history: list[Progress]
    sampler_state: dict[str, Any]
    size: CorpusSize | None = None


def capture(run: Run, start: Checkpoint, history: list[Progress]) -> Checkpoint:
    """Return the state of a run between two blocks; arrays are not copied."""
    learns = isinstance(run.sampler, LearnedUnigramSampler)
    state = run.sampler.state if learns else {}
    return start._replace(position=run.position, history=history, sampler_state=state)


def save(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    state = dict(checkpoint.sampler_state)
    arrays: dict[str, NDArray[Any]] = {
        **pack_words(checkpoint.vocabulary.words),
        "counts": checkpoint.vocabulary.counts,
        "history": np.array(checkpoint.history, np.float64).reshape(-1, len(Progress._fields)),
        "learned_counts": np.array(state.pop("counts", []), np.int64),
        **checkpoint.tables.arrays(),
    }
    position = checkpoint.position._asdict()
    if math.isnan(checkpoint.position.smoothed):
        position["smoothed"] = _NOT_A_NUMBER
    meta = {
        "settings": checkpoint.settings.as_dict(),
        "position": position,
        "corpus": checkpoint.corpus,
        "size": checkpoint.size and checkpoint.size._asdict(),
        "sampler_state": state,
    }
    write_archive(path, _KIND, _VERSION, meta, arrays)


def load(path: str | os.PathLike[str], objective: Objective | None = None) -> Checkpoint:
    """Read a checkpoint; an objective that is not built in must be given again to go on training.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        It is of another kind, damaged or inconsistent; one line that says what is wrong.
    """
    meta, arrays = read_archive(path, _KIND, _VERSIONS)
    try:
        return _checkpoint(meta, arrays, objective)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        what = " ".join(str(error).split())[:_MAX_MESSAGE]
        raise ValueError(f"{shown_path(path)} is an inconsistent {_KIND}: {what}") from None


def _checkpoint(meta: dict[str, Any], arrays: dict[str, NDArray[Any]], objective: Objective | None) -> Checkpoint:
    saved = _OLD_SETTINGS | meta["settings"]
    differing = set(saved) ^ {field.name for field in fields(TrainingSettings)}
    if differing:
        raise ValueError(f"settings {', '.join(sorted(differing))} are missing or unknown")
    settings = TrainingSettings.checked(**saved | {"objective": saved_objective(saved["objective"], objective)})
    vocabulary = Vocabulary(unpack_words(arrays), arrays["counts"].astype(np.int64, copy=False))
    tables = from_arrays(arrays, settings.new_optimizer())
    if not len(vocabulary) == vocabulary.counts.size == tables.num_words:
        raise ValueError(f"{len(vocabulary)} words, {vocabulary.counts.size} counts, {tables.num_words} rows")
    at = meta["position"]
    position = Position(**{**at, "smoothed": float("nan") if at["smoothed"] is _NOT_A_NUMBER else at["smoothed"]})
    history = [_progress(row) for row in arrays["history"]]
    state = dict(meta["sampler_state"])
    if arrays["learned_counts"].size:
        state["counts"] = arrays["learned_counts"].tolist()
    size = CorpusSize(**meta["size"]) if meta.get("size") else None
    return Checkpoint(settings, vocabulary, tables, position, meta["corpus"], history, state, size)


def _progress(row: NDArray[np.float64]) -> Progress:
    return Progress(*map(int, row[:6]), *map(float, row[6:]))


def restore_sampler(run: Run, state: dict[str, Any]) -> None:
    """Set the state of the sampler of a run to that of the checkpoint."""
    if state:
        run.sampler.state = state


def digest(stream: IdStream) -> str:
    """Return the SHA-256 of the ids and sentence boundaries of a corpus."""
    total = hashlib.sha256()
    for array in (stream.ids, stream.offsets):
        total.update(np.ascontiguousarray(array).view(np.uint8).data)
    return total.hexdigest()


def check_places(checkpoint: AnyPath | None, cache: AnyPath | None) -> None:
    """Raise an error for a checkpoint that could not be written later, when much has been done, or a cache."""
    folder = None if cache is None else checked_path(cache, "cache")
    if checkpoint is None:
        return
    path = checked_path(checkpoint, "checkpoint")
    name = shown_path(path)
    try:
        is_directory = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        is_directory = False
    except OSError as error:
        raise ValueError(f"checkpoint {name} cannot be written: {error.strerror}") from None
    real = os.path.realpath(path)
    if folder is not None and os.path.commonpath([real, os.path.realpath(folder)]) == real:
        raise ValueError(f"checkpoint {name} is a file, and the directory cache={shown_path(folder)} has the same path")
    if is_directory:
        raise IsADirectoryError(f"checkpoint {name} is a directory: name a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"checkpoint {name} cannot be written: there is no directory {shown_path(path.parent)}")

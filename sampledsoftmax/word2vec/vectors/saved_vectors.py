"""The file format of this package for word vectors: any words, and every bit of the vectors."""

import os
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path

KIND, VERSION = "file of word vectors", 1
SUFFIX = ".zip"
_CODING = ("utf-8", "surrogatepass")


def write(path: str | os.PathLike[str], words: list[Any], vectors: NDArray[Any]) -> None:
    """Write words and vectors atomically."""
    parts = [(word if isinstance(word, str) else f"{word:x}").encode(*_CODING) for word in words]
    arrays: dict[str, NDArray[Any]] = {
        "words": np.frombuffer(b"".join(parts), np.uint8),
        "word_ends": np.cumsum([len(part) for part in parts], dtype=np.int64),
        "words_are_ints": np.array([not isinstance(word, str) for word in words], np.bool_),
        "vectors": vectors,
    }
    write_archive(checked_path(path), KIND, VERSION, {}, arrays)


def read(path: str | os.PathLike[str]) -> tuple[list[Any], NDArray[Any]]:
    """Return what `write` has written.

    Raises
    ------
    FileNotFoundError, ValueError
        The file does not exist, is of another kind, or is damaged.
    """
    arrays = read_archive(checked_path(path), KIND, VERSION)[1]
    try:
        data, ends = arrays["words"].tobytes(), [0, *arrays["word_ends"].tolist()]
        are_ints = arrays["words_are_ints"].tolist()
        if len(are_ints) != len(ends) - 1 or ends[-1] != len(data) or sorted(ends) != ends:
            raise ValueError(f"words of {len(data)} bytes do not fit their {len(ends) - 1} ends")
        words = [data[start:end].decode(*_CODING) for start, end in pairwise(ends)]
        return [int(word, 16) if is_int else word for word, is_int in zip(words, are_ints, strict=True)], arrays[
            "vectors"
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{shown_path(path)} is an inconsistent {KIND}: {validation.one_line(error)}") from None

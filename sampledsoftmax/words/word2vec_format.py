"""The file format of word2vec.c, text and binary: a header "words dim", then a word and its numbers each."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.words.files import new_file

_NUMBER = np.dtype("<f4")


def write(path: str | os.PathLike[str], words: Sequence[str], vectors: NDArray[Any], binary: bool) -> None:
    """Write one file; an older one of that name is replaced once the new one is complete.

    Text holds the fewest digits that give the same float back, binary holds float32.
    """
    for number, word in enumerate(words):
        if word.split() != [word]:
            raise ValueError(f"word {number} is {word!r}: the word2vec format has no place for blanks in words")
    header = f"{len(words)} {vectors.shape[1]}\n"
    if binary:
        with new_file(path, "wb") as file:
            file.write(header.encode())
            for word, row in zip(words, vectors.astype(_NUMBER), strict=True):
                file.write(word.encode() + b" " + row.tobytes() + b"\n")
    else:
        with new_file(path) as file:
            file.write(header)
            for word, row in zip(words, vectors, strict=True):
                file.write(f"{word} {' '.join(map(str, row))}\n")


def read(path: str | os.PathLike[str], binary: bool) -> tuple[list[str], NDArray[np.float32]]:
    """Read a file strictly: the first thing that is wrong raises a ValueError that says where."""
    path = Path(path)
    words, vectors = _read_binary(path) if binary else _read_text(path)
    lines: dict[str, int] = {}
    for number, word in enumerate(words, start=1):
        if lines.setdefault(word, number) != number:
            raise ValueError(f"{path}: word {word!r} is there twice, as number {lines[word]} and {number}")
    return words, vectors


def _header(path: Path, line: bytes) -> tuple[int, int]:
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() and int(field) > 0 for field in fields):
        raise ValueError(
            f"{path}, line 1: a header of two numbers, words and dimensions, is expected, got {line[:40]!r}"
        )
    return int(fields[0]), int(fields[1])


def _read_text(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    with path.open("rb") as file:
        num_words, dim = _header(path, file.readline())
        words: list[str] = []
        rows: list[NDArray[np.float32]] = []
        for number, line in enumerate(file, start=2):
            if len(words) == num_words:
                raise ValueError(f"{path}, line {number}: more lines than the {num_words} words of the header")
            word, row = _parsed(f"{path}, line {number}", line, dim)
            words.append(word)
            rows.append(row)
    if len(words) < num_words:
        raise ValueError(f"{path} ends after {len(words)} of the {num_words} words of its header")
    return words, np.stack(rows)


def _parsed(place: str, line: bytes, dim: int) -> tuple[str, NDArray[np.float32]]:
    fields = line.rstrip(b" \r\n").split(b" ")
    if len(fields) != dim + 1:
        raise ValueError(f"{place}: a word and {dim} numbers are expected, got {len(fields)} fields")
    try:
        row = np.array([float(field) for field in fields[1:]], dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    return _decoded(place, fields[0]), _finite(place, row)


def _read_binary(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    data = path.read_bytes()
    start = data.find(b"\n") + 1
    num_words, dim = _header(path, data[:start])
    width = dim * _NUMBER.itemsize
    _check_room(path, len(data) - start, num_words, width)
    words, vectors = [], np.empty((num_words, dim), dtype=np.float32)
    for number in range(num_words):
        place = f"{path}, word {number + 1}"
        end = data.find(b" ", start)
        if end < 0 or end + 1 + width > len(data):
            raise ValueError(f"{path} ends within word {number + 1} of the {num_words} of its header")
        # word2vec.c ends a row with a line end, gensim does not
        words.append(_decoded(place, data[start:end].lstrip(b"\n")))
        vectors[number] = _finite(place, np.frombuffer(data, _NUMBER, dim, end + 1))
        start = end + 1 + width
    if data[start:].strip(b"\n"):
        raise ValueError(f"{path}: {len(data) - start} bytes follow the {num_words} words of the header")
    return words, vectors


def _check_room(path: Path, num_bytes: int, num_words: int, width: int) -> None:
    """Refuse a header that promises more than the file can hold, before memory is asked for."""
    if num_bytes < num_words * (width + 2):
        raise ValueError(f"{path} ends early: {num_bytes} bytes are too few for the {num_words} words of its header")


def _decoded(place: str, word: bytes) -> str:
    try:
        text = word.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{place}: the word {word[:40]!r} is not UTF-8") from None
    if not text:
        raise ValueError(f"{place}: the word is missing")
    return text


def _finite(place: str, row: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(row).all():
        raise ValueError(f"{place}: number {int(np.argmin(np.isfinite(row))) + 1} is {row[~np.isfinite(row)][0]}")
    return row

"""The file format of word2vec.c, text and binary: a header "words dim", then each word and its numbers.

The C program ends a text line with a space and a binary row with a line end; gensim does neither. Both are read.
Ours end a text line at its last number and a binary row with a line end.
"""

import contextlib
import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.vectors.binary_reader import MAX_WORD_BYTES, NUMBER, BinaryReader, is_binary_row
from sampledsoftmax.word2vec.vectors.float_text import rows_as_text
from sampledsoftmax.word2vec.vectors.open_file import open_file, plain_size
from sampledsoftmax.word2vec.vectors.text_reader import TextReader
from sampledsoftmax.word2vec.vectors.vector_file import (
    BYTE_ORDER_MARK,
    Reading,
    check_coding,
    distinct,
    header,
    header_like,
    is_text_row,
)

_BLOCK = 1024  # rows that are written at once
_MAX_HEADER = 1 << 12
_MAX_ROW = 1 << 26  # bytes of the first row: a device may have no line end


def write(
    path: str | os.PathLike[str],
    words: Sequence[Any],
    vectors: NDArray[Any],
    binary: bool,
    encoding: str = "utf-8",
    errors: str = "strict",
) -> None:
    """Write a file atomically; a word that the format cannot hold raises ValueError before anything is written.

    Text has the fewest digits that round to the same float, binary has float32. The file is compressed if its name
    ends in .gz, without time and name: the same vectors give the same bytes.
    """
    path = checked_path(path)
    check_coding(encoding, errors)
    encoded = encoded_words(words, encoding, errors)
    if binary:
        _check_float32(words, vectors)
    with writing(path), new_file(path, "wb") as plain, _gzip_by_suffix(path, plain) as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for first in range(0, len(words), _BLOCK):
            rows = vectors[first : first + _BLOCK]
            numbers = [row.tobytes() for row in rows.astype(NUMBER)] if binary else rows_as_text(rows)
            names = encoded[first : first + _BLOCK]
            file.write(b"".join(name + b" " + row + b"\n" for name, row in zip(names, numbers, strict=True)))


def read(path: str | os.PathLike[str], binary: bool | None, reading: Reading) -> tuple[list[str], NDArray[Any]]:
    """Read a file; the first error raises a ValueError that says where it is. For `binary=None` its content decides."""
    path = checked_path(path)
    if binary and reading.no_header:
        raise ValueError("no_header must be False for a binary file: without a header, its rows cannot be found")
    if not path.exists():
        raise FileNotFoundError(f"{shown_path(path)} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"{shown_path(path)} is a directory, a file of vectors is expected")
    with open_file(path) as file:
        if reading.no_header:
            found = TextReader(path, file, file.readline(_MAX_ROW), reading).read()
            return distinct(path, *found, reading)
        line = file.readline(_MAX_HEADER)
        if binary is None:
            binary = _is_binary(path, file, line)
        if not binary:
            rest = b"" if line.endswith(b"\n") else file.readline(_MAX_ROW)
            found = TextReader(path, file, line + rest, reading).read()
        else:
            announced = header(path, line.removeprefix(BYTE_ORDER_MARK))
            if not line.endswith(b"\n"):
                raise ValueError(
                    f"{shown_path(path)}, line 1: a header of two numbers and a line end are expected, "
                    f"got {validation.shown(line)}"
                )
            found = BinaryReader(path, file, len(line), plain_size(file), announced, reading).read()
    return distinct(path, *found, reading)


def encoded_words(words: Sequence[Any], encoding: str = "utf-8", errors: str = "strict") -> list[bytes]:
    """Return the bytes of words for a format in which a space ends a word and a line end ends a row; ints in decimal.

    Raises
    ------
    ValueError
        A word is empty, has a space, a line end or too many bytes, or two words are written alike.
    """
    encoded = [_encoded(number, word, encoding, errors) for number, word in enumerate(words)]
    if len(set(encoded)) < len(encoded):
        first: dict[bytes, int] = {}
        i = next(i for i, name in enumerate(encoded) if first.setdefault(name, i) != i)
        one = first[encoded[i]]
        raise ValueError(
            f"words {one} and {i}, {validation.shown(words[one])} and {validation.shown(words[i])}, would both be "
            f"written as {validation.shown(encoded[i])}"
        )
    return encoded


def _encoded(number: int, word: Any, encoding: str, errors: str) -> bytes:
    try:
        name = str(word).encode(encoding, errors)
    except UnicodeError as error:
        reason = getattr(error, "reason", error)
        raise ValueError(f"word {number} is {validation.shown(word)}: {encoding} cannot encode it, {reason}") from None
    if not name or b" " in name or b"\n" in name:
        raise ValueError(
            f"word {number} is {validation.shown(word)}: words of the word2vec format cannot be empty or contain a "
            f"space or a line end"
        )
    if len(name) > MAX_WORD_BYTES:
        raise ValueError(f"word {number} has {len(name)} bytes, at most {MAX_WORD_BYTES} are possible")
    return name


def _check_float32(words: Sequence[Any], vectors: NDArray[Any]) -> None:
    if vectors.dtype == np.float32:
        return
    for first in range(0, len(vectors), _BLOCK):
        too_large = (np.abs(vectors[first : first + _BLOCK]) > np.finfo(np.float32).max).any(axis=1)
        if too_large.any():
            word = words[first + int(too_large.argmax())]
            raise ValueError(
                f"the vector of {validation.shown(word)} has a number too large for float32: use the text format"
            )


@contextlib.contextmanager
def _gzip_by_suffix(path: str | os.PathLike[str], file: IO[bytes]) -> Iterator[IO[bytes]]:
    if not os.fspath(path).endswith(".gz"):
        yield file
        return
    with gzip.GzipFile("", "wb", 6, file, mtime=0) as compressed:
        yield compressed  # type: ignore[misc]


def _is_binary(path: Path, file: IO[bytes], line: bytes) -> bool:
    """Return whether the first row looks like that of a binary file; the position in the file does not change."""
    announced = header_like(line.removeprefix(BYTE_ORDER_MARK))
    start: bytes = file.peek(1)  # type: ignore[attr-defined] # all that is buffered, but at least a byte
    if announced is None or is_text_row(start[: start.find(b"\n") + 1] or start, announced[1]):
        return False
    return is_binary_row(start[: 4 * announced[1] + 64])

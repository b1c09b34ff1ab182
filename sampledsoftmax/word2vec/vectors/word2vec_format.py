"""The file format of word2vec.c, text and binary: a header "words dim", then each word and its numbers.

The C program ends a text line with a space and a binary row with a line end; gensim does neither. Both are read.
Ours end a text line at its last number and a binary row with a line end.
"""

import contextlib
import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.atomic_write import new_file
from sampledsoftmax.io.compression import open_plain_or_gzip
from sampledsoftmax.word2vec.vectors.float_text import rows_as_text, rows_of_text

_NUMBER = np.dtype("<f4")
# Rows that are written at once, and bytes of lines that are read at once.
_BLOCK = 1024
_READ_BYTES = 1 << 22


class Coding(NamedTuple):
    """The encoding of words: `encoding` and `errors` as in `str.encode`."""

    encoding: str = "utf-8"
    errors: str = "strict"


UTF_8 = Coding()


def write(
    path: str | os.PathLike[str], words: Sequence[str], vectors: NDArray[Any], binary: bool, coding: Coding = UTF_8
) -> None:
    """Write a file atomically.

    Text has the fewest digits that round to the same float, binary has float32. The file is compressed if its name
    ends in .gz, without time and name: the same vectors give the same bytes.
    """
    encoded = [_encoded(number, word, coding) for number, word in enumerate(words)]
    with new_file(path, "wb") as plain, _gzip_by_suffix(path, plain) as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for first in range(0, len(words), _BLOCK):
            rows = vectors[first : first + _BLOCK]
            numbers = [row.tobytes() for row in rows.astype(_NUMBER)] if binary else rows_as_text(rows)
            names = encoded[first : first + _BLOCK]
            file.write(b"".join(name + b" " + row + b"\n" for name, row in zip(names, numbers, strict=True)))


def read(path: str | os.PathLike[str], binary: bool, coding: Coding = UTF_8) -> tuple[list[str], NDArray[np.float32]]:
    """Read a file; the first error raises a ValueError that says where it is."""
    path = Path(path)
    with open_plain_or_gzip(path) as file:
        words, vectors = _read_binary(path, file, coding) if binary else _read_text(path, file, coding)
    lines: dict[str, int] = {}
    for number, word in enumerate(words, start=1):
        if lines.setdefault(word, number) != number:
            raise ValueError(f"{path}: word {word!r} is repeated, as number {lines[word]} and {number}")
    return words, vectors


@contextlib.contextmanager
def _gzip_by_suffix(path: str | os.PathLike[str], file: IO[bytes]) -> Iterator[IO[bytes]]:
    if not os.fspath(path).endswith(".gz"):
        yield file
        return
    with gzip.GzipFile("", "wb", 6, file, mtime=0) as compressed:
        yield compressed  # type: ignore[misc]


def _header(path: Path, line: bytes) -> tuple[int, int]:
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() and int(field) > 0 for field in fields):
        return int(fields[0]), int(fields[1])
    hint = ""
    if len(fields) > 2 and _are_numbers(fields[1:]):
        hint = f'; GloVe files have none: insert the line "WORDS {len(fields) - 1}" at the start'
    raise ValueError(
        f"{path}, line 1: a header of two numbers, words and dimensions, is expected, got {line[:40]!r}{hint}"
    )


def _are_numbers(fields: list[bytes]) -> bool:
    try:
        return all(map(np.isfinite, map(float, fields)))
    except ValueError:
        return False


def _read_text(path: Path, file: IO[bytes], coding: Coding) -> tuple[list[str], NDArray[np.float32]]:
    header = file.readline()
    num_words, dim = _header(path, header)
    words: list[str] = []
    blocks: list[NDArray[np.float32]] = []
    offset = len(header)
    while lines := file.readlines(_READ_BYTES):
        first = len(words) + 2
        if len(words) + len(lines) > num_words:
            raise ValueError(f"{path}, line {num_words + 2}: more lines than the {num_words} words of the header")
        names, rows = rows_of_text(str(path), first, lines, dim)
        blocks.append(rows)
        for number, (name, line) in enumerate(zip(names, lines, strict=True), start=first):
            words.append(_decoded(f"{path}, line {number}", offset, name, coding))
            offset += len(line)
    if len(words) < num_words:
        raise ValueError(f"{path} ends after {len(words)} of the {num_words} words of its header")
    return words, np.concatenate(blocks)


def _read_binary(path: Path, file: IO[bytes], coding: Coding) -> tuple[list[str], NDArray[np.float32]]:
    data = file.read()
    start = data.find(b"\n") + 1
    num_words, dim = _header(path, data[:start])
    width = dim * _NUMBER.itemsize
    _check_size(path, len(data) - start, num_words, width)
    words, vectors = [], np.empty((num_words, dim), dtype=np.float32)
    for number in range(num_words):
        end = data.find(b" ", start)
        if end < 0 or end + 1 + width > len(data):
            raise ValueError(f"{path} ends within word {number + 1} of the {num_words} of its header")
        name = data[start:end].lstrip(b"\n")
        words.append(_decoded(f"{path}, word {number + 1}", end - len(name), name, coding))
        vectors[number] = np.frombuffer(data, _NUMBER, dim, end + 1)
        start = end + 1 + width
    if data[start:].strip(b"\n"):
        raise ValueError(f"{path}: {len(data) - start} bytes follow the {num_words} words of the header")
    for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
        place = int(np.isfinite(vectors[row]).argmin())
        raise ValueError(f"{path}, word {row + 1}: number {place + 1} is {vectors[row, place]}")
    return words, vectors


def _check_size(path: Path, num_bytes: int, num_words: int, width: int) -> None:
    """Raise ValueError if the header announces more than the file can hold, before memory is allocated."""
    if num_bytes < num_words * (width + 2):
        raise ValueError(f"{path} ends early: {num_bytes} bytes are too few for the {num_words} words of its header")


def _encoded(number: int, word: str, coding: Coding) -> bytes:
    if word.split() != [word]:
        raise ValueError(f"word {number} is {word!r}: words of the word2vec format cannot contain white space")
    try:
        return word.encode(*coding)
    except UnicodeEncodeError as error:
        raise ValueError(f"word {number} is {word!r}: {error}") from None


def _decoded(place: str, offset: int, word: bytes, coding: Coding) -> str:
    """Decode a word whose first byte is at `offset` of the (decompressed) file."""
    try:
        text = word.decode(*coding)
    except UnicodeDecodeError as error:
        name = coding.encoding.upper()
        raise ValueError(
            f"{place}: the word {word[:40]!r} is not {name}, at byte {offset + error.start} of the file"
        ) from None
    if not text:
        raise ValueError(f"{place}: the word is missing")
    return text

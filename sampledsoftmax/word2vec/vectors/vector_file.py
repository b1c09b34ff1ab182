"""What readers of word2vec files share: the settings of a read, the header, and the words."""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
DUPLICATES = ("error", "first")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HEADER = re.compile(rb"[ \t]*0*([1-9]\d{0,17})[ \t]+0*([1-9]\d{0,17})[ \t\r]*\n?")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Reading(NamedTuple):
    """Settings of a read; see `WordVectors.load_word2vec_format`."""

    encoding: str = "utf-8"
    errors: str = "strict"
    limit: int | None = None
    no_header: bool = False
    on_duplicate: str = "error"
    dtype: np.dtype[Any] = np.dtype(np.float32)


def checked_reading(
    encoding: str = "utf-8",
    errors: str = "strict",
    limit: int | None = None,
    no_header: bool = False,
    on_duplicate: str = "error",
    dtype: Any = np.float32,
) -> Reading:
    """Return the settings of a read; TypeError or ValueError if one is of another type or out of its range.

    Examples
    --------
    >>> checked_reading(limit=10).limit
    10
    >>> checked_reading(encoding="utf-16")
    Traceback (most recent call last):
    ValueError: encoding must write spaces, line ends and digits as ASCII does, got 'utf-16': convert the file to UTF-8
    """
    check_coding(encoding, errors)
    if limit is not None:
        limit = validation.whole_number("limit", limit, at_least=1)
    header, duplicates = (
        validation.flag("no_header", no_header),
        validation.choice("on_duplicate", on_duplicate, DUPLICATES),
    )
    return Reading(encoding, errors, limit, header, duplicates, validation.float_dtype("datatype", dtype))


def check_coding(encoding: object, errors: object) -> None:
    """Raise unless words can be written in an encoding with an error handler."""
    if not isinstance(encoding, str) or not isinstance(errors, str):
        wrong = "encoding" if not isinstance(encoding, str) else "errors"
        raise TypeError(
            f"{wrong} must be a str, got {validation.described(encoding if wrong == 'encoding' else errors)}"
        )
    try:
        written = " \n0".encode(encoding)
    except (LookupError, UnicodeError, ValueError):
        raise ValueError(f"encoding {validation.shown(encoding)} is unknown, or no encoding of text") from None
    if written != b" \n0":
        raise ValueError(
            f"encoding must write spaces, line ends and digits as ASCII does, got {validation.shown(encoding)}: "
            f"convert the file to UTF-8"
        )
    try:
        codecs.lookup_error(errors)
    except (LookupError, ValueError):
        known = "'strict', 'ignore', 'replace', 'backslashreplace', 'surrogateescape'"
        raise ValueError(f"errors must be a handler such as {known}, got {validation.shown(errors)}") from None


def header(path: Path, line: bytes) -> tuple[int, int]:
    """Return the numbers of words and of dimensions in the first line of a file."""
    if found := header_like(line):
        return found
    hint = ""
    fields = line.split()
    if len(fields) > 2 and all(map(is_number, fields[1:])):
        hint = (
            f'; GloVe files have none: insert the line "WORDS {len(fields) - 1}" at the start, '
            f"or read it with no_header=True (--no-header)"
        )
    elif line.startswith(_UTF_16):
        hint = "; the file is UTF-16: convert it to UTF-8"
    raise ValueError(
        f"{shown_path(path)}, line 1: a header of two numbers, words and dimensions, is expected, "
        f"got {validation.shown(line)}{hint}"
    )


def header_like(line: bytes) -> tuple[int, int] | None:
    r"""Return the two numbers of a line that has the form of a header.

    Examples
    --------
    >>> header_like(b"2 300\n"), header_like(b"two 300\n")
    ((2, 300), None)
    """
    match = _HEADER.fullmatch(line)
    return (int(match[1]), int(match[2])) if match else None


def is_number(field: bytes) -> bool:
    """Return whether a field is a decimal number: no nan, no underscores, no hexadecimal digits.

    Examples
    --------
    >>> [is_number(field) for field in (b"-1.5e-7", b"1_0", b"nan", b"0x1", b"")]
    [True, False, False, False, False]
    """
    return _NUMBER.fullmatch(field) is not None


def is_text_row(line: bytes, dim: int) -> bool:
    r"""Return whether a line is a word and `dim` numbers.

    Examples
    --------
    >>> is_text_row(b"be 0.5 1\n", 2), is_text_row(b"be 0.5\n", 2)
    (True, False)
    """
    fields = line.rstrip(b" \r\n").split(b" ")
    return len(fields) == dim + 1 and all(map(is_number, fields[1:]))


def decoded(place: str, offset: int, word: bytes, reading: Reading) -> str:
    """Decode a word whose first byte is at `offset` of the (decompressed) file.

    The result is empty only if `errors` leaves nothing of a word.
    """
    if not word:
        raise ValueError(f"{place}: the word is missing")
    try:
        return word.decode(reading.encoding, reading.errors)
    except UnicodeDecodeError as error:
        name = reading.encoding.upper()
        raise ValueError(
            f"{place}: the word {validation.shown(word)} is not {name}, at byte {offset + error.start} of the file: "
            "name its encoding, such as encoding='latin-1' (--encoding latin-1), or read on with errors='replace' "
            "(--errors replace)"
        ) from None
    except UnicodeError as error:
        raise ValueError(f"{place}: the word {validation.shown(word)} cannot be decoded: {error}") from None


def distinct(
    path: Path, words: Sequence[str], vectors: NDArray[Any], reading: Reading
) -> tuple[list[str], NDArray[Any]]:
    """Return the words and vectors that are kept: repeated words, and words that `errors` left empty, are not."""
    lines: dict[str, int] = {}
    for number, word in enumerate(words, start=1):
        if not word:
            continue
        if lines.setdefault(word, number) != number and reading.on_duplicate == "error":
            raise ValueError(
                f"{shown_path(path)}: word {validation.shown(word)} is repeated, as number {lines[word]} and {number}: "
                f"on_duplicate='first' (--on-duplicate first) keeps the first of them"
            )
    if not lines:
        raise ValueError(f"{shown_path(path)}: nothing is left of any word with errors={reading.errors!r}")
    if len(lines) == len(words):
        return list(words), vectors
    return list(lines), vectors[np.array(list(lines.values())) - 1]

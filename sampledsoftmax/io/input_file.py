"""Files that are read: their paths, opening them, and lines of text of a bounded length."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.io.streams import open_stream

MAX_LINE = 2**20  # bytes of a line of a file of questions, counts or losses: a device may have no line end

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def checked_path(path: Any, name: str = "path") -> Path:
    """Return a path; what is none, or could not be that of a file, raises TypeError or ValueError.

    Examples
    --------
    >>> checked_path(3)
    Traceback (most recent call last):
    TypeError: path must be a path, got int 3
    >>> checked_path("")
    Traceback (most recent call last):
    ValueError: path is empty: name a file, or a folder such as . for the current one
    """
    checked = validation.path(name, path)
    validation.not_empty(name, path)
    return checked


def open_input(path: Path) -> IO[bytes]:
    """Open a file, a device or a named pipe for reading; a pipe into which no process writes raises after some seconds.

    Raises
    ------
    OSError
        It cannot be opened.
    """
    return open_stream(path) if path.exists() and not path.is_file() and not path.is_dir() else path.open("rb")


def lines_of(file: IO[bytes], path: Path, max_bytes: int = MAX_LINE) -> Iterator[bytes]:
    r"""Yield the lines of a file, without a byte-order mark at its start.

    Raises
    ------
    ValueError
        A line is longer than `max_bytes`; the message names it.

    Examples
    --------
    >>> import io
    >>> list(lines_of(io.BytesIO(b"to\nbe"), Path("words")))
    [b'to\n', b'be']
    >>> list(lines_of(io.BytesIO(b"to be"), Path("words"), max_bytes=4))
    Traceback (most recent call last):
    ValueError: words, line 1 has more than 4 bytes: it is no text of lines
    """
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes:
            name = shown_path(path)
            raise ValueError(f"{name}, line {number} has more than {max_bytes} bytes: it is no text of lines")
        yield line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line

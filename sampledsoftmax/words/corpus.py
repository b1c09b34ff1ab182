"""Where sentences come from: text files, or any iterable of token lists that can be read more than once."""

import gzip
import lzma
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypeAlias

Sentence: TypeAlias = Sequence[str]
Source: TypeAlias = str | os.PathLike[str] | Iterable[Sentence]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_sentences(source: Source) -> Iterable[Sentence]:
    """Return the sentences of `source` as an iterable that can be read several times.

    Parameters
    ----------
    source : path or iterable of token lists
        A path names a UTF-8 text file, unpacked on the way if it ends in `.gz` or `.xz`: a line is a
        sentence, its tokens are separated by blanks. Lines and tokens may be of any length.

    Returns
    -------
    iterable of token lists
        `source` itself if it is no path.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file, or it is a directory.
    TypeError
        `source` is an iterator (it would be empty after the first pass) or not iterable at all.
    ValueError
        While reading: a byte that is not UTF-8 (with its line and place) or a damaged archive.

    Examples
    --------
    >>> sentences = read_sentences([["to", "be"], ["or", "not"]])
    >>> [len(sentence) for sentence in sentences]
    [2, 2]
    """
    if isinstance(source, (str, os.PathLike)):
        return TextFiles([source])
    if isinstance(source, Iterator):
        raise TypeError(
            f"corpus must be a path or an iterable that can be read several times, got a one-shot "
            f"{type(source).__name__}: pass a list, or an object whose __iter__ starts again"
        )
    if not isinstance(source, Iterable):
        raise TypeError(f"corpus must be a path or an iterable of token lists, got {type(source).__name__}")
    return source


class TextFiles:
    """The sentences of text files, one file after the other, read anew at each pass.

    Parameters
    ----------
    paths : sequence of paths
        UTF-8 text files, `.gz` and `.xz` are unpacked while reading.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, ValueError
        See `read_sentences`.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        self.paths = [Path(path) for path in paths]
        for path in self.paths:
            if path.is_dir():
                raise IsADirectoryError(f"corpus {path} is a directory, a text file is expected")
            if not path.exists():
                raise FileNotFoundError(f"corpus {path} does not exist")

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the tokens of each line."""
        for path in self.paths:
            yield from _sentences_of(path)


def _sentences_of(path: Path) -> Iterator[list[str]]:
    start = 0
    try:
        with _open_binary(path) as file:
            for number, line in enumerate(file, start=1):
                yield _tokens(line, path, number, start)
                start += len(line)
    except PermissionError:
        raise PermissionError(f"corpus {path} cannot be read: permission denied") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"corpus {path} is not a sound archive: {error}") from None


def _open_binary(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    return path.open("rb")


def _tokens(line: bytes, path: Path, number: int, start: int) -> list[str]:
    if number == 1:
        line = line.removeprefix(_BYTE_ORDER_MARK)
    try:
        return line.decode("utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"corpus {path} is not UTF-8: byte 0x{line[error.start]:02x} at position {start + error.start}, "
            f"in line {number}"
        ) from None

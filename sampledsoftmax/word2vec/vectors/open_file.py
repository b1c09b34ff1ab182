"""Opening files of vectors and of questions: plain, gzip, bzip2 or xz, told by their first bytes."""

import gzip
import importlib
import io
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sampledsoftmax import validation

_KINDS: tuple[tuple[str, re.Pattern[bytes], Callable[..., Any] | None], ...] = (
    ("gzip", re.compile(rb"\x1f\x8b\x08"), lambda file: gzip.GzipFile(fileobj=file)),
    ("bzip2", re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), lambda file: importlib.import_module("bz2").BZ2File(file)),
    ("xz", re.compile(rb"\xfd7zXZ\0"), lzma.LZMAFile),
    ("Zstandard", re.compile(rb"\x28\xb5\x2f\xfd"), None),
    ("zip", re.compile(rb"PK\x03\x04"), None),
)
_LONGEST = 10
_MAX_PATH = 4096
_CORRUPT = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


def checked_path(path: Any) -> Path:
    """Return a path; what is none, or could not be that of a file, raises TypeError or ValueError.

    Examples
    --------
    >>> checked_path(3)
    Traceback (most recent call last):
    TypeError: path must be a path, got int 3
    """
    try:
        text = os.fsdecode(path)
        os.fsencode(text)
    except TypeError:
        raise TypeError(f"path must be a path, got {validation.described(path)}") from None
    except UnicodeEncodeError:
        raise ValueError(f"path {validation.shown(text)} has a character that no file name has") from None
    validation.not_empty("path", text)
    if "\0" in text or len(text) > _MAX_PATH:
        raise ValueError(f"path must be a path of at most {_MAX_PATH} characters, got {validation.shown(text)}")
    return Path(text)


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, and decompress it if its first bytes are those of gzip, bzip2 or xz.

    Raises
    ------
    ValueError
        The file is damaged, which may be found while the block reads it, or is compressed in another way.

    Examples
    --------
    >>> import bz2, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "words"
    >>> _ = path.write_bytes(bz2.compress(b"to be"))
    >>> with open_file(path) as file:
    ...     file.read()
    b'to be'
    """
    with path.open("rb") as file:
        first_bytes = file.peek(_LONGEST)
        kind, _, opener = next((known for known in _KINDS if known[1].match(first_bytes)), ("", None, None))
        if not kind:
            yield file
            return
        if opener is None:
            raise ValueError(f"{path} is compressed ({kind}): decompress it first; gzip, bzip2 and xz are read")
        try:
            with opener(file) as decompressed:
                yield decompressed
        except _CORRUPT as error:
            raise ValueError(f"{path} is a damaged {kind} file: {error}") from None
        except OSError as error:  # bzip2 has no exception of its own, and no number
            if error.errno is not None:
                raise
            raise ValueError(f"{path} is a damaged {kind} file: {error}") from None


def plain_size(file: IO[bytes]) -> int | None:
    """Return the size of a file of `open_file`, or None if it is compressed or has none, as a pipe.

    Examples
    --------
    >>> plain_size(io.BytesIO(b"to be")) is None
    True
    """
    is_plain = isinstance(getattr(file, "raw", None), io.FileIO)
    return os.fstat(file.fileno()).st_size or None if is_plain else None

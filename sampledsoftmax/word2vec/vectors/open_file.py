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
from sampledsoftmax.io.input_file import open_input
from sampledsoftmax.io.shown_path import shown_path

_KINDS: tuple[tuple[str, re.Pattern[bytes], Callable[..., Any] | None], ...] = (
    ("gzip", re.compile(rb"\x1f\x8b\x08"), lambda file: gzip.GzipFile(fileobj=file)),
    ("bzip2", re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), lambda file: importlib.import_module("bz2").BZ2File(file)),
    ("xz", re.compile(rb"\xfd7zXZ\0"), lzma.LZMAFile),
    ("Zstandard", re.compile(rb"\x28\xb5\x2f\xfd"), None),
    ("zip", re.compile(rb"PK\x03\x04"), None),
)
_LONGEST = 10
_CORRUPT = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, and decompress it if its first bytes are those of gzip, bzip2 or xz.

    Raises
    ------
    ValueError
        The file is damaged, which may be found while the block reads it, or is compressed in another way.
    OSError
        It cannot be opened; a pipe into which no process writes is one of these, after some seconds.

    Examples
    --------
    >>> import bz2, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "words"
    >>> _ = path.write_bytes(bz2.compress(b"to be"))
    >>> with open_file(path) as file:
    ...     file.read()
    b'to be'
    """
    name = shown_path(path)
    with open_input(path) as file:
        first_bytes = file.peek(_LONGEST)  # type: ignore[attr-defined]
        kind, _, opener = next((known for known in _KINDS if known[1].match(first_bytes)), ("", None, None))
        if not kind:
            yield file
            return
        if opener is None:
            raise ValueError(f"{name} is compressed ({kind}): decompress it first; gzip, bzip2 and xz are read")
        try:
            with opener(file) as decompressed:
                yield decompressed
        except _CORRUPT as error:
            raise ValueError(f"{name} is a damaged {kind} file: {validation.one_line(error)}") from None
        except OSError as error:  # bzip2 has no exception of its own, and no number
            if error.errno is not None:
                raise
            raise ValueError(f"{name} is a damaged {kind} file: {validation.one_line(error)}") from None


def plain_size(file: IO[bytes]) -> int | None:
    """Return the size of a file of `open_file`, or None if it is compressed or has none, as a pipe.

    Examples
    --------
    >>> plain_size(io.BytesIO(b"to be")) is None
    True
    """
    is_plain = isinstance(getattr(file, "raw", None), io.FileIO)
    return os.fstat(file.fileno()).st_size or None if is_plain else None

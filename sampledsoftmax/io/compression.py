"""Compressed files, recognized by their first bytes: no UTF-8 text begins like this."""

import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

GZIP, XZ, ZSTD = "gzip", "xz", "Zstandard"
_FIRST_BYTES = {GZIP: b"\x1f\x8b\x08", XZ: b"\xfd7zXZ\0", ZSTD: b"\x28\xb5\x2f\xfd"}

# Exceptions raised by gzip and lzma on corrupt input.
CORRUPT = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


def compression_of(file: IO[bytes]) -> str | None:
    """Return GZIP, XZ or ZSTD, or None for other files; the position in the buffered file does not change."""
    first_bytes = file.peek(max(map(len, _FIRST_BYTES.values())))  # type: ignore[attr-defined]
    return next((name for name, magic in _FIRST_BYTES.items() if first_bytes.startswith(magic)), None)


@contextmanager
def open_plain_or_gzip(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading and decompress it if it is gzip.

    Raises
    ------
    ValueError
        The gzip file is damaged, which may be found while the block reads it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "words"
    >>> _ = path.write_bytes(gzip.compress(b"to be"))
    >>> with open_plain_or_gzip(path) as file:
    ...     file.read()
    b'to be'
    """
    with path.open("rb") as file:
        if compression_of(file) != GZIP:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as decompressed:
                yield decompressed  # type: ignore[misc]
        except CORRUPT as error:
            raise ValueError(f"{path} is a damaged gzip file: {error}") from None

"""Compressed files, recognized by their first bytes: no text begins like this."""

import gzip
import lzma
import re
import zlib
from typing import IO

GZIP, XZ, ZSTD, BZIP2 = "gzip", "xz", "Zstandard", "bzip2"
_FIRST_BYTES = {
    GZIP: re.compile(rb"\x1f\x8b\x08"),
    XZ: re.compile(rb"\xfd7zXZ\0"),
    ZSTD: re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # the latter is a frame of other data
    BZIP2: re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),  # the latter if it is empty
}
_LONGEST = 10

# Exceptions raised by gzip and lzma on corrupt input.
CORRUPT = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


def compression_of(file: IO[bytes]) -> str | None:
    """Return GZIP, XZ, ZSTD or BZIP2, or None for others; the position in the buffered file does not change."""
    return compression_of_bytes(file.peek(_LONGEST))  # type: ignore[attr-defined]


def compression_of_bytes(first_bytes: bytes) -> str | None:
    """Return the same for the first bytes of a file.

    Examples
    --------
    >>> compression_of_bytes(gzip.compress(b"to be")), compression_of_bytes(b"to be")
    ('gzip', None)
    """
    return next((name for name, magic in _FIRST_BYTES.items() if magic.match(first_bytes)), None)

"""The bytes of a corpus file or of standard input, decompressed."""

import gzip
import importlib
import lzma
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from sampledsoftmax.io.compression import CORRUPT, GZIP, XZ, ZSTD, compression_of

_BY_SUFFIX = {".gz": GZIP, ".xz": XZ, ".zst": ZSTD}

_COMPRESSED_BYTES = 2**14


class Chunk(NamedTuple):
    """Some bytes of a file, decompressed.

    Attributes
    ----------
    data : bytes
    bytes_done : int
        Number of bytes read so far from the file on disk.
    """

    data: bytes
    bytes_done: int


def read_chunks(path: Path | None, num_bytes: int) -> Iterator[Chunk]:
    """Yield the bytes of a file, or of standard input for None, about `num_bytes` at a time.

    A file is decompressed if its first bytes say that it is compressed, and refused if only its name does.

    Raises
    ------
    PermissionError
        The file may not be read.
    ValueError
        A compressed file is damaged or ends early, or the library for it is missing.
    """
    if path is None:
        yield from _plain(sys.stdin.buffer, num_bytes)
        return
    try:
        with path.open("rb") as file:
            yield from _decompressed(path, file, num_bytes)
    except PermissionError:
        raise PermissionError(f"corpus {path} cannot be read: permission denied") from None
    except CORRUPT as error:
        raise ValueError(f"corpus {path} is not a valid compressed file: {error}") from None


def is_compressed(path: Path) -> bool:
    """Return whether a regular file is compressed; False if it cannot be read."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return compression_of(file) is not None
    return False


def _decompressed(path: Path, file: IO[bytes], num_bytes: int) -> Iterator[Chunk]:
    compression = compression_of(file) or _BY_SUFFIX.get(path.suffix)
    if compression == GZIP:
        if not file.peek(1):  # type: ignore[attr-defined]
            raise EOFError("it is empty")  # which gzip accepts as a file without members
        with gzip.GzipFile(fileobj=file) as decompressed:
            yield from _compressed(decompressed, file, num_bytes)
    elif compression == XZ:
        with lzma.LZMAFile(file) as decompressed:
            yield from _compressed(decompressed, file, num_bytes)
    elif compression == ZSTD:
        yield from _zstandard(path, file)
    else:
        yield from _plain(file, num_bytes)


def _plain(file: IO[bytes], num_bytes: int) -> Iterator[Chunk]:
    done = 0
    while data := file.read(num_bytes):
        done += len(data)
        yield Chunk(data, done)


def _compressed(
    decompressed: IO[bytes] | gzip.GzipFile | lzma.LZMAFile, file: IO[bytes], num_bytes: int
) -> Iterator[Chunk]:
    while data := decompressed.read(num_bytes):
        yield Chunk(data, file.tell() if file.seekable() else 0)


def _zstandard(path: Path, file: IO[bytes]) -> Iterator[Chunk]:
    """Decompress frame by frame: the reader of the library takes a truncated frame for the end of the file."""
    new = _zstandard_decompressor(path)
    frame, done = new(), 0
    while data := file.read(_COMPRESSED_BYTES):
        done += len(data)
        while data:
            frame = new() if frame.eof else frame
            try:
                yield Chunk(frame.decompress(data), done)
            except Exception as error:
                if type(error).__name__ != "ZstdError":
                    raise
                raise EOFError(str(error)) from None
            data = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError("it ends within a frame")


def _zstandard_decompressor(path: Path) -> Any:
    """Return the constructor of a decompressor of one frame: from Python 3.14 on the standard library's."""
    try:
        return importlib.import_module("compression.zstd").ZstdDecompressor
    except ImportError:
        pass
    try:
        return importlib.import_module("zstandard").ZstdDecompressor().decompressobj
    except ImportError:
        raise ValueError(f"corpus {path} needs zstandard: pip install 'sampledsoftmax[zst]'") from None

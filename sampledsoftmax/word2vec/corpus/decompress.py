"""Text files as bytes: plain, or unpacked on the way."""

import gzip
import importlib
import lzma
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

PACKED = frozenset({".gz", ".xz", ".zst"})

_PACKED_BYTES = 2**14


class Piece(NamedTuple):
    """Some bytes of a file, unpacked.

    Attributes
    ----------
    data : bytes
    bytes_done : int
        How many bytes of the file, as it lies on the disk, have been read.
    """

    data: bytes
    bytes_done: int


def pieces_of(path: Path | None, num_bytes: int) -> Iterator[Piece]:
    """Yield the bytes of a file, or of standard input for None, `num_bytes` or about as many at a time.

    Raises
    ------
    PermissionError
        The file may not be read.
    ValueError
        A packed file is damaged or ends early, or the library for it is missing.
    """
    if path is None:
        yield from _plain(sys.stdin.buffer, num_bytes)
        return
    try:
        with path.open("rb") as file:
            yield from _unpacked(path, file, num_bytes)
    except PermissionError:
        raise PermissionError(f"corpus {path} cannot be read: permission denied") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"corpus {path} is not a sound archive: {error}") from None


def _unpacked(path: Path, file: IO[bytes], num_bytes: int) -> Iterator[Piece]:
    if path.suffix == ".gz":
        if not file.peek(1):  # type: ignore[attr-defined]
            raise EOFError("it is empty")  # for gzip a file without members
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield from _packed(unpacked, file, num_bytes)
    elif path.suffix == ".xz":
        with lzma.LZMAFile(file) as unpacked:
            yield from _packed(unpacked, file, num_bytes)
    elif path.suffix == ".zst":
        yield from _zstandard(path, file)
    else:
        yield from _plain(file, num_bytes)


def _plain(file: IO[bytes], num_bytes: int) -> Iterator[Piece]:
    done = 0
    while data := file.read(num_bytes):
        done += len(data)
        yield Piece(data, done)


def _packed(unpacked: IO[bytes] | gzip.GzipFile | lzma.LZMAFile, file: IO[bytes], num_bytes: int) -> Iterator[Piece]:
    while data := unpacked.read(num_bytes):
        yield Piece(data, file.tell() if file.seekable() else 0)


def _zstandard(path: Path, file: IO[bytes]) -> Iterator[Piece]:
    """Unpack frame by frame: the library's own reader takes a frame that ends early for the end of the file."""
    new = _zstandard_decompressor(path)
    frame, done = new(), 0
    while data := file.read(_PACKED_BYTES):
        done += len(data)
        while data:
            frame = new() if frame.eof else frame
            try:
                yield Piece(frame.decompress(data), done)
            except Exception as error:
                if type(error).__name__ != "ZstdError":
                    raise
                raise EOFError(str(error)) from None
            data = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError("it ends within a frame")


def _zstandard_decompressor(path: Path) -> Any:
    """Return what makes an object that unpacks one frame: Python's from 3.14 on, else the library's."""
    try:
        return importlib.import_module("compression.zstd").ZstdDecompressor
    except ImportError:
        pass
    try:
        return importlib.import_module("zstandard").ZstdDecompressor().decompressobj
    except ImportError:
        raise ValueError(f"corpus {path} needs zstandard: pip install 'sampledsoftmax[zst]'") from None

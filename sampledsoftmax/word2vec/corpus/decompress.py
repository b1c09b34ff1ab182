"""The bytes of a corpus file or of standard input, decompressed."""

import bz2
import codecs
import gzip
import importlib
import io
import lzma
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from sampledsoftmax.io.compression import BZIP2, CORRUPT, GZIP, XZ, ZSTD, compression_of
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.io.streams import FullBlocks, open_stream

_SUFFIXES = {".gz": GZIP, ".xz": XZ, ".zst": ZSTD, ".bz2": BZIP2}

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

    A file is decompressed if its first bytes say that it is compressed. If only its name does, it is read as it is,
    unless it is empty or does not begin with text.

    Raises
    ------
    OSError
        The file cannot be read, for example since permission is denied.
    ValueError
        A compressed file is damaged or ends early, the library for it is missing, or standard input is closed.
    """
    name = "standard input" if path is None else shown_path(path)
    try:
        with _opened(path) as file:
            yield from _decompressed(name, "" if path is None else path.suffix, file, num_bytes)
    except CORRUPT as error:
        raise ValueError(f"corpus {name} is not a valid compressed file: {error}") from None
    except OSError as error:
        if error.strerror is None:  # a sentence already
            raise
        reason = "permission denied" if isinstance(error, PermissionError) else error.strerror
        raise type(error)(f"corpus {name} cannot be read: {reason}") from None


def is_compressed(path: Path) -> bool:
    """Return whether a regular file is compressed; False if it cannot be read."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return compression_of(file) is not None
    return False


def _opened(path: Path | None) -> IO[bytes]:
    if path is not None:
        return path.open("rb") if path.is_file() else open_stream(path)
    if sys.stdin is None or sys.stdin.closed:
        raise ValueError("standard input is closed: name a file instead of -")
    buffer = getattr(sys.stdin, "buffer", None)
    if not hasattr(buffer, "readinto"):  # it was replaced by an object of text, as in a notebook
        raise ValueError("standard input of this process has no bytes: name a file instead of -")
    return io.BufferedReader(FullBlocks(buffer, owned=False))


def _decompressed(name: str, suffix: str, file: IO[bytes], num_bytes: int) -> Iterator[Chunk]:
    compression = compression_of(file)
    if compression == GZIP:
        with gzip.GzipFile(fileobj=file) as decompressed:
            yield from _compressed(decompressed, file, num_bytes)
    elif compression == XZ:
        with lzma.LZMAFile(file) as decompressed:
            yield from _compressed(decompressed, file, num_bytes)
    elif compression == ZSTD:
        yield from _zstandard(name, file)
    elif compression == BZIP2:
        yield from _bzip2(file, num_bytes)
    else:
        if suffix in _SUFFIXES:
            _check_plain(_SUFFIXES[suffix], file)
        yield from _plain(file, num_bytes)


def _check_plain(expected: str, file: IO[bytes]) -> None:
    """Raise EOFError for a file that is empty or no text, in spite of a name that says that it is compressed."""
    first_bytes = file.peek(1)  # type: ignore[attr-defined]
    if not first_bytes:
        raise EOFError("it is empty")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first_bytes)
    except UnicodeDecodeError:
        raise EOFError(
            f"its name says {expected}, but it begins neither like that nor like UTF-8; rename it if it is plain text"
        ) from None


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


def _bzip2(file: IO[bytes], num_bytes: int) -> Iterator[Chunk]:
    """Decompress stream by stream: the reader of the library takes anything after one for the end of the file."""
    stream, done = bz2.BZ2Decompressor(), 0
    while data := file.read(_COMPRESSED_BYTES):
        done += len(data)
        while data or not (stream.needs_input or stream.eof):
            stream = bz2.BZ2Decompressor() if stream.eof else stream
            try:
                yield Chunk(stream.decompress(data, num_bytes), done)
            except OSError as error:
                raise EOFError(str(error)) from None
            data = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise EOFError("it ends within a stream")


def _zstandard(name: str, file: IO[bytes]) -> Iterator[Chunk]:
    """Decompress frame by frame: the reader of the library takes a truncated frame for the end of the file."""
    new = _zstandard_decompressor(name)
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


def _zstandard_decompressor(name: str) -> Any:
    """Return the constructor of a decompressor of one frame: from Python 3.14 on the standard library's."""
    try:
        return importlib.import_module("compression.zstd").ZstdDecompressor
    except ImportError:
        pass
    try:
        return importlib.import_module("zstandard").ZstdDecompressor().decompressobj
    except ImportError:
        raise ValueError(f"corpus {name} needs zstandard: pip install 'sampledsoftmax[zst]'") from None

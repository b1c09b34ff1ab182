"""Inputs and outputs that are no files: devices, named pipes, and descriptors that are open already."""

import errno
import io
import os
import re
import select
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from sampledsoftmax.io.shown_path import shown_path

_SECONDS = 3.0  # that a pipe is given to find the process at its other end
_BLOCK_BYTES = 2**20
_MAX_LINKS = 40  # that lead from one to the next, as in Linux
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/fd/(\d+)")


class Stream(NamedTuple):
    """An output that is written into, not replaced.

    Attributes
    ----------
    path : str
    descriptor : int or None
        The open descriptor of this process that `path` denotes, such as 1 for `/dev/stdout`.
    """

    path: str
    descriptor: int | None = None

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open it for writing within the block.

        Raises
        ------
        OSError
            It cannot be opened; a pipe that no process reads is given a few seconds.
        """
        descriptor = _opened(self.path) if self.descriptor is None else os.dup(self.descriptor)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def stream_of(path: str | os.PathLike[str]) -> Stream | None:
    """Return the stream that `path` denotes, None if it denotes a file or nothing.

    Raises
    ------
    OSError
        It is a socket, or its links have no end.

    Examples
    --------
    >>> stream_of("nowhere") is None
    True
    """
    name = os.fspath(path)
    descriptor = _descriptor_of(name)
    if descriptor is not None:
        return Stream(name, descriptor)
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISSOCK(mode):
        raise OSError(f"{shown_path(path)} cannot be written: it is a socket")
    return Stream(name) if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else None


def open_stream(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a device or a named pipe for reading.

    Raises
    ------
    OSError
        It cannot be opened, for example since it is a socket; or it is a pipe into which no process writes, after some
        seconds.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISSOCK(mode):
        raise OSError(f"{shown_path(path)} cannot be read: it is a socket")
    if not stat.S_ISFIFO(mode):
        return io.BufferedReader(FullBlocks(open(path, "rb")))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        first = _first_bytes(descriptor, path)
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return io.BufferedReader(FullBlocks(open(descriptor, "rb"), first))


class FullBlocks(io.RawIOBase):
    """Reads as many bytes as fit from a file, fewer only at its end, so that its first bytes can be looked at.

    Parameters
    ----------
    file : binary file
    first : bytes
        What was read from it already.
    owned : bool
        Whether `file` is closed with this object.
    """

    def __init__(self, file: Any, first: bytes = b"", owned: bool = True) -> None:
        self._file, self._first, self._owned = file, first, owned

    def close(self) -> None:
        """Close the file, if it is owned."""
        if self._owned:
            self._file.close()
        super().close()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, data: Any) -> int:
        """Read as many bytes as fit."""
        view, first = memoryview(data), self._first
        view[: len(first)] = first
        self._first = b""
        return len(first) + int(self._file.readinto(view[len(first) :]))


@contextmanager
def spooled(descriptor: int, mode: str, **text: Any) -> Iterator[IO[Any]]:
    """Open a temporary file, and copy it to a descriptor at the end of the block; nothing is copied after an error."""
    with tempfile.TemporaryFile() as spool:
        file: IO[Any] = spool if "b" in mode else io.TextIOWrapper(spool, **text)
        yield file
        file.flush()
        spool.seek(0)
        _flush_standard_streams()
        _copy(spool, descriptor)
        if file is not spool:
            file.detach()  # type: ignore[attr-defined]


def _copy(source: IO[bytes], descriptor: int) -> None:
    while block := memoryview(source.read(_BLOCK_BYTES)):
        while block:
            block = block[os.write(descriptor, block) :]


def _descriptor_of(name: str) -> int | None:
    """Return N if the links of `name` lead to `/proc/self/fd/N`, whose own link may lead to a file or to nothing."""
    path = os.path.abspath(name)
    for _ in range(_MAX_LINKS):
        folder = os.path.realpath(os.path.dirname(path))
        path = os.path.join(folder, os.path.basename(path))
        found = _DESCRIPTOR.fullmatch(path)
        if found and (folder.startswith("/dev/") or f"/{os.getpid()}/" in path):
            return int(found[1])
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, Path(path).readlink())
    return None


def _opened(path: str) -> int:
    """Open a device or a pipe; a pipe without a reader is tried again for some seconds."""
    flags = os.O_WRONLY | getattr(os, "O_NOCTTY", 0)
    if not stat.S_ISFIFO(os.stat(path).st_mode):
        return os.open(path, flags)
    end = time.monotonic() + _SECONDS
    while True:
        try:
            descriptor = os.open(path, flags | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > end:
                raise OSError(f"{shown_path(path)} cannot be written: it is a pipe that no process reads") from None
            time.sleep(0.02)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def _flush_standard_streams() -> None:
    """Write what was printed before, which may go to the same descriptor."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def _first_bytes(descriptor: int, path: str | os.PathLike[str]) -> bytes:
    """Wait until a process has opened a pipe for writing, and return what has been read by then: one byte at most."""
    end = time.monotonic() + _SECONDS
    while True:
        has_been_open = bool(select.select([descriptor], [], [], 0)[0])
        try:
            first = os.read(descriptor, 1)
        except BlockingIOError:  # open, without data
            return b""
        if first or has_been_open:
            return first
        if time.monotonic() > end:
            raise OSError(f"{shown_path(path)} cannot be read: it is a pipe into which no process writes")
        time.sleep(0.02)

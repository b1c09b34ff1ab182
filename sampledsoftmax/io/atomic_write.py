"""Writing a file: complete under another name first, then renamed; devices and pipes are written into."""

import glob
import hashlib
import os
import platform
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.io.streams import Stream, spooled, stream_of

_HOST = platform.node().replace("/", "_")[:64]
_MAX_NAME = 64  # bytes of the name of a file that are part of the name of its temporary file: a name has at most 255
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@contextmanager
def new_file(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file for writing that replaces `path` at the end of the block, once it is complete on disk.

    If the block raises, the temporary file is removed and `path` does not change. Temporary files of killed processes
    are removed by the next process that writes the same file.

    A symbolic link is followed, and created if its target does not exist; the file that is replaced gives its
    permissions, and its owner where the system allows it, to the new one. Another hard link keeps the old content. A
    device, a named pipe or an open descriptor (`/dev/stdout`) is not replaced but written into, once the block is
    complete; a pipe is given a few seconds to find a reader.

    Parameters
    ----------
    path : path
        The file to create or replace.
    mode : str
        "w" for UTF-8 text with plain line ends, "wb" for bytes.

    Raises
    ------
    ValueError
        `path` is empty, or has a NUL.
    OSError
        The file cannot be written, for example since it is read-only, its folder cannot be written, or the disk is
        full; one line that says why.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "words.txt"
    >>> with new_file(path) as file:
    ...     _ = file.write("to be")
    >>> path.read_text()
    'to be'
    """
    validation.not_empty("the name of the file to write", path)
    if "\0" in os.fspath(path):
        raise ValueError(f"no file can be named {validation.shown(path)}: it has a NUL")
    with writing(path):
        stream = stream_of(path)
        with _replacing(path, mode) if stream is None else _written_into(stream, mode) as file:
            yield file


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn errors of the operating system into one line that says what could not be written.

    Examples
    --------
    >>> with writing("vectors"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    ...
    OSError: vectors cannot be written: No space left on device
    """
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # already a sentence: of this function, or of the caller's block
            raise
        # a broken pipe means that the reader of standard output has left; this one is another
        kind = OSError if isinstance(error, BrokenPipeError) else type(error)
        described = kind(f"{shown_path(path)} cannot be written: {error.strerror}")
        described.errno = error.errno
        raise described from None


def temp_suffix() -> str:
    """Return the suffix of files and folders that this process is writing."""
    return f".{_HOST}.{os.getpid()}.new"


def remove_stale_temp_files(folder: Path, prefix: str) -> None:
    """Remove temporary files and folders with this prefix whose process, of this machine, no longer exists."""
    for path in folder.glob(f"{glob.escape(prefix)}.*.new"):
        pid = path.name.split(".")[-2]
        if path.name.endswith(f".{_HOST}.{pid}.new") and pid.isdigit() and not _is_alive(int(pid)):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _replacing(path: str | os.PathLike[str], mode: str) -> Iterator[IO[Any]]:
    """Open a file beside the one that `path` denotes after all links, and rename it at the end."""
    target = Path(os.path.realpath(path))
    old = _status(path)
    _check_replaceable(path, old)
    prefix = f".{_shortened(target.name)}"
    temporary = target.with_name(f"{prefix}.{secrets.token_hex(4)}{temp_suffix()}")
    remove_stale_temp_files(target.parent, prefix)
    try:
        # no other user may read the new file before it has the permissions of the old one
        with open(os.open(temporary, _NEW_FILE, 0o666 if old is None else 0o600), **_options(mode)) as file:
            if old is not None:
                _copy_owner_and_permissions(target, old, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _written_into(stream: Stream, mode: str) -> Iterator[IO[Any]]:
    """Collect the output, since not every writer can do without seeking, then write it into the stream."""
    with stream.opened() as descriptor, spooled(descriptor, **_options(mode)) as file:
        yield file


def _options(mode: str) -> dict[str, Any]:
    return {"mode": mode} if "b" in mode else {"mode": mode, "encoding": "utf-8", "newline": "\n"}


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the status of what `path` denotes, None if that does not exist."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _check_replaceable(path: str | os.PathLike[str], old: os.stat_result | None) -> None:
    folder, problem = os.path.dirname(os.path.realpath(path)), ""
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(f"{shown_path(path)} cannot be written: it is a directory")
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{shown_path(path)} cannot be written: there is no folder {shown_path(folder)}")
    if old is not None and not os.access(path, os.W_OK):
        problem = "it is read-only"
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = f"the folder {shown_path(folder)} is read-only, and a new file is written there first"
    if problem:
        raise PermissionError(f"{shown_path(path)} cannot be written: {problem}")


def _copy_owner_and_permissions(target: Path, old: os.stat_result, temporary: Path) -> None:
    """Give a file the owner, permissions and extended attributes of the one that it replaces, as far as allowed."""
    if os.name == "posix":
        for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with suppress(OSError):
                os.chown(temporary, owner, group)
    shutil.copystat(target, temporary)
    os.utime(temporary)


def _shortened(name: str) -> str:
    """Return a name that leaves room for a suffix: the same, or a digest of a long one."""
    encoded = os.fsencode(name)
    return name if len(encoded) <= _MAX_NAME else hashlib.sha256(encoded).hexdigest()[:32]


def _is_alive(pid: int) -> bool:
    if os.name != "posix":  # signal 0, which only tests, is of POSIX
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _sync_folder(folder: Path) -> None:
    """Flush a rename to disk, where the system can: without it, the old file may come back after a power loss."""
    if os.name == "posix":
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

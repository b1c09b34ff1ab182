"""Atomic file replacement: write a temporary file, fsync, rename."""

import glob
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_HOST = platform.node().replace("/", "_")


@contextmanager
def new_file(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file for writing that replaces `path` at the end of the block, once it is complete on disk.

    If the block raises, the temporary file is removed and `path` does not change. Temporary files of killed processes
    are removed by the next process that writes the same file.

    Parameters
    ----------
    path : path
        The file to create or replace.
    mode : str
        "w" for UTF-8 text with plain line ends, "wb" for bytes.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "words.txt"
    >>> with new_file(path) as file:
    ...     _ = file.write("to be")
    >>> path.read_text()
    'to be'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}{temp_suffix()}")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    remove_stale_temp_files(path.parent, f".{path.name}")
    try:
        with temporary.open(mode, **text) as file:  # type: ignore[call-overload]
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


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
        described = type(error)(f"{os.fspath(path)} cannot be written: {error.strerror or error}")
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
    """Flush a rename to disk: without it, the old file may come back after a power loss."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""Files that are either complete or not there."""

import glob
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_HERE = platform.node().replace("/", "_")


@contextmanager
def new_file(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file for writing that takes the place of `path` once it is complete and on the disk.

    It is written beside `path` and renamed at the end of the block; if the block raises, it is removed
    and whatever `path` held before stays. What a process that was killed had begun is removed by the next
    one that writes the same file.

    Parameters
    ----------
    path : path
        The file to make or to replace.
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
    draft = path.with_name(f".{path.name}{draft_ending()}")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    remove_drafts_of_the_dead(path.parent, f".{path.name}")
    try:
        with draft.open(mode, **text) as file:  # type: ignore[call-overload]
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let errors of the operating system say in one line what could not be written.

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


def draft_ending() -> str:
    """Return how the name of a file or folder ends while this process writes it."""
    return f".{_HERE}.{os.getpid()}.new"


def remove_drafts_of_the_dead(folder: Path, beginning: str) -> None:
    """Remove what processes of this machine had begun to write under such names, if they are gone."""
    for draft in folder.glob(f"{glob.escape(beginning)}.*.new"):
        pid = draft.name.split(".")[-2]
        if draft.name.endswith(f".{_HERE}.{pid}.new") and pid.isdigit() and not _is_alive(int(pid)):
            with suppress(OSError):
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()


def _is_alive(pid: int) -> bool:
    if os.name != "posix":  # there is no signal that only asks
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _sync_folder(folder: Path) -> None:
    """Put a new name on the disk: without it a power cut may bring the old file back."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

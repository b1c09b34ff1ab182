"""Locks of folders: one process, and one object of it, uses a folder at a time."""

import contextlib
import errno
import os
import platform
import sys
import warnings
import weakref
from pathlib import Path

from sampledsoftmax.io.shown_path import shown_path

if sys.platform == "win32":  # pragma: no cover - another platform
    import msvcrt
else:
    import fcntl

LOCK_FILE = "lock"

_FAR = 2**30  # the byte that is locked on Windows, where a locked byte cannot be read
_BUSY = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)


class FolderLock:
    """An exclusive lock on the file `lock` of a folder, which ends with `release` or with the process.

    It is `flock` of POSIX, also on network file systems that have it, and a locked byte of the file on Windows. Both
    end when the process is killed. The lock is not inherited by a child that is forked. The file itself stays in the
    folder.

    Parameters
    ----------
    folder : path
        An existing folder.

    Attributes
    ----------
    left_by : str
        Who claimed the folder last and did not release it, since the process was killed; else empty.

    Raises
    ------
    BlockingIOError
        The folder is in use: one line that names process and host.
    OSError
        The file cannot be created or opened.

    Warns
    -----
    UserWarning
        The file system has no locks.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> lock = FolderLock(folder)
    >>> lock.claim()
    >>> FolderLock(folder)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    BlockingIOError: folder ... is in use by process ...: close it there first, or name another folder
    >>> lock.release()
    >>> FolderLock(folder).left_by
    ''
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._descriptor: int | None = os.open(self.folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(self._descriptor, self.folder)
        except BaseException:
            holder = self._text() or "another process"
            self._close()
            if sys.exc_info()[0] is BlockingIOError:
                folder = shown_path(self.folder)
                raise BlockingIOError(
                    f"folder {folder} is in use by {holder}: close it there first, or name another folder"
                ) from None
            raise
        self.left_by = self._text()
        _held.add(self)

    @property
    def is_held(self) -> bool:
        """Whether this process holds the lock."""
        return self._descriptor is not None

    def claim(self) -> None:
        """Write process and host to the file: they stay there if the process is killed."""
        self._write(f"process {os.getpid()} on {platform.node() or 'this machine'}")

    def release(self, finished: bool = True) -> None:
        """End the lock; `finished` says that everything is in order, so that nothing is `left_by` this process."""
        if self._descriptor is None:
            return
        if finished:
            self._write("")
        _unlock(self._descriptor)
        self._close()

    def forget(self) -> None:
        """Give up the lock in a child that was forked: its parent still holds it."""
        self._close()

    def _text(self) -> str:
        if self._descriptor is None:
            return ""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return " ".join(os.read(self._descriptor, 200).decode("utf-8", "replace").split())

    def _write(self, text: str) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, text.encode("utf-8", "replace"))
            os.fsync(self._descriptor)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_held: "weakref.WeakSet[FolderLock]" = weakref.WeakSet()


def _forget_all() -> None:
    for lock in list(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _lock(descriptor: int, folder: Path) -> None:
    """Take the lock, or raise BlockingIOError."""
    try:
        if sys.platform == "win32":  # pragma: no cover - another platform
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            raise BlockingIOError(*error.args) from None
        warnings.warn(
            f"the file system of {folder} has no locks ({error.strerror}): make sure that nothing else uses it",
            stacklevel=2,
        )


def _unlock(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # there was no lock
        if sys.platform == "win32":  # pragma: no cover - another platform
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

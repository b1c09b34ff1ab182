"""Files that are either complete or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def new_file(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file for writing that takes the place of `path` once it is complete.

    It is written beside `path` and renamed at the end of the block; if the block raises, it is removed
    and whatever `path` held before stays.

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
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with draft.open(mode, **text) as file:  # type: ignore[call-overload]
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
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

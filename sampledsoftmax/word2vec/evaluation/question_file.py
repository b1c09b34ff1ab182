"""Lines of a file of questions, plain or packed with gzip."""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

_GZIP = b"\x1f\x8b"


def numbered_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    r"""Yield the number, from 1, and the text of each line that holds something.

    Parameters
    ----------
    path : path
        A UTF-8 file; whether it is packed is seen from its first bytes, not from its name.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file, or it is a directory.
    ValueError
        A line is not UTF-8, or the archive is damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "pairs.txt"
    >>> _ = path.write_text("# pairs\n\nold new 1.58\n")
    >>> list(numbered_lines(path))
    [(1, '# pairs'), (3, 'old new 1.58')]
    """
    for number, line in enumerate(_content(Path(path)).split(b"\n"), start=1):
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}, line {number}: byte {error.start + 1} of the line is not UTF-8") from None
        if text:
            yield number, text


def _content(path: Path) -> bytes:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory, a file of questions is expected")
    data = path.read_bytes()
    if not data.startswith(_GZIP):
        return data.removeprefix(b"\xef\xbb\xbf")
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file: {error}") from None

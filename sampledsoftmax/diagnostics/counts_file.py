"""Read the counts of classes from a text file."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sampledsoftmax import validation
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.io.input_file import lines_of, open_input
from sampledsoftmax.not_a_number import not_a_number


@not_a_number(has_arrays=True)
class Counts(NamedTuple):
    """Counts by class id.

    Attributes
    ----------
    counts : float64 [num_classes]
        How often each class occurs, at least 0.
    names : list of str
        The name of each class in the file: its word, or its id.
    """

    counts: Floats
    names: list[str]


def read_counts(path: str | os.PathLike[str]) -> Counts:
    r"""Return the counts in a text file of one of three formats; the first line decides which.

    - one count per line: `120`. The first line is class 0.
    - a word and its count, separated by white space: `the 120`. The first line is class 0.
    - a name and its count, separated by a comma: `17,120`. If names are whole numbers, they are ids in any order, each
      from 0 on exactly once; otherwise they are words, and the first line is class 0.

    Empty lines are skipped. There is no header line.

    Parameters
    ----------
    path : path
        UTF-8 text.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    OSError
        If it cannot be read; a pipe into which no process writes is one of these, after some seconds.
    TypeError, ValueError
        If a line has another format than the first one, a NUL, a count that is not a finite number of at least 0, or
        more than a megabyte (the message gives the line number); if an id is missing, repeated or too large; if there
        are no counts at all.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = path.write_text("1,30\n0,70\n")
    >>> read_counts(path)
    Counts(counts=array([70., 30.]), names=['0', '1'])
    """
    path = validation.path("path", path)
    rows = list(_rows(path))
    if not rows:
        raise ValueError(f"counts file {validation.shown(str(path))} holds no counts")
    counts, names = np.array([row.value for row in rows]), [row.name for row in rows]
    if rows[0].separator == "," and _is_id(rows[0].name):
        order = _order_of_ids(rows, path)
        return Counts(counts[order], [str(i) for i in range(len(rows))])
    if not rows[0].separator:
        names = [str(i) for i in range(len(rows))]
    return Counts(counts, names)


class _Row(NamedTuple):
    number: int
    separator: str
    name: str
    value: float


def _rows(path: Path) -> Iterator[_Row]:
    if not path.exists():
        raise FileNotFoundError(f"counts file {validation.shown(str(path))} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"counts file {validation.shown(str(path))} is a directory")
    separator = None
    try:
        with open_input(path) as file:
            for number, line in enumerate(map(bytes.decode, lines_of(file, path)), 1):
                if "\0" in line:
                    raise _bad(path, number, "text: a NUL is the sign of UTF-16 or of an archive", line.strip())
                if line.strip():
                    row = _row(path, number, line.strip())
                    separator = separator if separator is not None else row.separator
                    if row.separator != separator:
                        raise _bad(path, number, f"{_LAYOUTS[separator]}, as in the lines before", line.strip())
                    yield row
    except UnicodeDecodeError as error:
        raise ValueError(f"counts file {validation.shown(str(path))} is not UTF-8 text: {error.reason}") from None


_LAYOUTS = {"": "a count", " ": "a word, white space and a count", ",": "a name, a comma and a count"}


def _row(path: Path, number: int, line: str) -> _Row:
    separator = "," if "," in line else " " if len(line.split()) > 1 else ""
    name, _, field = line.rpartition(",") if separator == "," else ("", "", line)
    if separator == " ":
        name, field = line.rsplit(maxsplit=1)
    try:
        count = math.nan if "_" in field else float(field)
    except ValueError:
        count = math.nan
    if not 0 <= count < math.inf:
        raise _bad(path, number, "a count, a number of at least 0 (there is no header line)", field.strip())
    return _Row(number, separator, name.strip(), count)


def _is_id(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _order_of_ids(rows: list[_Row], path: str | os.PathLike[str]) -> list[int]:
    """Return the position of the row of each id."""
    positions: dict[int, int] = {}
    for position, row in enumerate(rows):
        if not _is_id(row.name):
            raise _bad(path, row.number, "a whole number as id, as in the lines before", row.name)
        if int(row.name) >= len(rows):
            raise _bad(path, row.number, f"an id below {len(rows)}, the number of counts: each id once", row.name)
        if int(row.name) in positions:
            first = rows[positions[int(row.name)]].number
            raise _bad(path, row.number, f"each id once, and line {first} already has it", row.name)
        positions[int(row.name)] = position
    return [positions[i] for i in range(len(rows))]


def _bad(path: str | os.PathLike[str], number: int, expected: str, got: str) -> ValueError:
    where = f"counts file {validation.shown(str(path))}, line {number}"
    return ValueError(f"{where}: expected {expected}; got {got[:40]!r}")

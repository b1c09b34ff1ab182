"""Rows of numbers as text and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def rows_as_text(rows: NDArray[Any]) -> list[bytes]:
    """Return each row of finite numbers as text: the fewest digits that give the same numbers back.

    Examples
    --------
    >>> rows_as_text(np.array([[0.1, -2.0], [1e-7, 3.0]], np.float32))
    [b'0.1 -2.0', b'1e-07 3.0']
    """
    return [" ".join(map(str, row)).encode() for row in rows]


def rows_of_text(path: str, first: int, lines: Sequence[bytes], dim: int) -> tuple[list[bytes], NDArray[np.float32]]:
    r"""Return the word and the `dim` numbers of each line; line numbers of errors start at `first`.

    Examples
    --------
    >>> rows_of_text("file", 2, [b"to 0.5 -2 \n", b"be 1e-7 3\n"], 2)
    ([b'to', b'be'], array([[ 5.e-01, -2.e+00],
           [ 1.e-07,  3.e+00]], dtype=float32))
    """
    names, rows = [], np.empty((len(lines), dim), np.float32)
    for i, line in enumerate(lines):
        name, rows[i] = _parsed(f"{path}, line {first + i}", line, dim)
        names.append(name)
    return names, rows


def _parsed(place: str, line: bytes, dim: int) -> tuple[bytes, NDArray[np.float32]]:
    fields = line.rstrip(b" \r\n").split(b" ")
    if len(fields) != dim + 1:
        raise ValueError(f"{place}: a word and {dim} numbers are expected, got {len(fields)} fields")
    try:
        row = np.array([float(field) for field in fields[1:]], dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    if not np.isfinite(row).all():
        raise ValueError(f"{place}: number {int(np.argmin(np.isfinite(row))) + 1} is {row[~np.isfinite(row)][0]}")
    return fields[0], row

"""Rows of numbers as text and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.word2vec.vectors.decimal import POWERS, UNSURE, WIDTH, read_rows, write_rows


def rows_as_text(rows: NDArray[Any]) -> list[bytes]:
    """Return each row of finite numbers as text: the fewest digits that give the same numbers back.

    Examples
    --------
    >>> rows_as_text(np.array([[0.1, -2.0], [1e-7, 3.0]], np.float32))
    [b'0.1 -2.0', b'1e-07 3.0']
    """
    if rows.dtype != np.float32:
        return [_as_text(row) for row in rows]
    values = np.array(rows, order="C")  # writable: kernels are compiled for one kind of array
    text = np.empty((len(values), values.shape[1] * WIDTH), np.uint8)
    ends = np.empty(len(values), np.int64)
    write_rows(values, values.view(np.uint32), POWERS, text, ends)
    return [
        _as_text(row) if end == UNSURE else line[:end].tobytes()
        for row, line, end in zip(values, text, ends.tolist(), strict=True)
    ]


def rows_of_text(path: str, first: int, lines: Sequence[bytes], dim: int) -> tuple[list[bytes], NDArray[np.float32]]:
    r"""Return the word and the `dim` numbers of each line; line numbers of errors start at `first`.

    Examples
    --------
    >>> rows_of_text("file", 2, [b"to 0.5 -2 \n", b"be 1e-7 3\n"], 2)
    ([b'to', b'be'], array([[ 5.e-01, -2.e+00],
           [ 1.e-07,  3.e+00]], dtype=float32))
    """
    values = np.empty((len(lines), dim), np.float32)
    starts = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    name_ends = np.empty(len(lines), np.int64)
    read_rows(np.frombuffer(bytearray().join(lines), np.uint8), starts, POWERS, values, name_ends)
    names = [line[: end - start] for line, start, end in zip(lines, starts.tolist(), name_ends.tolist(), strict=False)]
    for i in np.flatnonzero(name_ends == UNSURE).tolist():
        names[i], values[i] = _parsed(f"{path}, line {first + i}", lines[i], dim)
    return names, values


def _as_text(row: NDArray[Any]) -> bytes:
    return " ".join(map(shortest, row)).encode()


def shortest(number: Any) -> str:
    """Return the fewest digits that give a NumPy float back: plain from 1e-4 to below 1e16, else with an exponent.

    `str` says where an exponent begins otherwise from one version of NumPy to another.

    Examples
    --------
    >>> [shortest(np.float32(number)) for number in (0.1, 16777216, 1e-5, 2.5e20)]
    ['0.1', '16777216.0', '1e-05', '2.5e+20']
    """
    if number == 0 or 1e-4 <= abs(float(number)) < 1e16:
        return np.format_float_positional(number, unique=True, trim="0")
    return np.format_float_scientific(number, unique=True, trim="-", exp_digits=2)


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

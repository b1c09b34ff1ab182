"""Rows of floats as text and back."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation


def rows_as_text(rows: NDArray[Any]) -> list[bytes]:
    """Return each row of finite numbers as text: the fewest digits that round to the same numbers.

    Examples
    --------
    >>> rows_as_text(np.array([[0.1, -2.0], [1e-7, 3.0]], np.float32))
    [b'0.1 -2.0', b'1e-07 3.0']
    """
    sizes = np.abs(rows)
    # In this range `str` never writes an exponent, and is twice as fast as `shortest`.
    is_plain = ((sizes >= 1e-4) & (sizes < 1e6)).all(axis=1).tolist()
    return [" ".join(map(str if plain else shortest, row)).encode() for plain, row in zip(is_plain, rows, strict=True)]


def shortest(number: Any) -> str:
    """Return the fewest digits that round to a NumPy float: plain from 1e-4 to below 1e16, else with an exponent.

    Whether `str` writes an exponent depends on the version of NumPy.

    Examples
    --------
    >>> [shortest(np.float32(number)) for number in (0.1, 16777216, 1e-5, 2.5e20)]
    ['0.1', '16777216.0', '1e-05', '2.5e+20']
    """
    if number == 0 or 1e-4 <= abs(float(number)) < 1e16:
        return np.format_float_positional(number, unique=True, trim="0")
    return np.format_float_scientific(number, unique=True, trim="-", exp_digits=2)


def rows_of_text(
    path: str,
    first: int,
    lines: Sequence[bytes],
    dim: int,
    dtype: Any = np.float32,
    hint: Callable[[bytes], str] = lambda line: "",
) -> tuple[list[bytes], NDArray[Any]]:
    r"""Return the word and the `dim` numbers of each line.

    `first` is the number of the first line, for errors; `hint` is called with a line that has another number of
    fields, and what it returns is added to the message.

    Examples
    --------
    >>> rows_of_text("file", 2, [b"to 0.5 -2 \n", b"be 1e-7 3\n"], 2)
    ([b'to', b'be'], array([[ 5.e-01, -2.e+00],
           [ 1.e-07,  3.e+00]], dtype=float32))
    """
    names: list[bytes] = []
    values = np.empty((0, dim), dtype)
    with np.errstate(over="ignore"):
        for i, line in enumerate(lines):
            name, *fields = line.rstrip(b" \r\n").split(b" ")
            if len(fields) != dim:
                raise ValueError(
                    f"{path}, line {first + i}: a word and {dim} numbers are expected, got {len(fields) + 1} fields"
                    + hint(line)
                )
            if not i:  # only now: the header that announces `dim` may be damaged
                values = np.empty((len(lines), dim), dtype)
            values[i] = _numbers(f"{path}, line {first + i}", fields)
            names.append(name)
    for i in np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist():
        place = int(np.isfinite(values[i]).argmin())
        raise ValueError(f"{path}, line {first + i}: number {place + 1} is {values[i, place]}, as {values.dtype}")
    return names, values


def _numbers(place: str, fields: list[bytes]) -> list[float]:
    try:
        numbers = list(map(float, fields))
        wrong = next((field for field in fields if b"_" in field), None)  # `float` takes 1_0 for 10
    except ValueError:
        wrong = next(field for field in fields if not _is_float(field))
    if wrong is not None:
        raise ValueError(f"{place}: could not convert {validation.shown(wrong)} to a number")
    return numbers


def _is_float(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True

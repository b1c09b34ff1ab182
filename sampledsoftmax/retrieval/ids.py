"""Ids of users and items as they come, ints or strings, and the rows that they get: distinct ids in ascending order."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation

Column: TypeAlias = NDArray[np.int64] | list[str]
RowIds: TypeAlias = list[int] | list[str]

_DENSE = 8  # ids in a range of at most this many times their number are counted instead of sorted: 5 times as fast


def checked_column(name: str, value: Any) -> Column:
    """Return ids as an int64 array or as a list of str.

    Parameters
    ----------
    name : str
        The argument, for messages.
    value : array, list or column of a table
        Ints or str, one-dimensional; anything that NumPy turns into an array, so also a column of pandas or polars.

    Raises
    ------
    TypeError, ValueError
        The ids are neither all ints nor all str, are floats or missing values, or do not fit in int64.

    Examples
    --------
    >>> checked_column("users", [3, 1]), checked_column("users", ["ann"])
    (array([3, 1]), ['ann'])
    """
    array = validation.as_array(name, value)
    if array.ndim == 0:
        raise TypeError(f"{name} must be an array, a list or a column of ids, got {validation.described(value)}")
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape [num_pairs], got {list(array.shape)}")
    if array.dtype.kind == "U" and not isinstance(value, np.ndarray):
        _refuse_mixed(name, value)
    if array.dtype.kind in ("O", "T"):  # objects, and NumPy's own strings
        return _of_objects(name, array.tolist())
    if array.dtype.kind == "U":
        return list(array.tolist())
    if array.size == 0 and array.dtype.kind == "f" and isinstance(value, (list, tuple)):
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold ints or str, got dtype {validation.dtype_of(array)}{_hint(array)}")
    if array.dtype.kind == "u" and array.size and int(array.max()) > validation.MAX_INT64:
        index = int(array.argmax())
        raise ValueError(f"{name}[{index}] = {array[index]} does not fit in int64: write ids of this size as str")
    return np.ascontiguousarray(array, dtype=np.int64)


def numbered(column: Column) -> tuple[RowIds, NDArray[np.int64]]:
    """Return the distinct ids in ascending order, and the row of each entry among them.

    Examples
    --------
    >>> numbered(["b", "a", "b"])
    (['a', 'b'], array([1, 0, 1]))
    >>> numbered(np.array([7, 3, 7]))
    ([3, 7], array([1, 0, 1]))
    """
    if isinstance(column, list):
        words = sorted(set(column))
        rows = {word: row for row, word in enumerate(words)}
        return words, np.fromiter(map(rows.__getitem__, column), np.int64, len(column))
    if column.size == 0:
        return list[int](), column
    low, high = int(column.min()), int(column.max())
    if high - low < _DENSE * column.size:
        present = np.zeros(high - low + 1, np.bool_)
        present[column - low] = True
        row_of = np.cumsum(present) - 1
        return (np.flatnonzero(present) + low).tolist(), row_of[column - low]
    distinct, rows_of = np.unique(column, return_inverse=True)
    return distinct.tolist(), rows_of.astype(np.int64).reshape(-1)


def rows_among(ids: RowIds, known: RowIds, rows: Mapping[Any, int]) -> NDArray[np.int64]:
    """Return the row of each id, -1 if it is not known; an int is the str that it is written as.

    One file may have ints only, and another one of the same data may not.

    Examples
    --------
    >>> rows_among([7, 8], ["7", "x"], {"7": 0, "x": 1}), rows_among(["07", "7"], [7], {7: 0})
    (array([ 0, -1]), array([-1,  0]))
    """
    if ids and known and type(ids[0]) is not type(known[0]):
        if isinstance(known[0], str):
            ids = [str(one) for one in ids]
        else:
            rows = {str(one): row for one, row in rows.items()}
    return np.fromiter((rows.get(one, -1) for one in ids), np.int64, len(ids))


def _refuse_mixed(name: str, value: Any) -> None:
    """Raise TypeError for a list of str and other things, which NumPy would turn into str."""
    if isinstance(value, (list, tuple)):
        _of_objects(name, value)


def _of_objects(name: str, values: Sequence[Any]) -> Column:
    kind = str if values and isinstance(values[0], str) else int
    for index, value in enumerate(values):
        is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (isinstance(value, str) if kind is str else is_int):
            beside = f" among {'str' if kind is str else 'ints'}" if index else ""
            raise TypeError(
                f"{name} must hold ints or str, all of one kind, got {validation.described(value)}{beside} "
                f"at {name}[{index}]"
            )
        if kind is int and not -validation.MAX_INT64 <= value <= validation.MAX_INT64:
            raise ValueError(f"{name}[{index}] = {validation.shown(value)} does not fit in int64: write it as a str")
    return [str(value) for value in values] if kind is str else np.array(values, np.int64)


def _hint(array: NDArray[Any]) -> str:
    if array.dtype.kind != "f":
        return ""
    missing = np.flatnonzero(np.isnan(array))
    return f": entry {missing[0]} is missing (NaN)" if missing.size else ": write .astype(int) if the ids are whole"

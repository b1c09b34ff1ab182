"""Argument validation: every error names the argument, what was expected and what was given.

Public functions call these before a kernel reads or writes any array, since kernels check nothing: NumPy would
wrap a negative id, and Numba would read past the end of a table.
"""

import difflib
import functools
import itertools
import math
import operator
import os
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOAT_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
MAX_INT32, MAX_INT64 = 2**31 - 1, 2**63 - 1
TENSORFLOW_GRAPH_SEED = 87654321  # DEFAULT_GRAPH_SEED in tensorflow/python/framework/random_seed.py
LARGEST_BFLOAT16 = (2 - 2.0**-7) * 2.0**127
MAX_PATH, MAX_NAME = 4096, 255  # of a path and of each name in it: those of Linux; no common system allows more
MAX_SHOWN = 80  # characters of a value in a message

Ids = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


def whole_number(name: str, value: object, at_least: int, at_most: int | None = None) -> int:
    """Return `value` as an int; floats and bools are refused, even whole ones. Without a bound it is that of int64."""
    at_most = MAX_INT64 if at_most is None else at_most
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a whole number, got the bool {value}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {described(value)}") from None
    if number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {shown(number)}")
    if number > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {shown(number)}")
    return number


def number(
    name: str,
    value: object,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> float:
    """Return `value` as a finite float within the bounds given."""
    if isinstance(value, (bool, np.bool_, str, bytes, bytearray)):
        raise TypeError(f"{name} must be a number, got {described(value)}")
    if getattr(value, "ndim", 0):
        raise TypeError(f"{name} must be one number, got {described(value)}")
    if getattr(value, "requires_grad", False):  # a parameter of PyTorch would get no gradient
        raise TypeError(f"{name} must be a number that is not learned, got {described(value)}")
    try:
        real = float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError(f"{name} must be finite as float64, got {described(value)}") from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {described(value)}") from None
    if not math.isfinite(real):
        raise ValueError(f"{name} must be finite, got {real}")
    if above is not None and not real > above:
        raise ValueError(f"{name} must be above {above:g}, got {real:g}")
    if at_least is not None and not real >= at_least:
        raise ValueError(f"{name} must be at least {at_least:g}, got {real:g}")
    if below is not None and not real < below:
        raise ValueError(f"{name} must be below {below:g}, got {real:g}")
    if at_most is not None and not real <= at_most:
        raise ValueError(f"{name} must be at most {at_most:g}, got {real:g}")
    return real


def number_of(name: str, value: object, dtype: np.dtype[Any]) -> Any:
    """Return a number in a dtype, in which it must be finite too: 1e39 is infinite in float32."""
    real = number(name, value)
    if abs(real) > largest(dtype):
        raise ValueError(f"{name} must be finite as {dtype.name}, the dtype of the table, got {real:g}")
    return dtype.type(real)


@functools.cache
def largest(dtype: np.dtype[Any]) -> float:
    """Return the largest number of a dtype."""
    return LARGEST_BFLOAT16 if dtype.name == "bfloat16" else float(np.finfo(dtype).max)


def flag(name: str, value: object) -> bool:
    """Return a bool; anything else is refused, since "False" would be true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {described(value)}")
    return bool(value)


def choice(name: str, value: object, options: Sequence[str]) -> str:
    """Return `value` if it is one of `options`; the error suggests the closest one."""
    if isinstance(value, str) and value in options:
        return str(value)
    is_short = isinstance(value, str) and len(value) <= MAX_SHOWN
    close = difflib.get_close_matches(str(value), options, 1) if is_short else []
    hint = f": did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {shown(value)}{hint}")


def path(name: str, value: Any) -> Path:
    """Return a path that the system can be asked for: its own errors print a path that is too long whole."""
    try:
        text = os.fsdecode(value)
    except TypeError:
        raise TypeError(f"{name} must be a path, got {described(value)}") from None
    reason = _path_reason(text)
    if reason:
        raise ValueError(f"{name} must be a path, but {shown(text)} {reason}")
    return Path(text)


def not_empty(name: str, value: str | os.PathLike[str]) -> Path:
    """Return a path, unless it is empty, as that of a shell variable that is not set: `Path` takes the current folder.

    Examples
    --------
    >>> not_empty("--output", "")
    Traceback (most recent call last):
    ...
    ValueError: --output is empty: name a file, or a folder such as . for the current one
    """
    if not os.fspath(value):
        raise ValueError(f"{name} is empty: name a file, or a folder such as . for the current one")
    return Path(value)


def _path_reason(text: str) -> str:
    """Return why a path cannot be one, or nothing."""
    if "\0" in text:
        return "holds a NUL"
    if len(text) > MAX_PATH:
        return f"has {len(text)} characters"
    try:
        longest = max(map(len, os.fsencode(text).split(os.fsencode(os.sep))))
    except UnicodeEncodeError:
        return "holds a character that no file name has"
    return f"has a name of {longest} bytes" if longest > MAX_NAME else ""


def float_dtype(name: str, value: Any) -> np.dtype[Any]:
    """Return float32 or float64 as a dtype."""
    try:
        dtype: np.dtype[Any] = np.dtype(value)
    except Exception:  # NumPy parses strings, lists and dicts, each with errors of its own
        raise TypeError(f"{name} must be float32 or float64, got {described(value)}") from None
    if dtype not in FLOAT_DTYPES or value is None:
        raise TypeError(f"{name} must be float32 or float64, got {one_line(value if value is None else dtype)}")
    return dtype


def floats(name: str, value: ArrayLike, shape: Sequence[int | str], dtype: Any = None) -> Floats:
    """Return a float32 or float64 array of `shape`, in which a str names a free dimension.

    Nothing is cast, since a copy of a table would be trained instead of the table.
    """
    array = as_array(name, value)
    if array.dtype not in FLOAT_DTYPES:
        raise TypeError(f"{name} must be float32 or float64, got {dtype_of(array)}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} must have the dtype of the other arrays, {np.dtype(dtype)}, got {array.dtype}")
    _shape(name, array, shape)
    return array


def tables(name: str, value: Any, shape: Sequence[int | str], beside: Any = None) -> Floats:
    """Return a table of `shape` in float64, float32 or half precision (float16, bfloat16 of ml_dtypes).

    Half precision is widened to float32 where it is read, so it can be combined with float32; float64 can be
    combined with float64 only. `beside` is the dtype of the array that it must be combined with.
    """
    array = as_array(name, value)
    if not (array.dtype in FLOAT_DTYPES or is_half(array.dtype)):
        raise TypeError(f"{name} must be float32, float64, float16 or bfloat16, got {dtype_of(array)}")
    if beside is not None and arithmetic(array.dtype) != arithmetic(beside):
        raise TypeError(
            f"{name} must have the precision of the other arrays, {np.dtype(beside).name}, got {array.dtype}"
        )
    _shape(name, array, shape)
    return array


def is_half(dtype: np.dtype[Any]) -> bool:
    """Return whether a dtype is float16, or bfloat16 of ml_dtypes."""
    return dtype == np.float16 or dtype.name == "bfloat16"


def arithmetic(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the arithmetic: float64 for float64 tables, else float32."""
    return np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array, or one line that says why it is none: rows of different lengths, for example."""
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):  # kernels would read what it hides
            raise TypeError(f"{name} must be an array without a mask: write {name}.filled(...)")
        return value
    try:
        return np.asarray(value)
    except Exception as error:  # other libraries' arrays are converted by their own code
        if isinstance(value, (list, tuple)) and "inhomogeneous" in str(error):
            raise ValueError(f"{name} must be an array, got rows of different lengths: {described(value)}") from None
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise TypeError(f"{name} must be an array, got {described(value)} ({reason})") from None


def as_ids(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of integers; an empty list, to which NumPy gives a float type, holds no ids."""
    array = as_array(name, value)
    if array.dtype.kind in "iu":
        return array
    if array.size == 0 and isinstance(value, (list, tuple)):
        return array.astype(np.int64)
    raise TypeError(f"{name} must hold integer ids, got {_ids_instead(array, value)}")


def _ids_instead(array: NDArray[Any], value: Any) -> str:
    """Return what came in place of ids."""
    if array.dtype.kind in "US" and array.size == 1:
        return described(array.reshape(-1)[0].item())
    if array.dtype == object and array.ndim == 0:
        return described(value)
    return f"dtype {dtype_of(array)}"


def ids(
    name: str,
    value: ArrayLike,
    shape: Sequence[int | str],
    num_classes: int,
    what: tuple[str, str] = ("a class id", "ids"),
) -> Ids:
    """Return int64 ids of `shape`, every one in [0, num_classes); `what` is what messages call one and several."""
    array = as_ids(name, value)
    _shape(name, array, shape)
    as_int64 = np.ascontiguousarray(array, dtype=np.int64)
    # As unsigned integers negative ids are large: one comparison checks both ends, on the path of every step.
    if as_int64.size and as_int64.view(np.uint64).max() >= num_classes:
        index, worst = _first((array < 0) | (array >= num_classes), array)
        raise ValueError(f"{name}[{index}] = {worst} is not {what[0]}: {what[1]} are in [0, {num_classes})")
    return as_int64


def first_ids(size: int) -> Ids:
    """Return the ids 0 .. size - 1; `np.arange` would return none where `size` rounds to 2**63 in float64."""
    if size >= 2**60:
        raise MemoryError(f"{size} ids do not fit in memory")
    return np.arange(size, dtype=np.int64)


def labels(name: str, value: ArrayLike, num_true: int, num_classes: int) -> Ids:
    """Return int64 ids [batch_size, num_true]; [batch_size] is accepted when num_true is 1, and [] for no examples."""
    array = as_ids(name, value)
    if array.ndim == 1 and (num_true == 1 or not (array.size or isinstance(value, np.ndarray))):
        array = array.reshape(-1, num_true)
    return ids(name, array, ("batch_size", num_true), num_classes)


def sample_size(name: str, value: object, unique: bool, range_name: str, num_classes: int) -> int:
    """Return a number of candidates, at most `num_classes` when they are unique."""
    size = whole_number(name, value, 1)
    if unique and size > num_classes:
        raise ValueError(f"{name} = {size} unique candidates cannot be drawn from {range_name} = {num_classes}")
    return size


def seeds(seed: object) -> tuple[int, int] | None:
    """Return TensorFlow's pair (seed, seed2) for a `seed` argument, or None for fresh entropy.

    An int is an op seed, combined with TensorFlow's default graph seed; a pair is (global, op).
    Both are reduced modulo 2**31 - 1, and (0, 0) becomes (0, 2**31 - 1): tensorflow/python/framework/
    random_seed.py.
    """
    if seed is None:
        return None
    if isinstance(seed, (tuple, list)):
        if len(seed) != 2:
            raise ValueError(f"seed must be None, an int or a pair (seed, seed2), got {len(seed)} numbers")
        pair = (_any_int("seed[0]", seed[0]), _any_int("seed[1]", seed[1]))
    else:
        pair = (TENSORFLOW_GRAPH_SEED, _any_int("seed", seed))
    reduced = (pair[0] % MAX_INT32, pair[1] % MAX_INT32)
    return (0, MAX_INT32) if reduced == (0, 0) else reduced


def _any_int(name: str, value: object) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an int, got the bool {value}")
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an int, got {described(value)}") from None


def _shape(name: str, array: NDArray[Any], shape: Sequence[int | str]) -> None:
    fits = array.ndim == len(shape)
    for want, got in zip(shape, array.shape, strict=False):
        fits = fits and (want == got or isinstance(want, str))
    if not fits:
        expected = ", ".join(str(size) for size in shape)
        raise ValueError(f"{name} must have shape [{expected}], got {list(array.shape)}")


def _first(bad: NDArray[np.bool_], array: NDArray[Any]) -> tuple[str, Any]:
    position = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), array.shape))
    return ", ".join(map(str, position)), array[position]


def dtype_of(array: NDArray[Any]) -> str:
    """Return the name of a dtype for a message; that of records is as long as their list of fields."""
    return one_line(array.dtype)


def described(value: object) -> str:
    """Return the type and the value for a message, in one line."""
    return f"{type(value).__name__[:MAX_SHOWN]} {shown(value)}"


def shown(value: object) -> str:
    """Return the value for a message, cut to one line; what is left out is not even read."""
    try:
        text = _ShortRepr().repr(value)
    except Exception:  # a class whose repr fails
        text = object.__repr__(value)
    return one_line(text)


def one_line(text: object) -> str:
    """Return a text cut to one line of printable characters."""
    one_line = " ".join(str(text)[: 20 * MAX_SHOWN].split())
    if not one_line.isprintable():
        one_line = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in one_line)
    return one_line if len(one_line) <= MAX_SHOWN else f"{one_line[:MAX_SHOWN]}..."


class _ShortRepr(reprlib.Repr):
    """The start of what `repr` returns; numbers and strings that fit on a line are whole."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = 2 * MAX_SHOWN
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = self.maxdeque = MAX_SHOWN

    def repr_str(self, value: str, _level: int) -> str:
        """Return the start of a string; the rest of a message is left out."""
        return repr(value[: self.maxstring])

    def repr_bytes(self, value: bytes, _level: int) -> str:
        """Return the start of a string of bytes."""
        return repr(value[: self.maxstring])

    def repr_dict(self, value: Any, level: int) -> str:
        """Return the first entries in their own order, which `reprlib` would sort."""
        pairs = itertools.islice(value.items(), self.maxdict)
        return f"{{{', '.join(f'{self.repr1(k, level - 1)}: {self.repr1(v, level - 1)}' for k, v in pairs)}}}"

    def repr_instance(self, value: Any, _level: int) -> str:
        """Return the number of items of a large collection of another class, or the whole value."""
        if isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > MAX_SHOWN:
            return f"of {len(value)} items"
        return repr(value)

    def repr_ndarray(self, value: NDArray[Any], _level: int) -> str:
        """Return the dtype and shape of a large array, or the whole of a small one."""
        if value.size <= MAX_SHOWN and value.dtype != object:
            return repr(value)
        return f"array(shape={list(value.shape)}, dtype={one_line(value.dtype)})"

    def repr_int(self, value: int, _level: int) -> str:
        """Return a number, or the size of one that is too long for a line."""
        bits = value.bit_length()
        return repr(value) if bits < 4 * MAX_SHOWN else f"an int of {bits} bits"

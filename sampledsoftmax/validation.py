"""Argument validation: every error names the argument, what was expected and what was given.

Public functions call these before a kernel reads or writes any array, since kernels check nothing: NumPy would
wrap a negative id, and Numba would read past the end of a table.
"""

import difflib
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOAT_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
MAX_INT32 = 2**31 - 1
TENSORFLOW_GRAPH_SEED = 87654321  # DEFAULT_GRAPH_SEED in tensorflow/python/framework/random_seed.py
MAX_SHOWN = 80  # characters of a value in a message

Ids = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


def whole_number(name: str, value: object, at_least: int, at_most: int | None = None) -> int:
    """Return `value` as an int; floats and bools are refused, even whole ones."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a whole number, got the bool {value}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {described(value)}") from None
    if number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {shown(number)}")
    if at_most is not None and number > at_most:
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
    if isinstance(value, (bool, np.bool_, str)):
        raise TypeError(f"{name} must be a number, got {described(value)}")
    try:
        real = float(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a number, got {described(value)}") from None
    if not np.isfinite(real):
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


def flag(name: str, value: object) -> bool:
    """Return a bool; anything else is refused, since "False" would be true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {described(value)}")
    return bool(value)


def choice(name: str, value: object, options: Sequence[str]) -> str:
    """Return `value` if it is one of `options`; the error suggests the closest one."""
    if isinstance(value, str) and value in options:
        return str(value)
    close = difflib.get_close_matches(value, options, 1) if isinstance(value, str) else []
    hint = f": did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {shown(value)}{hint}")


def float_dtype(name: str, value: Any) -> np.dtype[Any]:
    """Return float32 or float64 as a dtype."""
    try:
        dtype: np.dtype[Any] = np.dtype(value)
    except TypeError:
        raise TypeError(f"{name} must be float32 or float64, got {described(value)}") from None
    if dtype not in FLOAT_DTYPES:
        raise TypeError(f"{name} must be float32 or float64, got {dtype}")
    return np.dtype(dtype)


def floats(name: str, value: ArrayLike, shape: Sequence[int | str], dtype: Any = None) -> Floats:
    """Return a float32 or float64 array of `shape`, in which a str names a free dimension.

    Nothing is cast, since a copy of a table would be trained instead of the table.
    """
    array = np.asarray(value)
    if array.dtype not in FLOAT_DTYPES:
        raise TypeError(f"{name} must be float32 or float64, got {array.dtype}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} must have the dtype of the other arrays, {np.dtype(dtype)}, got {array.dtype}")
    _shape(name, array, shape)
    return array


def tables(name: str, value: Any, shape: Sequence[int | str], beside: Any = None) -> Floats:
    """Return a table of `shape` in float64, float32 or half precision (float16, bfloat16 of ml_dtypes).

    Half precision is widened to float32 where it is read, so it can be combined with float32; float64 can be
    combined with float64 only. `beside` is the dtype of the array that it must be combined with.
    """
    array = np.asarray(value)
    is_half = array.dtype == np.float16 or array.dtype.name == "bfloat16"
    if not (is_half or array.dtype in FLOAT_DTYPES):
        raise TypeError(f"{name} must be float32, float64, float16 or bfloat16, got {array.dtype}")
    if beside is not None and arithmetic(array.dtype) != arithmetic(beside):
        raise TypeError(
            f"{name} must have the precision of the other arrays, {np.dtype(beside).name}, got {array.dtype}"
        )
    _shape(name, array, shape)
    return array


def arithmetic(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the arithmetic: float64 for float64 tables, else float32."""
    return np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)


def ids(name: str, value: ArrayLike, shape: Sequence[int | str], num_classes: int) -> Ids:
    """Return int64 ids of `shape`, every one in [0, num_classes)."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integer ids, got dtype {array.dtype}")
    _shape(name, array, shape)
    as_int64 = np.ascontiguousarray(array, dtype=np.int64)
    # As unsigned integers negative ids are large: one comparison checks both ends, on the path of every step.
    if as_int64.view(np.uint64).max(initial=0) >= num_classes:
        index, worst = _first((array < 0) | (array >= num_classes), array)
        raise ValueError(f"{name}[{index}] = {worst} is not a class id: ids are in [0, {num_classes})")
    return as_int64


def positive(name: str, array: Floats) -> None:
    """Raise ValueError unless all entries are above 0 and finite."""
    bad = ~((array > 0) & np.isfinite(array))
    if bad.any():
        index, value = _first(bad, array)
        raise ValueError(f"{name}[{index}] = {value} must be above 0 and finite: its logarithm is taken")


def labels(name: str, value: ArrayLike, num_true: int, num_classes: int) -> Ids:
    """Return int64 ids [batch_size, num_true]; [batch_size] is accepted when num_true is 1."""
    array = np.asarray(value)
    if array.ndim == 1 and num_true == 1:
        array = array[:, np.newaxis]
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


def described(value: object) -> str:
    """Return the type and the value for a message, in one line."""
    return f"{type(value).__name__} {shown(value)}"


def shown(value: object) -> str:
    """Return the value for a message, cut to one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."

"""Strategies of odd values: what a user may pass by mistake, and what a program computes when it has a mistake."""

import datetime
import decimal
import fractions
import pathlib

import numpy as np
from hypothesis import strategies as st


class Endless:
    """A value whose description is far longer than a line."""

    def __repr__(self):
        return "endless\n" * 100_000


class Unconvertible:
    """An array-like whose conversion fails."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("this array lives on another device")


# No whole number between 1000 and 2**40: work of that size is legitimate, and may take long.
NUMBERS = [-1, 0, 1, 2, 3, 7, 2**40, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, -(2**31), -(2**63)]
FLOATS = [0.0, -0.0, 0.5, 1.0, -1.0, 1e-320, 1e-45, 1e39, 1e308, float("nan"), float("inf"), -float("inf")]
STRINGS = ["", " ", "\n", "a\0b", "\udc80", "a" * 1000, "nan", "1", "no/such/file", "-", "é", "\u202e", "a b", "'\"$"]
OTHERS = [
    None,
    True,
    False,
    b"",
    b"\xff\x00",
    bytearray(b"ab"),
    memoryview(b"abc"),
    1j,
    decimal.Decimal("0.1"),
    fractions.Fraction(1, 3),
    datetime.date(2000, 1, 1),
    pathlib.Path("no/such/file"),
    range(3),
    slice(None),
    Ellipsis,
    NotImplemented,
    object(),
    object,
    int,
    len,
    Endless(),
    Unconvertible(),
    set(),
    {1, 2},
    frozenset("ab"),
    {},
    {"a": 1},
    np.float32(1.5),
    np.int8(-3),
    np.uint64(2**64 - 1),
    np.bool_(True),
    np.str_("word"),
    np.datetime64("2000-01-01"),
    np.ma.masked_array([1.0, 2.0], [True, False]),
]
DTYPES = [np.float16, np.float32, np.float64, np.longdouble, np.int8, np.int32, np.int64, np.uint64, np.bool_]
DTYPES += [np.complex64, "U3", "S2", object, "M8[s]", [("a", "i4"), ("b", "f8")], ">f4", ">i8"]
SHAPES = [(), (0,), (1,), (3,), (0, 0), (0, 4), (4, 0), (3, 1), (1, 4), (3, 4), (2, 3, 4), (1,) * 20]


@st.composite
def arrays(draw):
    """Return an array of any type and a small shape, whose memory may be laid out in any way."""
    shape, dtype = draw(st.sampled_from(SHAPES)), draw(st.sampled_from(DTYPES))
    array = np.zeros(shape, dtype)
    if array.dtype.kind in "iufb":
        array[...] = draw(st.sampled_from([0, 1, 3]))
    return draw(st.sampled_from([same, reversed_axes, strided, frozen, doubled]))(array)


def same(array):
    return array


def reversed_axes(array):
    return array.T


def strided(array):
    return np.repeat(array, 2, axis=0)[::2] if array.ndim else array


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def doubled(array):
    """Return the array twice: its batch no longer fits the others."""
    return np.concatenate([array, array]) if array.ndim else array


def spoiled(value, how):
    """Return an argument that was right, with one thing wrong, or None for a value that cannot be spoiled so."""
    if isinstance(value, tuple):
        return spoiled_field(value, how)
    try:
        array = np.asarray(value)
    except ValueError:  # sentences of different lengths
        return None
    if array.dtype.kind not in "iuf" or not array.ndim:
        return None
    with np.errstate(over="ignore"):  # 3e38 is infinite in half precision
        return spoiled_array(array.copy(), how)


def spoiled_field(fields, how):
    """Return a tuple with one of its arrays spoiled; of the fields that can be, `how` decides which."""
    changed = {i: new for i, field in enumerate(fields) if (new := spoiled(field, how)) is not None}
    if not changed:
        return None
    place = sorted(changed)[SPOILS.index(how) % len(changed)]
    new = [changed[i] if i == place else field for i, field in enumerate(fields)]
    return fields._make(new) if hasattr(fields, "_make") else tuple(new)


def spoiled_array(array, how):
    """Return an array with one thing wrong, or None."""
    if how in ("nan", "inf", "huge"):
        if array.dtype.kind != "f" or not array.size:
            return None
        array.reshape(-1)[-1] = {"nan": np.nan, "inf": -np.inf, "huge": 3e38}[how]
    elif how in ("negative", "too large"):
        if not array.size:
            return None
        array.reshape(-1)[-1] = -7 if how == "negative" else 10**6
    elif how == "empty":
        array = array[:0]
    elif how == "one more axis":
        array = array[..., np.newaxis]
    elif how in ("float64", "float16", "int32", "uint8", "object"):
        with np.errstate(all="ignore"):
            array = array.astype(how)
    else:
        array = {"same": same, "transposed": reversed_axes, "strided": strided, "frozen": frozen, "doubled": doubled}[
            how
        ](array)
    return array


SPOILS = ["nan", "inf", "huge", "negative", "too large", "empty", "one more axis", "float64", "float16", "int32"]
SPOILS += ["uint8", "object", "same", "transposed", "strided", "frozen", "doubled"]

scalars = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(FLOATS),
    st.sampled_from(STRINGS),
    st.sampled_from(OTHERS),
    st.text(max_size=8),
    st.floats(),
)
odd_values = st.one_of(
    scalars,
    arrays(),
    st.lists(scalars, max_size=3),
    st.lists(st.lists(scalars, max_size=2), max_size=3),
    st.tuples(scalars, scalars),
    st.builds(iter, st.lists(scalars, max_size=2)),
)

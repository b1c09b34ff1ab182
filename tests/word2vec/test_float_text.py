import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampledsoftmax.word2vec.vectors.float_text import rows_as_text, rows_of_text, shortest


def lines_of(rows):
    return [b"w " + " ".join(map(shortest, row)).encode() + b"\n" for row in rows]


def check_both_ways(rows):
    """Compare with what NumPy writes, and read it back bit by bit."""
    lines = lines_of(rows)
    assert [b"w " + text + b"\n" for text in rows_as_text(rows)] == lines
    names, back = rows_of_text("file", 1, lines, rows.shape[1])
    assert names == [b"w"] * len(rows)
    np.testing.assert_array_equal(back.view(np.uint32), rows.view(np.uint32))


def all_bits(count, seed):
    bits = np.random.default_rng(seed).integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32)
    values = bits.view(np.float32)
    return values[np.isfinite(values)]


RNG = np.random.default_rng(1)
NORMAL = RNG.normal(size=(40, 31))
KINDS = {
    "any bits": all_bits(2000, 1)[:1900].reshape(100, 19),
    "usual": NORMAL,
    "large and small": NORMAL * 10.0 ** RNG.integers(-16, 20, (40, 1)),
    "few digits": NORMAL.round(2),
    "whole": RNG.integers(-(2**27), 2**27, (40, 31)),
    "halves": NORMAL.astype(np.float16),
    "powers of two": 2.0 ** np.arange(-149, 128).reshape(1, -1),
    "powers of ten": 10.0 ** np.arange(-44, 39).reshape(1, -1),
    "next to them": np.nextafter((10.0 ** np.arange(-30, 30)).astype(np.float32), np.float32(0)).reshape(1, -1),
    "ties": np.arange(4_194_303, 4_194_403).reshape(10, 10) + 0.5,
    "zeros": np.array([[0.0, -0.0, 1.0], [5.0, 0.5, -1.5]]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_the_shortest_and_gives_the_same_bits_back(kind):
    check_both_ways(np.ascontiguousarray(KINDS[kind], dtype=np.float32))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_any_floats(numbers):
    check_both_ways(np.array([numbers], np.float32))


def test_float64_keeps_all_its_digits():
    rows = np.array([[1 / 3, 1e-300], [2.0**60, -0.0]])
    assert rows_as_text(rows) == [b"0.3333333333333333 1e-300", b"1.152921504606847e+18 -0.0"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e38, max_value=1e38), min_size=1))
def test_digits_of_other_programs_are_rounded_as_by_float(numbers):
    for form in ("%.17g", "%f", "%.3e", "%g"):
        texts = [form % number for number in numbers]
        _, rows = rows_of_text("file", 1, [("w " + " ".join(texts)).encode()], len(texts))
        np.testing.assert_array_equal(rows[0], np.array([float(text) for text in texts], np.float32))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"w 1", 1.0),
        (b"w 1. \r\n", 1.0),
        (b"w .5\n", 0.5),
        (b"w -.5   \n", -0.5),
        (b"w 1e5\n", 1e5),
        (b"w 1E5\n", 1e5),
        (b"w 1e+05\n", 1e5),
        (b"w +1\n", 1.0),
        (b"w 1e-60\n", 0.0),
        (b"w 123456789012345678901234567890\n", 1.2345679e29),
        (b"w 0.000000000000000000000000000001\n", 1e-30),
        (b"w 0000000000000000000000000000000.5\n", 0.5),
    ],
)
def test_numbers_as_other_programs_write_them(line, value):
    assert rows_of_text("file", 1, [line], 1)[1][0, 0] == np.float32(value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"w 1 2 3\n", "got 4 fields"),
        (b"w 1\n", "got 2 fields"),
        (b"w 1  2\n", "got 4 fields"),
        (b"w\n", "got 1 fields"),
        (b"\n", "got 1 fields"),
        (b"w 1 -\n", "could not convert"),
        (b"w 1 1e\n", "could not convert"),
        (b"w 1 1e5e5\n", "could not convert"),
        (b"w 1 1.2.3\n", "could not convert"),
        (b"w 1 .\n", "could not convert"),
        (b"w 1 nan\n", "number 2 is nan"),
        (b"w -inf 1\n", "number 1 is -inf"),
    ],
)
def test_what_is_no_number_is_named_with_its_line(line, message):
    with pytest.raises(ValueError, match=f"file, line 8: .*{message}"):
        rows_of_text("file", 7, [b"ok 1 2\n", line], 2)

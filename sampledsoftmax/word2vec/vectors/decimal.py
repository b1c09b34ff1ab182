"""Compiled loops between float32 and decimal digits; what they are not sure of is left to Python.

Both ways rest on one fact: a whole number below 2**53, times or over a power of ten up to 10**22, is rounded once in
float64, since all three are exact. Clinger, "How to read floating point numbers accurately", 1990.
"""

import math

import numpy as np

from sampledsoftmax.jit.decorators import jit

POWERS = 10.0 ** np.arange(23)
WIDTH = 24  # bytes of the longest number, "-1234567890123456.0", and a blank
UNSURE = -1

_BLANK, _MINUS, _PLUS, _DOT, _ZERO, _E = (ord(character) for character in " -+.0e")
_RETURN, _LINE_END = 13, 10
_FRACTION = 0x7FFFFF
_LEAST, _MOST = 1e-13, 1e16
_TIE = 1e-6


@jit
def write_rows(values, bits, powers, out, ends):
    """Write each row of float32 `values` into bytes `out` [rows, dim * WIDTH], numbers parted by blanks.

    `bits` are the values as uint32. `ends[i]` becomes the bytes of row i, or UNSURE.
    """
    for i in range(values.shape[0]):
        row, at = out[i], 0
        for j in range(values.shape[1]):
            at = _write(values[i, j], bits[i, j], powers, row, at)
            if at == UNSURE:
                break
            row[at] = _BLANK
            at += 1
        ends[i] = at - 1 if at > 0 else at


@jit
def read_rows(data, starts, powers, values, name_ends):
    """Read lines of a word and the numbers of a row of `values`, parted by one blank each.

    Line i is data[starts[i]:starts[i + 1]]. `name_ends[i]` becomes the place in `data` behind its word, or UNSURE.
    """
    for i in range(values.shape[0]):
        at, end = starts[i], starts[i + 1]
        while end > at and (data[end - 1] == _LINE_END or data[end - 1] == _RETURN or data[end - 1] == _BLANK):
            end -= 1
        while at < end and data[at] != _BLANK:
            at += 1
        name_ends[i] = at
        for j in range(values.shape[1]):
            is_parted = at < end and data[at] == _BLANK
            at = _read(data, at + 1, end, powers, values, i, j) if is_parted else UNSURE
            if at == UNSURE:
                break
        if at != end:
            name_ends[i] = UNSURE


@jit
def _write(value, bits, powers, out, at):
    """Write the shortest digits that are nearer to `value` than to any other float32; return where they end."""
    if bits >> 31:
        out[at] = _MINUS
        at += 1
    size = abs(np.float64(value))
    if size == 0.0:
        return _write_plain(0, 1, 0, out, at)
    # around a power of two the floats below are nearer than those above: rounding to the nearest is not enough
    if (bits & _FRACTION) == 0 or not (_LEAST <= size < _MOST):
        return UNSURE
    exponent = math.floor(math.log10(size))
    digits = _scaled(size, 8 - exponent, powers)
    if digits < 1e8:
        exponent -= 1
        digits = _scaled(size, 8 - exponent, powers)
    elif digits >= 1e9:
        exponent += 1
        digits = _scaled(size, 8 - exponent, powers)
    for zeros in range(3, -1, -1):  # six digits always tell less than floats do, nine always enough
        unit = powers[zeros]
        whole = math.floor(digits / unit)
        over = digits / unit - whole
        if abs(over - 0.5) < _TIE:
            return UNSURE
        rounded = np.int64((whole + (1.0 if over > 0.5 else 0.0)) * unit)
        if np.float32(_scaled(np.float64(rounded), exponent - 8, powers)) == np.float32(size):
            if rounded == 1_000_000_000:
                rounded, exponent = 100_000_000, exponent + 1
            count = 9
            while rounded % 10 == 0:
                rounded //= 10
                count -= 1
            if size >= 1e-4:
                return _write_plain(rounded, count, exponent, out, at)
            return _write_with_exponent(rounded, count, exponent, out, at)
    return UNSURE


@jit
def _scaled(number, power, powers):
    return number * powers[power] if power >= 0 else number / powers[-power]


@jit
def _write_digits(number, count, out, at):
    for place in range(count - 1, -1, -1):
        out[at + place] = _ZERO + number % 10
        number //= 10
    return at + count


@jit
def _write_plain(number, count, exponent, out, at):
    """Write `count` digits, the first of which counts 10**exponent."""
    if exponent < 0:
        out[at], out[at + 1] = _ZERO, _DOT
        at = _write_digits(0, -exponent - 1, out, at + 2)
        return _write_digits(number, count, out, at)
    at = _write_digits(number, count, out, at)
    for _ in range(exponent + 2 - count):
        out[at] = _ZERO
        at += 1
        count += 1
    behind = count - exponent - 1  # digits behind the dot move on by one
    for place in range(behind):
        out[at - place] = out[at - place - 1]
    out[at - behind] = _DOT
    return at + 1


@jit
def _write_with_exponent(number, count, exponent, out, at):
    start = at
    at = _write_digits(number, count, out, at + 1)
    out[start] = out[start + 1]
    out[start + 1] = _DOT
    if count == 1:
        at = start + 1
    out[at], out[at + 1] = _E, _MINUS
    return _write_digits(-exponent, 2, out, at + 2)


@jit
def _read(data, at, end, powers, values, i, j):
    """Read a number into values[i, j] and return where it ends."""
    is_negative = at < end and data[at] == _MINUS
    if is_negative:
        at += 1
    number, power, count, seen_dot = np.int64(0), 0, 0, False
    while at < end and data[at] != _BLANK and data[at] != _E:
        digit = np.int64(data[at]) - _ZERO
        if 0 <= digit <= 9:
            number = number * 10 + digit
            count += 1
            power -= seen_dot
        elif data[at] == _DOT and not seen_dot:
            seen_dot = True
        else:
            return UNSURE
        if number >= 2**53 // 10:
            return UNSURE
        at += 1
    if count == 0:
        return UNSURE
    if at < end and data[at] == _E:
        at, written = _read_exponent(data, at + 1, end)
        power += written
    if at == UNSURE or not -22 <= power <= 22:
        return UNSURE
    value = _scaled(np.float64(number), power, powers)
    values[i, j] = -value if is_negative else value
    return at


@jit
def _read_exponent(data, at, end):
    is_negative = at < end and data[at] == _MINUS
    if is_negative or (at < end and data[at] == _PLUS):
        at += 1
    first, power = at, 0
    while at < end and 0 <= np.int64(data[at]) - _ZERO <= 9 and at - first < 4:
        power = power * 10 + np.int64(data[at]) - _ZERO
        at += 1
    if at == first or (at < end and data[at] != _BLANK):
        return UNSURE, 0
    return at, -power if is_negative else power

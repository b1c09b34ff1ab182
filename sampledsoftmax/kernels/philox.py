"""Philox4x32-10, the counter-based generator behind every random number here.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the
constants are those of its section 3.3. A block of four 32-bit words is a pure function of
(seed, stream, block), so any position of any stream can be read without the ones before it.

Words are held in uint64, so that the 32 x 32 bit products fit and the code runs without the JIT too.
"""

import numpy as np

from sampledsoftmax.kernels.jit import jit

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW_32 = np.uint64(0xFFFFFFFF)
_LOW_20 = np.uint64(0xFFFFF)
_LOW_23 = np.uint64(0x7FFFFF)
_LOW_64 = np.uint64(0xFFFFFFFFFFFFFFFF)
_SHIFT_32 = np.uint64(32)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_2_TO_MINUS_52 = 2.0**-52
_2_TO_MINUS_23 = 2.0**-23

# A cursor is a uint64 array [8]: seed, stream, next block, words used of the current block, its 4 words.
_SEED, _STREAM, _BLOCK, _USED, _WORDS = 0, 1, 2, 3, 4


@jit
def philox_block(seed, stream, block):
    """Return the four 32-bit words (in uint64) of one block; all three arguments are uint64."""
    key_0, key_1 = seed & _LOW_32, seed >> _SHIFT_32
    c_0, c_1 = block & _LOW_32, block >> _SHIFT_32
    c_2, c_3 = stream & _LOW_32, stream >> _SHIFT_32
    for _ in range(10):
        product_0 = _MULTIPLIER_0 * c_0
        product_1 = _MULTIPLIER_1 * c_2
        c_0 = (product_1 >> _SHIFT_32) ^ c_1 ^ key_0
        c_1 = product_1 & _LOW_32
        c_2 = (product_0 >> _SHIFT_32) ^ c_3 ^ key_1
        c_3 = product_0 & _LOW_32
        key_0 = (key_0 + _WEYL_0) & _LOW_32
        key_1 = (key_1 + _WEYL_1) & _LOW_32
    return c_0, c_1, c_2, c_3


def cursor_at(seed: int, stream: int, block: int) -> np.ndarray:
    """Return a cursor whose next word is the first of `block`."""
    return np.array([seed, stream, block, 4, 0, 0, 0, 0], dtype=np.uint64)


@jit
def next_word(cursor):
    """Return the next 32-bit word (in uint64) and move the cursor on."""
    used = np.int64(cursor[_USED])
    if used == 4:
        words = philox_block(cursor[_SEED], cursor[_STREAM], cursor[_BLOCK])
        for i in range(4):
            cursor[_WORDS + i] = words[i]
        cursor[_BLOCK] += _ONE
        used = 0
    cursor[_USED] = used + 1
    return cursor[_WORDS + used]


@jit
def next_double(cursor):
    """Return the next float64 in [0, 1): 52 bits, the low 20 of one word above all of the next."""
    high = next_word(cursor) & _LOW_20
    return np.float64((high << _SHIFT_32) | next_word(cursor)) * _2_TO_MINUS_52


@jit
def next_single(cursor):
    """Return the next float32 in [0, 1): the low 23 bits of one word."""
    return np.float32(np.float64(next_word(cursor) & _LOW_23) * _2_TO_MINUS_23)


@jit
def next_below(cursor, n):
    """Return the next integer in [0, n) of 64-bit draws, the first word of each its low half; `n` is uint64.

    Every value is equally likely: draws below the remainder of 2**64 / n are thrown away.
    """
    least = _ZERO if n & (n - _ONE) == _ZERO else _LOW_64 % n + _ONE
    while True:
        low = next_word(cursor)
        draw = (next_word(cursor) << _SHIFT_32) | low
        if draw >= least:
            return draw % n


@jit
def next_below_32(cursor, n):
    """Return the next integer in [0, n) of 32-bit draws; `n` is uint64 and at most 2**32 - 1."""
    least = _ZERO if n & (n - _ONE) == _ZERO else _LOW_32 % n + _ONE
    while True:
        draw = next_word(cursor)
        if draw >= least:
            return draw % n

"""Philox4x32-10, the counter-based generator of all random numbers in kernels.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the
constants are those of its section 3.3. A block of four 32-bit words is a pure function of
(seed, stream, block), so any position of any stream can be read without the ones before it.

Words are held in uint64, so that the 32 x 32 bit products fit and the code also runs without the JIT.
"""

import numpy as np

from sampledsoftmax.jit.decorators import jit

LARGEST_32, LARGEST_64 = np.uint64(2**32 - 1), np.uint64(2**64 - 1)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW_20 = np.uint64(0xFFFFF)
_SHIFT_32 = np.uint64(32)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_ONE_BITS = np.uint64(1023 << 52)

# A cursor is a uint64 array [8]: seed, stream, block of the next word, number of words used of that block, and the
# block's two pairs of words, valid once one word is used. The first word of a pair is its low half.
_SEED, _STREAM, _BLOCK, _USED, _PAIRS = 0, 1, 2, 3, 4


@jit
def _round(c_0, c_1, c_2, c_3, key_0, key_1):
    """Return the counter after one round; bits above the low 32 are ignored."""
    product_0 = _MULTIPLIER_0 * (c_0 & LARGEST_32)
    product_1 = _MULTIPLIER_1 * (c_2 & LARGEST_32)
    return (product_1 >> _SHIFT_32) ^ c_1 ^ key_0, product_1, (product_0 >> _SHIFT_32) ^ c_3 ^ key_1, product_0


@jit
def philox_block(seed, stream, block):
    """Return the four 32-bit words (in uint64) of one block; all three arguments are uint64."""
    key_0, key_1 = seed & LARGEST_32, seed >> _SHIFT_32
    c_0, c_1, c_2, c_3 = block, block >> _SHIFT_32, stream, stream >> _SHIFT_32
    for _ in range(10):
        c_0, c_1, c_2, c_3 = _round(c_0, c_1, c_2, c_3, key_0, key_1)
        key_0 += _WEYL_0
        key_1 += _WEYL_1
    return c_0 & LARGEST_32, c_1 & LARGEST_32, c_2 & LARGEST_32, c_3 & LARGEST_32


@jit
def fill_blocks(seed, stream, block, out):
    """Fill uint64 out[2 * number of blocks]: `philox_block` in a form that vectorizes."""
    for i in range(out.size // 2):
        key_0, key_1 = seed & LARGEST_32, seed >> _SHIFT_32
        number = block + np.uint64(i)
        c_0, c_1, c_2, c_3 = number, number >> _SHIFT_32, stream, stream >> _SHIFT_32
        for _ in range(10):
            c_0, c_1, c_2, c_3 = _round(c_0, c_1, c_2, c_3, key_0, key_1)
            key_0 += _WEYL_0
            key_1 += _WEYL_1
        out[2 * i] = (c_0 & LARGEST_32) | (c_1 << _SHIFT_32)
        out[2 * i + 1] = (c_2 & LARGEST_32) | (c_3 << _SHIFT_32)


def cursor_at(seed: int, stream: int, block: int) -> np.ndarray:
    """Return a cursor whose next word is the first of `block`."""
    return np.array([seed, stream, block, 0, 0, 0, 0, 0], dtype=np.uint64)


@jit
def seek(cursor, seed, stream, block):
    """Move a cursor to the first word of `block`; all three arguments are uint64."""
    cursor[_SEED], cursor[_STREAM], cursor[_BLOCK], cursor[_USED] = seed, stream, block, _ZERO


@jit
def next_word(cursor):
    """Return the next 32-bit word (in uint64) and advance the cursor."""
    used = np.int64(cursor[_USED])
    if used == 0:
        fill_blocks(cursor[_SEED], cursor[_STREAM], cursor[_BLOCK], cursor[_PAIRS : _PAIRS + 2])
    cursor[_USED] = np.uint64((used + 1) % 4)
    if used == 3:
        cursor[_BLOCK] += _ONE
    pair = cursor[_PAIRS + used // 2]
    return pair >> _SHIFT_32 if used % 2 == 1 else pair & LARGEST_32


@jit
def next_pair(cursor):
    """Return the next two words, the first of them in the low half."""
    low = next_word(cursor)
    return low | (next_word(cursor) << _SHIFT_32)


@jit
def next_pairs(cursor, out):
    """Fill uint64 `out` with the next pairs of words and advance the cursor."""
    i = 0
    while i < out.size:
        num_blocks = (out.size - i) // 2
        if num_blocks > 0 and cursor[_USED] == _ZERO:
            fill_blocks(cursor[_SEED], cursor[_STREAM], cursor[_BLOCK], out[i : i + 2 * num_blocks])
            cursor[_BLOCK] += np.uint64(num_blocks)
            i += 2 * num_blocks
        else:  # up to the next block; after an odd word all pairs straddle blocks
            out[i] = next_pair(cursor)
            i += 1


@jit
def least_fair(largest, n):
    """Return the least draw to keep when draws from [0, largest] are taken modulo n; all are uint64.

    Draws below the remainder of (largest + 1) / n are rejected, so that every value is equally likely;
    `largest` is LARGEST_32 or LARGEST_64.
    """
    return _ZERO if n & (n - _ONE) == _ZERO else largest % n + _ONE


@jit
def next_fair_words(cursor, least, out):
    """Fill uint64 `out` with the next words that are at least `least`."""
    filled = 0
    while filled < out.size:
        missing = out[filled:]
        pairs = missing[(missing.size + 1) // 2 :]  # read before their words are written over them
        next_pairs(cursor, pairs)
        for pair in pairs:
            out[filled] = pair & LARGEST_32
            filled += out[filled] >= least
            out[filled] = pair >> _SHIFT_32
            filled += out[filled] >= least
        if missing.size % 2 == 1:
            out[filled] = next_word(cursor)
            filled += out[filled] >= least


@jit
def next_fair_pairs(cursor, least, out):
    """Fill uint64 `out`: the next word in the low half, the first later word of at least `least` in the high half."""
    next_pairs(cursor, out)
    filled = 0
    waiting, low = False, _ZERO  # whether a low word has no high word yet
    for pair in out:
        first, second = pair & LARGEST_32, pair >> _SHIFT_32
        if waiting and first >= least:
            out[filled] = low | (first << _SHIFT_32)
            filled += 1
            low = second
        else:
            low = low if waiting else first
            waiting = second < least
            out[filled] = low | (second << _SHIFT_32)
            filled += not waiting
    while filled < out.size:
        low = low if waiting else next_word(cursor)
        second = next_word(cursor)
        waiting = second < least
        out[filled] = low | (second << _SHIFT_32)
        filled += not waiting


@jit
def mantissa(pair):
    """Return the 52 bits of a float64: the low 20 of the first word above all of the second."""
    return ((pair & _LOW_20) << _SHIFT_32) | (pair >> _SHIFT_32)


@jit
def unit_double(bits):
    """Return the float64 in [0, 1) of 52 bits: with the exponent of 1.0 they are a number in [1, 2)."""
    return np.uint64(bits | _ONE_BITS).view(np.float64) - 1.0


@jit
def next_double(cursor):
    """Return the next float64 in [0, 1)."""
    return unit_double(mantissa(next_pair(cursor)))

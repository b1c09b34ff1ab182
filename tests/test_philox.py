import numpy as np
import pytest

from sampledsoftmax import reference
from sampledsoftmax.kernels.sampling.philox import (
    cursor_at,
    next_double,
    next_fair_pairs,
    next_fair_words,
    next_pairs,
    next_word,
    philox_block,
    seek,
)

# Known answers of the Random123 distribution for philox4x32-10: key words, counter words, output words.
KNOWN = [
    ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def joined(low, high):
    return np.uint64(low | high << 32)


@pytest.mark.parametrize(("key", "counter", "expected"), KNOWN)
def test_block_has_the_known_answers(key, counter, expected):
    block = philox_block(joined(*key), joined(*counter[2:]), joined(*counter[:2]))
    assert tuple(int(word) for word in block) == expected


def test_words_of_a_cursor_are_those_of_consecutive_blocks():
    seed, stream, first = 87654321, 3 << 40, 2**32 - 1  # the block number carries into its high word
    cursor = cursor_at(seed, stream, first)
    words = [int(next_word(cursor)) for _ in range(11)]
    assert words == reference.philox_words(seed, stream, first, 3)[:11].tolist()


def test_doubles_are_in_the_unit_interval_and_use_52_bits():
    cursor = cursor_at(1, 2, 0)
    doubles = np.array([next_double(cursor) for _ in range(100)])
    assert ((doubles >= 0) & (doubles < 1)).all()
    assert (doubles * 2.0**52 == np.floor(doubles * 2.0**52)).all()
    assert (doubles * 2.0**50 != np.floor(doubles * 2.0**50)).any()


@pytest.mark.parametrize("used", range(6))
@pytest.mark.parametrize("num_pairs", [0, 1, 2, 3, 4, 7, 64, 65])
def test_pairs_are_words_from_any_position_on(used, num_pairs):
    cursor, one_by_one = cursor_at(9, 8, 7), cursor_at(9, 8, 7)
    for _ in range(used):
        next_word(cursor)
        next_word(one_by_one)
    pairs = np.empty(num_pairs, np.uint64)
    next_pairs(cursor, pairs)
    words = [int(next_word(one_by_one)) for _ in range(2 * num_pairs)]
    assert [int(half) for pair in pairs for half in divmod(int(pair), 2**32)[::-1]] == words
    assert next_word(cursor) == next_word(one_by_one)


@pytest.mark.parametrize("least", [0, 2**20, 2**31, 2**32 - 2**29])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65])
@pytest.mark.parametrize("used", [0, 1, 2])
def test_fair_words_are_those_that_are_large_enough(least, size, used):
    cursor, one_by_one = cursor_at(3, 2, 1), cursor_at(3, 2, 1)
    for _ in range(used):
        next_word(cursor)
        next_word(one_by_one)
    for _ in range(2):
        out = np.empty(size, np.uint64)
        next_fair_words(cursor, np.uint64(least), out)
        assert out.tolist() == [fair(one_by_one, least) for _ in out]
    for _ in range(2):
        next_fair_pairs(cursor, np.uint64(least), out)
        assert out.tolist() == [int(next_word(one_by_one)) + (fair(one_by_one, least) << 32) for _ in out]
    assert next_word(cursor) == next_word(one_by_one)


def fair(cursor, least):
    word = int(next_word(cursor))
    return word if word >= least else fair(cursor, least)


def test_a_cursor_is_placed_as_it_is_made():
    cursor = cursor_at(1, 2, 3)
    next_word(cursor)
    seed, stream, block = np.uint64(2**64 - 1), np.uint64(5), np.uint64(2**63)
    seek(cursor, seed, stream, block)
    assert next_word(cursor) == next_word(cursor_at(2**64 - 1, 5, 2**63))

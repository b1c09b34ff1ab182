import numpy as np
import pytest

from sampledsoftmax import reference
from sampledsoftmax.kernels.philox import cursor_at, next_double, next_word, philox_block

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

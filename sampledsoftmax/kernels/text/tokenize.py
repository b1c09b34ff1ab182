"""Text to word ids: UTF-8 bytes are cut at blanks into tokens, and each one is looked up in a table of words.

The table is open addressing over the bytes of the words. A slot holds 1 + the id of a word in its low 32 bits and the
high half of the word's hash above them, so that most other words are told apart without a look at their letters; 0 is
a free slot. The letters of word `i` are `letters[starts[i]:starts[i + 1]]`. Hashes are FNV-1a (Fowler, Noll, Vo; RFC
9923): they are the same in any process.
"""

import numpy as np

from sampledsoftmax.jit.decorators import jit

_OFFSET_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_HIGH = np.uint64(0xFFFFFFFF00000000)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_LINE_END = 10


@jit
def cut_tokens(data, spans, hashes, ends):
    """Write first and last place and hash of each token, and for each line end how many tokens stand before it.

    Parameters
    ----------
    data : uint8 [num_bytes]
        Valid UTF-8.
    spans : uint64 [at least the tokens of data, 2]
        `data[spans[i, 0]:spans[i, 1]]` is token `i`.
    hashes : uint64 [at least the tokens of data]
    ends : int64 [at least the line ends of data]

    Returns
    -------
    num_tokens, num_ends : int
    """
    i, size = np.uint64(0), np.uint64(data.size)  # unsigned: Numba need not ask whether an index is below zero
    num_tokens = num_ends = 0
    while i < size:
        byte = data[i]
        width = _blank_at(data, i, byte)
        if width > 0:
            if byte == _LINE_END:
                ends[num_ends] = num_tokens
                num_ends += 1
            i += np.uint64(width)
            continue
        spans[num_tokens, 0] = i
        hashed = _OFFSET_BASIS
        while width == 0:
            hashed = (hashed ^ np.uint64(byte)) * _PRIME
            i += _ONE
            if i == size:
                break
            byte = data[i]
            width = _blank_at(data, i, byte)
        spans[num_tokens, 1] = i
        hashes[num_tokens] = hashed
        num_tokens += 1
    return num_tokens, num_ends


@jit
def find_words(data, spans, hashes, first, num_tokens, slots, known, starts, letters, counts, num_words, ids):
    """Write the ids of tokens from `first` on; a token that the table does not know becomes its next word.

    Stops before a new word where the table is full.

    Parameters
    ----------
    data, spans, hashes
        What `cut_tokens` took and gave, `num_tokens` tokens.
    slots : uint64 [a power of two, at least 2 * max_words]
        Is changed as are the next four, which are: `known` uint64 [max_words], the hash of each word; `starts` uint64
        [max_words + 1]; `letters` uint8, with room for all of `data`; `counts` int64 [max_words].
    num_words : int
        Words that the table holds.
    ids : int32 [num_tokens]

    Returns
    -------
    next_token, num_words : int
    """
    last = np.uint64(slots.size - 1)
    for token in range(first, num_tokens):
        hashed, start, end = hashes[token], spans[token, 0], spans[token, 1]
        slot = _first_slot(hashed, last)
        held = slots[slot]
        word = np.int64(held & _LOW) - 1
        while word >= 0:
            if (held ^ hashed) <= _LOW and _is_word(data, start, end, letters, starts[word], starts[word + 1]):
                break
            slot = (slot + _ONE) & last
            held = slots[slot]
            word = np.int64(held & _LOW) - 1
        if word < 0:
            if num_words == known.size:
                return token, num_words
            word = num_words
            slots[slot] = (hashed & _HIGH) | np.uint64(word + 1)
            known[word] = hashed
            starts[word + 1] = starts[word] + end - start
            _copy(data, start, end, letters, starts[word])
            num_words += 1
        counts[word] += 1
        ids[token] = word
    return num_tokens, num_words


@jit
def fill_slots(hashes, num_words, slots):
    """Write words that differ from one another into empty slots."""
    last = np.uint64(slots.size - 1)
    for word in range(num_words):
        slot = _first_slot(hashes[word], last)
        while slots[slot] != 0:
            slot = (slot + _ONE) & last
        slots[slot] = (hashes[word] & _HIGH) | np.uint64(word + 1)


@jit
def _blank_at(data, i, byte):
    """Return how many bytes the blank at `i` has, or 0 for a letter; blanks are those of `str.split`."""
    if byte > 32 and byte < 0xC2:
        return 0
    if byte <= 32:
        return 1 if byte == 32 or (byte >= 9 and byte <= 13) or byte >= 28 else 0
    return _wide_blank_at(data, i) if byte <= 0xE3 else 0


@jit
def _wide_blank_at(data, i):
    """Return the width of a blank outside ASCII: U+0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000."""
    first, second = data[i], data[i + _ONE]
    if first == 0xC2:
        return 2 if second in (0x85, 0xA0) else 0
    if first not in (0xE1, 0xE2, 0xE3):
        return 0
    third = data[i + _ONE + _ONE]
    if first == 0xE1:
        is_blank = second == 0x9A and third == 0x80
    elif first == 0xE3:
        is_blank = second == 0x80 and third == 0x80
    elif second == 0x80:
        is_blank = third <= 0x8A or third in (0xA8, 0xA9, 0xAF)
    else:
        is_blank = second == 0x81 and third == 0x9F
    return 3 if is_blank else 0


@jit
def _first_slot(hashed, last):
    # A product carries upwards only: its low bits do not know the high ones of what was multiplied.
    return (hashed ^ (hashed >> _HALF)) & last


@jit
def _is_word(data, start, end, letters, first, last):
    if last - first != end - start:
        return False
    while start < end:
        if letters[first] != data[start]:
            return False
        first += _ONE
        start += _ONE
    return True


@jit
def _copy(data, start, end, letters, first):
    while start < end:
        letters[first] = data[start]
        first += _ONE
        start += _ONE

"""Text to token ids: split UTF-8 bytes at white space, and look each token up in a hash table of words.

The table is open addressing over the bytes of the words. A bucket holds 1 + the id of a word in its low 32 bits and the
high half of the word's hash above them, so that most other words are ruled out without comparing letters; 0 is an empty
bucket. The letters of word `i` are `letters[starts[i]:starts[i + 1]]`. Hashes are FNV-1a (Fowler, Noll, Vo; RFC 9923):
they are the same in every process.
"""

import numpy as np

from sampledsoftmax.jit.decorators import jit

_OFFSET_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_HIGH = np.uint64(0xFFFFFFFF00000000)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_TWO = np.uint64(2)
_LINE_END = 10
# UTF-8: bytes below the first limit are ASCII, those up to the second continue a character, the others begin one.
_ASCII_END, _FIRST_OF_TWO, _FIRST_OF_THREE, _FIRST_OF_FOUR = 0x80, 0xC2, 0xE0, 0xF0


@jit
def tokenize_text(data, white_space, spans, hashes, ends):
    """Write the span and the hash of each token, and for each line end the number of tokens before it.

    Parameters
    ----------
    data : uint8 [num_bytes]
        Valid UTF-8.
    white_space : uint8 [code points]
        `IS_WHITE_SPACE`.
    spans : uint64 [at least the tokens of data, 2]
        `data[spans[i, 0]:spans[i, 1]]` is token `i`.
    hashes : uint64 [at least the tokens of data]
    ends : int64 [at least the line ends of data]

    Returns
    -------
    num_tokens, num_ends : int
    """
    i, size = np.uint64(0), np.uint64(data.size)  # unsigned: Numba then omits the test for negative indices
    num_tokens = num_ends = 0
    while i < size:
        byte = data[i]
        width = _white_space_width(data, i, byte, white_space)
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
            width = _white_space_width(data, i, byte, white_space)
        spans[num_tokens, 1] = i
        hashes[num_tokens] = hashed
        num_tokens += 1
    return num_tokens, num_ends


@jit
def look_up_words(data, spans, hashes, first, num_tokens, buckets, known, starts, letters, counts, num_words, ids):
    """Write the ids of the tokens from `first` on; a token that is not in the table becomes its next word.

    Stops before a new word if the table is full.

    Parameters
    ----------
    data, spans, hashes
        Input and output of `tokenize_text`, `num_tokens` tokens.
    buckets : uint64 [a power of two, at least 2 * max_words]
        Modified, as are the next four: `known` uint64 [max_words], the hash of each word; `starts` uint64
        [max_words + 1]; `letters` uint8, with room for all of `data`; `counts` int64 [max_words].
    num_words : int
        Words in the table.
    ids : int32 [num_tokens]

    Returns
    -------
    next_token, num_words : int
    """
    mask = np.uint64(buckets.size - 1)
    for token in range(first, num_tokens):
        hashed, start, end = hashes[token], spans[token, 0], spans[token, 1]
        bucket = _first_bucket(hashed, mask)
        held = buckets[bucket]
        word = np.int64(held & _LOW) - 1
        while word >= 0:
            if (held ^ hashed) <= _LOW and _is_word(data, start, end, letters, starts[word], starts[word + 1]):
                break
            bucket = (bucket + _ONE) & mask
            held = buckets[bucket]
            word = np.int64(held & _LOW) - 1
        if word < 0:
            if num_words == known.size:
                return token, num_words
            word = num_words
            buckets[bucket] = (hashed & _HIGH) | np.uint64(word + 1)
            known[word] = hashed
            starts[word + 1] = starts[word] + end - start
            _copy(data, start, end, letters, starts[word])
            num_words += 1
        counts[word] += 1
        ids[token] = word
    return num_tokens, num_words


@jit
def fill_buckets(hashes, num_words, buckets):
    """Insert distinct words into empty buckets."""
    mask = np.uint64(buckets.size - 1)
    for word in range(num_words):
        bucket = _first_bucket(hashes[word], mask)
        while buckets[bucket] != 0:
            bucket = (bucket + _ONE) & mask
        buckets[bucket] = (hashes[word] & _HIGH) | np.uint64(word + 1)


@jit
def _white_space_width(data, i, byte, white_space):
    """Return the number of bytes of the white-space character at `i`, 0 if there is none."""
    if byte < _ASCII_END:
        return 1 if white_space[byte] else 0
    if byte < _FIRST_OF_TWO or byte >= _FIRST_OF_FOUR:
        return 0
    width, code = 2, np.int64(byte & 0x1F) << 6 | np.int64(data[i + _ONE] & 0x3F)
    if byte >= _FIRST_OF_THREE:
        width, code = 3, (code & 0x3FF) << 6 | np.int64(data[i + _TWO] & 0x3F)
    return width if code < white_space.size and white_space[code] else 0


@jit
def _first_bucket(hashed, mask):
    # A product carries upwards only: its low bits do not depend on the high bits of its factors.
    return (hashed ^ (hashed >> _HALF)) & mask


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

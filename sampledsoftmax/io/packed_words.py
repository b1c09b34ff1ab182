"""Words and other ids as arrays, for files: any str and any int comes back as it was."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Word: TypeAlias = str | int  # as in word2vec/encoding/sentences.py

_WORDS, _ENDS, _ARE_INTS = "words", "word_ends", "words_are_ints"
PACKED = _WORDS, _ENDS, _ARE_INTS  # the names of the arrays
_ENCODING = ("utf-8", "surrogatepass")


def pack_words(words: Sequence[Word]) -> dict[str, NDArray[np.generic]]:
    r"""Return words as arrays, without a separator that a word could contain.

    Returns
    -------
    dict
        words : uint8 [num_bytes]: all words in UTF-8, lone surrogates included; ints in hexadecimal.
        word_ends : int64 [num_words]: where each word ends.
        words_are_ints : bool [num_words].

    Examples
    --------
    >>> arrays = pack_words(["to", 12, "a\nb"])
    >>> arrays["words"].tobytes(), arrays["word_ends"].tolist()
    (b'toca\nb', [2, 3, 6])
    >>> unpack_words(arrays)
    ['to', 12, 'a\nb']
    """
    data, sizes = bytearray(), np.empty(len(words), np.int64)
    for i, word in enumerate(words):
        encoded = (word if isinstance(word, str) else f"{word:x}").encode(*_ENCODING)
        sizes[i] = len(encoded)
        data += encoded
    return {
        _WORDS: np.frombuffer(data, np.uint8),
        _ENDS: np.cumsum(sizes),
        _ARE_INTS: np.fromiter((not isinstance(word, str) for word in words), np.bool_, len(words)),
    }


def unpack_words(arrays: Mapping[str, NDArray[np.generic]]) -> list[Word]:
    """Return the words of `pack_words`, or of files of earlier releases, whose words are separated by line ends.

    Raises
    ------
    KeyError, ValueError
        The arrays do not fit together.
    """
    data = arrays[_WORDS].tobytes()
    if _ENDS not in arrays:
        return list(data.decode(*_ENCODING).split("\n"))
    ends = [0, *arrays[_ENDS].tolist()]
    are_ints = arrays[_ARE_INTS].tolist()
    if len(are_ints) != len(ends) - 1 or ends[-1] != len(data) or any(end < start for start, end in pairwise(ends)):
        raise ValueError(f"words of {len(data)} bytes do not fit their {len(ends) - 1} ends")
    words = [data[start:end].decode(*_ENCODING) for start, end in pairwise(ends)]
    return [int(word, 16) if is_int else word for word, is_int in zip(words, are_ints, strict=True)]

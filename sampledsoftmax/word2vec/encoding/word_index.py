"""Hash tables that number the distinct words of a corpus and count them: for text, for ids, and for token lists."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.text.number_ids import fill_id_buckets, number_ids
from sampledsoftmax.kernels.text.tokenize import fill_buckets, look_up_words, tokenize_text
from sampledsoftmax.kernels.text.white_space import IS_WHITE_SPACE
from sampledsoftmax.word2vec.encoding.sentences import Word

_MAX_WORDS = 2**31 - 1


class TokenBlock(NamedTuple):
    """A block of a corpus as provisional ids: words are numbered in the order of their first appearance.

    Attributes
    ----------
    ids : int32 [num_tokens]
    ends : int64 [num_sentence_ends]
        Number of tokens before each end of a sentence.
    """

    ids: NDArray[np.int32]
    ends: NDArray[np.int64]


class WordIndex(Protocol):
    """The distinct words of a corpus, by provisional id."""

    def words(self, ids: NDArray[np.int64]) -> list[Word]:
        """Return the words with these ids."""

    def counts(self) -> NDArray[np.int64]:
        """Return the number of occurrences of each word."""


class TextIndex:
    r"""Words of UTF-8 text, in a compiled hash table.

    Examples
    --------
    >>> index = TextIndex()
    >>> index.add(b"to be or not\nto be")
    TokenBlock(ids=array([0, 1, 2, 3, 0, 1], dtype=int32), ends=array([4]))
    >>> index.words(np.array([0, 3])), index.counts()
    (['to', 'not'], array([2, 2, 1, 1]))
    """

    def __init__(self, max_words: int = 2**16) -> None:
        self._num_words = 0
        self._hashes = np.zeros(max_words, np.uint64)
        self._starts = np.zeros(max_words + 1, np.uint64)
        self._counts = np.zeros(max_words, np.int64)
        self._letters = np.zeros(2**20, np.uint8)
        self._buckets = _empty_buckets(max_words)

    def add(self, text: bytes) -> TokenBlock:
        """Return the ids of the tokens of valid UTF-8; new tokens become words."""
        data = np.frombuffer(text, np.uint8)
        max_tokens = len(text) // 2 + 1
        spans, hashes = np.empty((max_tokens, 2), np.uint64), np.empty(max_tokens, np.uint64)
        ends = np.empty(text.count(b"\n"), np.int64)
        with np.errstate(over="ignore"):  # hashes are modulo 2**64; NumPy warns if nothing is compiled
            num_tokens, _ = tokenize_text(data, IS_WHITE_SPACE, spans, hashes, ends)
        self._reserve_letters(data.size)
        ids, done = np.empty(num_tokens, np.int32), 0
        while True:
            table = self._buckets, self._hashes, self._starts, self._letters, self._counts
            done, self._num_words = look_up_words(data, spans, hashes, done, num_tokens, *table, self._num_words, ids)
            if done == num_tokens:
                return TokenBlock(ids, ends)
            self._grow()

    def words(self, ids: NDArray[np.int64]) -> list[Word]:
        """Return the words with these ids."""
        letters = self._letters.data
        starts, ends = self._starts[ids].tolist(), self._starts[ids + 1].tolist()
        return [str(letters[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]

    def counts(self) -> NDArray[np.int64]:
        """Return the number of occurrences of each word."""
        return self._counts[: self._num_words]

    def _reserve_letters(self, num_letters: int) -> None:
        needed = int(self._starts[self._num_words]) + num_letters
        if needed > self._letters.size:
            self._letters = _extended(self._letters, max(needed, 2 * self._letters.size))

    def _grow(self) -> None:
        """Double the capacity of the table."""
        max_words = _doubled(self._hashes.size)
        self._hashes, self._counts = _extended(self._hashes, max_words), _extended(self._counts, max_words)
        self._starts, self._buckets = _extended(self._starts, max_words + 1), _empty_buckets(max_words)
        fill_buckets(self._hashes, self._num_words, self._buckets)


class IdIndex:
    """Words that are ints, in a compiled hash table; its size depends on how many they are, not on how large.

    Examples
    --------
    >>> index = IdIndex()
    >>> index.add(np.array([7, 2**62, 7]), np.array([1, 3]))
    TokenBlock(ids=array([0, 1, 0], dtype=int32), ends=array([1, 3]))
    >>> index.words(np.array([1])), index.counts()
    ([4611686018427387904], array([2, 1]))
    """

    def __init__(self, max_words: int = 2**16) -> None:
        self._num_words = 0
        self._known = np.zeros(max_words, np.uint64)
        self._counts = np.zeros(max_words, np.int64)
        self._buckets = _empty_id_buckets(max_words)

    def add(self, ids: NDArray[np.int64], ends: NDArray[np.int64]) -> TokenBlock:
        """Return the provisional ids of some sentences of ints, `ends` as it is; new ints become words."""
        bits, numbers, done = ids.view(np.uint64), np.empty(ids.size, np.int32), 0
        while True:
            table = self._buckets, self._known, self._counts
            with np.errstate(over="ignore"):  # hashes are modulo 2**64; NumPy warns if nothing is compiled
                done, self._num_words = number_ids(bits, done, *table, self._num_words, numbers)
            if done == ids.size:
                return TokenBlock(numbers, ends)
            self._grow()

    def words(self, ids: NDArray[np.int64]) -> list[Word]:
        """Return the words with these ids."""
        return list(self._known.view(np.int64)[ids].tolist())

    def counts(self) -> NDArray[np.int64]:
        """Return the number of occurrences of each word."""
        return self._counts[: self._num_words]

    def _grow(self) -> None:
        """Double the capacity of the table."""
        max_words = _doubled(self._known.size)
        self._known, self._counts = _extended(self._known, max_words), _extended(self._counts, max_words)
        self._buckets = _empty_id_buckets(max_words)
        with np.errstate(over="ignore"):
            fill_id_buckets(self._known, self._num_words, self._buckets)


class TokenListIndex:
    """Words of token lists, in a dict; the ids of arrays are numbered first, so that the dict has each of them once.

    Examples
    --------
    >>> index = TokenListIndex()
    >>> index.add([["to", "be"], [], ["be"]])
    TokenBlock(ids=array([0, 1, 1], dtype=int32), ends=array([2, 2, 3]))
    >>> index.add([np.array([7, 3, 7])])
    TokenBlock(ids=array([2, 3, 2], dtype=int32), ends=array([3]))
    """

    def __init__(self) -> None:
        self._ids: defaultdict[Word, int] = defaultdict()
        self._ids.default_factory = self._ids.__len__
        self._counts = np.zeros(0, np.int64)
        self._words: list[Word] = []
        self._of_arrays = IdIndex()
        self._ids_of_arrays = np.zeros(0, np.int32)

    def add(self, sentences: Sequence[Any]) -> TokenBlock:
        """Return the ids of the tokens of some sentences (see `lists_and_arrays`); new tokens become words."""
        ends = np.cumsum([len(sentence) for sentence in sentences], dtype=np.int64)
        if sentences and all(isinstance(sentence, np.ndarray) for sentence in sentences):
            ids = self._add_array(np.concatenate(sentences, dtype=np.int64))
        else:
            tokens: list[Word] = []
            for sentence in sentences:
                tokens.extend(sentence.tolist() if isinstance(sentence, np.ndarray) else sentence)
            ids = np.fromiter(map(self._ids.__getitem__, tokens), np.int32, len(tokens))
        self._counts = _extended(self._counts, len(self._ids)) + np.bincount(ids, minlength=len(self._ids))
        return TokenBlock(ids, ends)

    def words(self, ids: NDArray[np.int64]) -> list[Word]:
        """Return the words with these ids."""
        if len(self._words) < len(self._ids):
            self._words = list(self._ids)
        return [self._words[i] for i in ids.tolist()]

    def counts(self) -> NDArray[np.int64]:
        """Return the number of occurrences of each word."""
        return self._counts

    def _add_array(self, tokens: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the ids of tokens that are ints."""
        numbers = self._of_arrays.add(tokens, tokens[:0]).ids
        new = self._of_arrays.words(np.arange(self._ids_of_arrays.size, self._of_arrays.counts().size))
        of_new = np.fromiter(map(self._ids.__getitem__, new), np.int32, len(new))
        self._ids_of_arrays = np.append(self._ids_of_arrays, of_new)
        return self._ids_of_arrays[numbers]


def _doubled(max_words: int) -> int:
    if 2 * max_words > _MAX_WORDS:
        raise ValueError(f"the corpus has more than {max_words:,} distinct words")
    return 2 * max_words


def _extended(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a copy, padded with zeros to `size`."""
    extended = np.zeros(size, array.dtype)
    extended[: array.size] = array
    return extended


def _empty_buckets(max_words: int) -> NDArray[np.uint64]:
    """Return a hash table that is at most half full."""
    return np.zeros(2 * max_words, np.uint64)


def _empty_id_buckets(max_words: int) -> NDArray[np.uint64]:
    """Return a hash table of ids that is at most half full."""
    return np.zeros((2 * max_words, 2), np.uint64)

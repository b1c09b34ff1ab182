"""Tables that give each new word the next number and count how often it comes: for text, and for token lists."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.text.tokenize import cut_tokens, fill_slots, find_words
from sampledsoftmax.word2vec.corpus.corpus import Sentence

_MAX_WORDS = 2**31 - 1


class Numbered(NamedTuple):
    """Some text as numbers of its words.

    Attributes
    ----------
    numbers : int32 [num_tokens]
    ends : int64 [num_sentence_ends]
        How many of the tokens stand before each end of a sentence.
    """

    numbers: NDArray[np.int32]
    ends: NDArray[np.int64]


class WordTable(Protocol):
    """The words of a text in the order of their first appearance."""

    def words(self, numbers: NDArray[np.int64]) -> list[str]:
        """Return the words that have these numbers."""

    def counts(self) -> NDArray[np.int64]:
        """Return how often each one came."""


class TextTable:
    r"""Words of UTF-8 text, found by compiled code.

    Examples
    --------
    >>> table = TextTable()
    >>> table.number(b"to be or not\nto be")
    Numbered(numbers=array([0, 1, 2, 3, 0, 1], dtype=int32), ends=array([4]))
    >>> table.words(np.array([0, 3])), table.counts()
    (['to', 'not'], array([2, 2, 1, 1]))
    """

    def __init__(self, max_words: int = 2**16) -> None:
        self._num_words = 0
        self._hashes = np.zeros(max_words, np.uint64)
        self._starts = np.zeros(max_words + 1, np.uint64)
        self._counts = np.zeros(max_words, np.int64)
        self._letters = np.zeros(2**20, np.uint8)
        self._slots = _empty_slots(max_words)

    def number(self, text: bytes) -> Numbered:
        """Return the numbers of the tokens of valid UTF-8; tokens that are new become words."""
        data = np.frombuffer(text, np.uint8)
        max_tokens = len(text) // 2 + 1
        spans, hashes = np.empty((max_tokens, 2), np.uint64), np.empty(max_tokens, np.uint64)
        ends = np.empty(text.count(b"\n"), np.int64)
        with np.errstate(over="ignore"):  # hashes are modulo 2**64; matters where nothing is compiled
            num_tokens, _ = cut_tokens(data, spans, hashes, ends)
        self._make_room(data.size)
        numbers, done = np.empty(num_tokens, np.int32), 0
        while True:
            table = self._slots, self._hashes, self._starts, self._letters, self._counts
            done, self._num_words = find_words(data, spans, hashes, done, num_tokens, *table, self._num_words, numbers)
            if done == num_tokens:
                return Numbered(numbers, ends)
            self._double()

    def words(self, numbers: NDArray[np.int64]) -> list[str]:
        """Return the words that have these numbers."""
        letters = self._letters.data
        starts, ends = self._starts[numbers].tolist(), self._starts[numbers + 1].tolist()
        return [str(letters[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]

    def counts(self) -> NDArray[np.int64]:
        """Return how often each word came."""
        return self._counts[: self._num_words]

    def _make_room(self, num_letters: int) -> None:
        needed = int(self._starts[self._num_words]) + num_letters
        if needed > self._letters.size:
            self._letters = _longer(self._letters, max(needed, 2 * self._letters.size))

    def _double(self) -> None:
        max_words = 2 * self._hashes.size
        if max_words > _MAX_WORDS:
            raise ValueError(f"the corpus holds more than {self._hashes.size:,} distinct words")
        self._hashes, self._counts = _longer(self._hashes, max_words), _longer(self._counts, max_words)
        self._starts, self._slots = _longer(self._starts, max_words + 1), _empty_slots(max_words)
        fill_slots(self._hashes, self._num_words, self._slots)


class TokenTable:
    """Words of token lists, found by a dict.

    Examples
    --------
    >>> table = TokenTable()
    >>> table.number([["to", "be"], [], ["be"]])
    Numbered(numbers=array([0, 1, 1], dtype=int32), ends=array([2, 2, 3]))
    """

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__
        self._counts = np.zeros(0, np.int64)
        self._words: list[str] = []

    def number(self, sentences: Sequence[Sentence]) -> Numbered:
        """Return the numbers of the tokens of some sentences; tokens that are new become words."""
        tokens: list[str] = []
        ends = np.empty(len(sentences), np.int64)
        for i, sentence in enumerate(sentences):
            tokens += sentence
            ends[i] = len(tokens)
        for token in tokens:
            if not isinstance(token, str):
                raise TypeError(f"tokens of the corpus must be str, got {type(token).__name__} {token!r}")
        numbers = np.fromiter(map(self._numbers.__getitem__, tokens), np.int32, len(tokens))
        self._counts = _longer(self._counts, len(self._numbers)) + np.bincount(numbers, minlength=len(self._numbers))
        return Numbered(numbers, ends)

    def words(self, numbers: NDArray[np.int64]) -> list[str]:
        """Return the words that have these numbers."""
        if len(self._words) < len(self._numbers):
            self._words = list(self._numbers)
        return [self._words[number] for number in numbers.tolist()]

    def counts(self) -> NDArray[np.int64]:
        """Return how often each word came."""
        return self._counts


def _longer(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a copy with zeros behind it."""
    longer = np.zeros(size, array.dtype)
    longer[: array.size] = array
    return longer


def _empty_slots(max_words: int) -> NDArray[np.uint64]:
    """Return a table of which half stays free."""
    return np.zeros(2 * max_words, np.uint64)

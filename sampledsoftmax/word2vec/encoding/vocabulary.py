"""The vocabulary: words by decreasing count, their ids, and a corpus as a stream of ids."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.corpus import Sentence
from sampledsoftmax.word2vec.encoding.sentences import Word, token_lists


class IdStream(NamedTuple):
    """A corpus as ids, in memory or memory-mapped: sentence `i` is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes
    ----------
    ids : int32 or int64 [num_words]
        Word ids, without the words that are not in the vocabulary.
    offsets : int64 [num_sentences + 1]
        Start of each sentence; the last entry is the number of words.
    """

    ids: NDArray[Any]
    offsets: NDArray[np.int64]

    @property
    def num_bytes(self) -> int:
        """The size of both arrays."""
        return int(self.ids.nbytes + self.offsets.nbytes)


@dataclass(frozen=True)
class Vocabulary:
    """Words by decreasing count, so that id 0 is the most frequent word, as a log-uniform sampler expects.

    Words of equal count are sorted, ints before strings: the ids depend on the counts alone.

    Parameters
    ----------
    words : list of str or int
        Word of each id.
    counts : int64 [num_words]
        Occurrences of each word in the corpus.

    Examples
    --------
    >>> vocabulary = Vocabulary.build([["b", "a", "b"], ["a", "c", "b"]], min_count=2)
    >>> vocabulary.words, vocabulary.counts
    (['b', 'a'], array([3, 2]))
    >>> vocabulary.encode([["a", "c", "b"], ["b"]])
    IdStream(ids=array([1, 0, 0]), offsets=array([0, 2, 3]))
    """

    words: list[Any]
    counts: NDArray[np.int64]
    ids: dict[Word, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", {word: i for i, word in enumerate(self.words)})

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def build(cls, sentences: Iterable[Sentence], min_count: int = 5) -> "Vocabulary":
        """Count the words of a corpus and keep those that occur at least `min_count` times.

        Raises
        ------
        TypeError
            A sentence is not a sequence of tokens, or a token is neither a str nor an int, see `token_lists`.
        ValueError
            The corpus is empty, has only one distinct word, or fewer than two words reach `min_count`.
        """
        min_count = validation.whole_number("min_count", min_count, at_least=1)
        return cls.from_counts(count_words(sentences), min_count)

    @classmethod
    def from_counts(cls, counts: Mapping[Word, int], min_count: int = 5) -> "Vocabulary":
        """Return the words that occur at least `min_count` times; errors as for `build`.

        Examples
        --------
        >>> Vocabulary.from_counts({"be": 2, "not": 2, "to": 3, "or": 1}, min_count=2).words
        ['to', 'be', 'not']
        """
        min_count = validation.whole_number("min_count", min_count, at_least=1)
        words = _frequent(counts, min_count)
        _check_enough(words, min_count, counts)
        return cls(words, _counts_of(words, counts))

    def grow(self, more: "Vocabulary | Mapping[Word, int]", min_count: int = 1) -> "Vocabulary":
        """Return this vocabulary extended by the words of more text.

        Known words keep their ids, and their counts in `more` are added, however small. New words that occur at
        least `min_count` times follow, by decreasing count.

        Parameters
        ----------
        more : Vocabulary or mapping of word to count
            The words of the other text.
        min_count : int
            At least 1.

        Examples
        --------
        >>> vocabulary = Vocabulary(["to", "be"], np.array([5, 3]))
        >>> grown = vocabulary.grow({"not": 2, "or": 4, "to": 1, "that": 1}, min_count=2)
        >>> grown.words, grown.counts
        (['to', 'be', 'or', 'not'], array([6, 3, 4, 2]))
        """
        min_count = validation.whole_number("min_count", min_count, at_least=1)
        counts = dict(zip(more.words, more.counts.tolist(), strict=True)) if isinstance(more, Vocabulary) else more
        new = _frequent({word: count for word, count in counts.items() if word not in self.ids}, min_count)
        old = self.counts + _counts_of(self.words, counts)
        return Vocabulary(self.words + new, np.append(old, _counts_of(new, counts)))

    def encode(self, sentences: Iterable[Sentence]) -> IdStream:
        """Return the corpus as ids, without the words that are not in the vocabulary."""
        ids, offsets, find = array("q"), array("q", [0]), self.ids.get
        for sentence in token_lists(sentences):
            ids.extend([i for i in map(find, sentence) if i is not None])
            offsets.append(len(ids))
        return IdStream(np.array(ids, dtype=np.int64), np.array(offsets, dtype=np.int64))


def count_words(sentences: Iterable[Sentence]) -> Counter[Word]:
    """Count the words of a corpus in one pass."""
    counts: Counter[Word] = Counter()
    for tokens in token_lists(sentences):
        counts.update(tokens)
    return counts


def in_order(words: Iterable[Word]) -> list[Word]:
    """Return words sorted, ints before strings.

    Examples
    --------
    >>> in_order(["to", 10, "be", 9])
    [9, 10, 'be', 'to']
    """
    strings: list[Word] = []
    numbers: list[Word] = []
    for word in words:
        (strings if isinstance(word, str) else numbers).append(word)
    return sorted(numbers) + sorted(strings)


def _frequent(counts: Mapping[Word, int], min_count: int) -> list[Word]:
    """Return the words with `min_count` occurrences or more, by decreasing count, then in order."""
    words = in_order(word for word, count in counts.items() if count >= min_count)
    words.sort(key=counts.__getitem__, reverse=True)  # a stable sort
    return words


def _counts_of(words: list[Word], counts: Mapping[Word, int]) -> NDArray[np.int64]:
    return np.array([counts.get(word, 0) for word in words], dtype=np.int64)


def _check_enough(words: list[Word], min_count: int, counts: Mapping[Word, int]) -> None:
    """Raise ValueError if fewer than two words are kept."""
    if len(words) > 1:
        return
    if not counts:
        raise ValueError("the corpus is empty: it has no words")
    best = max(counts.values())
    word = validation.shown(in_order(word for word, count in counts.items() if count == best)[-1])
    if len(counts) == 1:
        raise ValueError(f"the corpus has one distinct word, {word} ({best} times): at least two are needed")
    raise ValueError(
        f"{len(words)} of the {len(counts)} distinct words of the corpus occur at least min_count={min_count} "
        f"times: at least two are needed; the most frequent one, {word}, occurs {best} times"
    )

"""The words of a corpus in order of falling count, and the corpus as a stream of their ids."""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import check
from sampledsoftmax.words.corpus import Sentence


class IdStream(NamedTuple):
    """A corpus as ids: sentence `i` is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes
    ----------
    ids : int64 [num_words]
        Word ids; words that are not in the vocabulary are left out.
    offsets : int64 [num_sentences + 1]
        Where each sentence starts, and at the end the number of words.
    """

    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]


@dataclass(frozen=True)
class Vocabulary:
    """Words by falling count, so that id 0 is the most frequent one, as a log-uniform sampler expects.

    Words of equal count stand in the order of their characters: the ids depend on the counts alone.

    Parameters
    ----------
    words : list of str
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

    words: list[str]
    counts: NDArray[np.int64]
    ids: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", {word: i for i, word in enumerate(self.words)})

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def build(cls, sentences: Iterable[Sentence], min_count: int = 5) -> "Vocabulary":
        """Count the words of a corpus and keep those that occur `min_count` times or more.

        Raises
        ------
        TypeError
            A sentence is a str (its tokens would be characters) or holds something else than str.
        ValueError
            The corpus is empty, holds one distinct word, or fewer than two words reach `min_count`.
        """
        min_count = check.whole_number("min_count", min_count, at_least=1)
        counts = count_words(sentences)
        kept = [(word, count) for word, count in counts.items() if count >= min_count]
        _check_enough(counts, len(kept), min_count)
        kept.sort(key=lambda item: (-item[1], item[0]))
        return cls([word for word, _ in kept], np.array([count for _, count in kept], dtype=np.int64))

    def encode(self, sentences: Iterable[Sentence]) -> IdStream:
        """Return the corpus as ids; words outside the vocabulary are left out before windows are laid."""
        ids, offsets, find = array("q"), array("q", [0]), self.ids.get
        for sentence in sentences:
            ids.extend([i for i in map(find, sentence) if i is not None])
            offsets.append(len(ids))
        return IdStream(np.array(ids, dtype=np.int64), np.array(offsets, dtype=np.int64))


def count_words(sentences: Iterable[Sentence]) -> Counter[str]:
    """Return how often each word occurs; one pass over the corpus."""
    counts: Counter[str] = Counter()
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, (str, bytes)):
            raise TypeError(
                f"sentence {number} of the corpus is {type(sentence).__name__} {sentence[:40]!r}, "
                "a list of tokens is expected: split it, or pass the path of a file"
            )
        counts.update(sentence)
    for word in counts:
        if not isinstance(word, str):
            raise TypeError(f"tokens of the corpus must be str, got {type(word).__name__} {word!r}")
    return counts


def _check_enough(counts: Counter[str], num_kept: int, min_count: int) -> None:
    if not counts:
        raise ValueError("the corpus is empty: it holds no words")
    word, count = max(counts.items(), key=lambda item: (item[1], item[0]))
    if len(counts) == 1:
        raise ValueError(f"the corpus holds one distinct word, {word!r} ({count} times): at least two are needed")
    if num_kept < 2:
        raise ValueError(
            f"{num_kept} of the {len(counts)} distinct words of the corpus occur at least min_count={min_count} "
            f"times: at least two are needed; the most frequent one, {word!r}, occurs {count} times"
        )

"""The mapping `vocab` of gensim 3, whose values had an index and a count."""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from sampledsoftmax.word2vec.vectors.left_out import COUNTS


class VocabEntry(int):
    """The index of a word, as gensim 3 has it: `entry.index`.

    Examples
    --------
    >>> VocabEntry(3).index
    3
    """

    @property
    def index(self) -> int:
        """The index of the word."""
        return int(self)

    @property
    def count(self) -> NoReturn:
        """Counts are not part of the vectors: AttributeError."""
        raise AttributeError(COUNTS)


class Vocab(Mapping[Any, VocabEntry]):
    """The mapping of gensim 3, without a copy of the words."""

    def __init__(self, ids: Mapping[Any, int]) -> None:
        self._ids = ids

    def __getitem__(self, word: Any) -> VocabEntry:
        return VocabEntry(self._ids[word])

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

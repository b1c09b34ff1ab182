"""Words with their vectors: the table that queries read, and the lookup of words in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.vectors.lengths import row_lengths, unit_rows
from sampledsoftmax.word2vec.vectors.read_only import ReadOnlyList
from sampledsoftmax.word2vec.vectors.unknown_word import UnknownWordError

Word = str | int

_BLOCK = 16_384  # rows that are checked at a time


class WordTable:
    """Distinct words and a vector for each; see `WordVectors`."""

    def __init__(self, words: Sequence[Word], vectors: NDArray[Any], copy: bool = True) -> None:
        checked = _words(words)
        table = validation.floats("vectors", vectors, (len(checked), "dim"))
        if not table.size:
            raise ValueError(f"vectors must hold at least one word and one number, got shape {list(table.shape)}")
        ids = {word: i for i, word in enumerate(checked)}
        if len(ids) < len(checked):
            twice = next(i for i, word in enumerate(checked) if ids[word] != i)
            raise ValueError(
                f"words must be distinct, {validation.shown(checked[twice])} is repeated, "
                f"as number {twice} and {ids[checked[twice]]}"
            )
        check_finite("vectors", table, checked)
        owned = np.array(table) if validation.flag("copy", copy) else table.view()
        owned.flags.writeable = False
        self._words = ReadOnlyList(checked)
        self._vectors = owned.view()
        self._ids = ids
        self._has_ints = any(isinstance(word, int) for word in checked)
        self._lengths: NDArray[np.float64] | None = None  # a cached_property has a lock, which a fork may copy locked

    @property
    def words(self) -> list[Any]:
        """The words, a list that cannot be changed: `list(vectors.words)` is one that can."""
        return self._words

    @words.setter
    def words(self, value: object) -> NoReturn:
        raise AttributeError(_FIXED.format("words"))

    @property
    def vectors(self) -> NDArray[Any]:
        """The vectors [num_words, dim], read-only: `vectors.vectors.copy()` can be written."""
        return self._vectors  # type: ignore[no-any-return]

    @vectors.setter
    def vectors(self, value: object) -> NoReturn:
        raise AttributeError(_FIXED.format("vectors"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} words, dimension {self._vectors.shape[1]}>"

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the words."""
        return iter(self._words)

    def __contains__(self, word: object) -> bool:
        return _is_word(word) and _plain(word) in self._ids

    def __getitem__(self, word: Word | Iterable[Word]) -> NDArray[Any]:
        """Return the vector of a word [dim], or those of a sequence of words [num_words, dim].

        A mapping stands for its keys, as `vectors[vectors.key_to_index]` in programs for gensim. The vector of a word
        cannot be written; rows of several are a copy.

        Raises
        ------
        UnknownWordError, TypeError
            A word has no vector, or the argument is no word and no collection of words.
        """
        if _is_word(word):
            return self._vectors[self._id(word)]  # type: ignore[no-any-return]
        ids = [self._id(item) for item in (word if isinstance(word, Mapping) else sequence("words", word))]
        return self._vectors[np.array(ids, np.int64)]  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy or a pickle is made of."""
        return type(self), (list(self._words), self._vectors)

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Lengths of the vectors [num_words], computed on first use; read-only."""
        if self._lengths is None:
            lengths = row_lengths(self._vectors)
            lengths.flags.writeable = False
            self._lengths = lengths
        return self._lengths

    @lengths.setter
    def lengths(self, value: object) -> NoReturn:
        raise AttributeError(_FIXED.format("lengths"))

    def get(self, word: Word, default: Any = None) -> Any:
        """Return the vector of a word, or `default` if it has none.

        Parameters
        ----------
        word : str or int
            The word.
        default : object
            The result for an unknown word.

        Returns
        -------
        float [dim] or object
            The vector, which cannot be written, or `default`.

        Raises
        ------
        TypeError
            The argument is no word and no sequence of words.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["in", "out"], np.eye(2))
        >>> vectors.get("out"), vectors.get("about")
        (array([0., 1.]), None)
        """
        try:
            return self[word]
        except KeyError:
            return default

    def units(self, ids: Any) -> NDArray[np.float64]:
        """Return the normalized vectors of some words.

        Parameters
        ----------
        ids : int [num_ids]
            Indices of the words in `words`.

        Returns
        -------
        float64 [num_ids, dim]
            Vectors divided by their lengths; a vector of zeros stays zero.

        Raises
        ------
        TypeError, ValueError
            An index is no int, or out of its range.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 4.0]])).units([1, 0])
        array([[0.6, 0.8],
               [0. , 1. ]])
        """
        if not isinstance(ids, slice):
            given = np.empty(0, np.int64) if isinstance(ids, (list, tuple)) and not ids else ids
            ids = validation.ids("ids", given, ("num_ids",), len(self))
        return self._units(ids)

    def _units(self, ids: Any) -> NDArray[np.float64]:
        """Return the same for indices that are known to be right."""
        return unit_rows(self._vectors[ids], self.lengths[ids])

    def _id(self, word: object) -> int:
        """Return the index of a word; an int that cannot be a word, since all words are str, is an index itself."""
        key = _plain(word)
        found = self._ids.get(key) if _is_word(key) else None
        if found is not None:
            return found
        if not _is_word(key):
            raise TypeError(f"a word is a str or an int, got {validation.described(word)}")
        if isinstance(key, str) or self._has_ints:
            raise UnknownWordError(key, self._words, self._ids)
        if not 0 <= key < len(self):
            reason = f": the words are strings, and an int is the index of a word, in [0, {len(self)})"
            raise UnknownWordError(key, reason=reason)
        return int(key)

    def _all_ids(self, name: str, words: object) -> list[int]:
        some = [words] if _is_word(words) else sequence(name, words)
        if not some:
            raise ValueError(f"{name} must hold at least one word, got none")
        return [self._id(word) for word in some]


_FIXED = "{} cannot be assigned, since queries keep values computed from it: make new ones, WordVectors(words, vectors)"


def sequence(name: str, words: object) -> list[Any]:
    """Return the items of a sequence; a set, whose order is not repeatable, and what is no collection are refused.

    Examples
    --------
    >>> sequence("words", np.array(["to", "be"]))
    ['to', 'be']
    >>> sequence("words", {"to", "be"})
    Traceback (most recent call last):
    TypeError: words must be a sequence: the order of a set is not repeatable
    """
    if isinstance(words, (set, frozenset)):
        raise TypeError(f"{name} must be a sequence: the order of a {type(words).__name__} is not repeatable")
    if isinstance(words, np.ndarray) and words.ndim:
        return words.tolist() if words.ndim == 1 else list(words)
    if isinstance(words, (np.ndarray, str, bytes, bytearray, Mapping)) or not isinstance(words, Iterable):
        raise TypeError(f"{name} must be a sequence of words, got {validation.described(words)}")
    return list(words)


def check_finite(name: str, table: NDArray[Any], words: Sequence[Any]) -> None:
    """Raise ValueError if a row of a table is not finite; the message names its word.

    Examples
    --------
    >>> check_finite("vectors", np.array([[1.0], [np.nan]]), ["to", "be"])
    Traceback (most recent call last):
    ValueError: vectors must be finite, that of 'be' is not
    """
    for first in range(0, len(table), _BLOCK):
        finite = np.isfinite(table[first : first + _BLOCK]).all(axis=1)
        if not finite.all():
            bad = words[first + int(finite.argmin())]
            raise ValueError(f"{name} must be finite, that of {validation.shown(bad)} is not")


def _words(words: object) -> list[Word]:
    found = [_plain(word) for word in sequence("words", words)]
    for i, word in enumerate(found):
        if not _is_word(word):
            raise TypeError(f"words[{i}] must be a str or an int, got {validation.described(word)}")
    return found


def _is_word(word: object) -> bool:
    return isinstance(word, (str, int, np.integer)) and not isinstance(word, bool)


def _plain(word: Any) -> Any:
    """Return a str or int of NumPy, or of another subclass, as one of Python."""
    if type(word) is str or type(word) is int:
        return word
    if isinstance(word, str):
        return str.__str__(word)
    return int(word) if isinstance(word, (int, np.integer)) and not isinstance(word, bool) else word

"""Trained word vectors: neighbours, similarities, analogies, files."""

import difflib
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import check
from sampledsoftmax.words import word2vec_format


class UnknownWordError(KeyError):
    """A word that has no vector; the message suggests some that have."""

    def __str__(self) -> str:
        return str(self.args[0])


class WordVectors:
    """A vector for each word.

    Similarity is the cosine of two vectors, in [-1, 1]; that of a vector of zeros with any other is 0.

    Parameters
    ----------
    words : sequence of str
        Distinct words.
    vectors : float32 or float64 [num_words, dim]
        Their vectors, finite. Not copied; do not change them while they are in use here.

    Raises
    ------
    TypeError, ValueError
        If the vectors have another type or shape, are not finite, or a word comes twice.

    Examples
    --------
    >>> vectors = WordVectors(["min", "max", "open"], np.array([[1.0, 0.0], [1.0, 0.5], [0.0, 1.0]]))
    >>> vectors.most_similar("min", topn=1)
    [('max', 0.8944271909999159)]
    >>> len(vectors), "max" in vectors, vectors["open"]
    (3, True, array([0., 1.]))
    """

    def __init__(self, words: Sequence[str], vectors: NDArray[Any]) -> None:
        self.words = list(words)
        self.vectors = check.floats("vectors", vectors, (len(self.words), "dim")).view()
        self.vectors.flags.writeable = False
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) < len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self._ids[word] != i)
            raise ValueError(f"words must be distinct, {twice!r} comes twice")
        finite = np.isfinite(self.vectors).all(axis=1)
        if not finite.all():
            raise ValueError(f"vectors must be finite, that of {self.words[int(finite.argmin())]!r} is not")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __getitem__(self, word: str) -> NDArray[Any]:
        """Return the vector of a word [dim]; a word that is not there raises `UnknownWordError`."""
        return self.vectors[self._id(word)]  # type: ignore[no-any-return]

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of the vectors of two words.

        Parameters
        ----------
        a : str
            A word.
        b : str
            Another, or the same.

        Returns
        -------
        float
            In [-1, 1]; 0 where a vector is all zeros.

        Raises
        ------
        UnknownWordError
            A word has no vector; it is a KeyError whose message names words that are spelled nearly so.

        Examples
        --------
        >>> WordVectors(["in", "out"], np.array([[1.0, 0.0], [-3.0, 0.0]])).similarity("in", "out")
        -1.0
        """
        return float(self._units[self._id(a)] @ self._units[self._id(b)])

    def most_similar(self, word: str, topn: int = 10) -> list[tuple[str, float]]:
        """Return the words nearest to `word`, itself left out, with their cosines, best first.

        Parameters
        ----------
        word : str
            A word.
        topn : int
            How many, at least 1; fewer are returned if there are no more.

        Returns
        -------
        list of (str, float)
            Words and cosines in [-1, 1]; words of equal cosine come in the order of their ids.

        Raises
        ------
        UnknownWordError
            As `similarity`.
        TypeError, ValueError
            If `topn` is of another type or below 1.
        """
        i = self._id(word)
        return self._nearest(self._units[i], topn, leave_out=[i])

    def analogy(self, a: str, b: str, c: str, topn: int = 10) -> list[tuple[str, float]]:
        """Return the words nearest to b - a + c: "a is to b as c is to ...".

        The three vectors are brought to length one first; the three words are left out of the answer.
        Mikolov, Yih and Zweig, "Linguistic regularities in continuous space word representations", 2013.

        Parameters
        ----------
        a, b, c : str
            The words of the question.
        topn : int
            As for `most_similar`.

        Returns
        -------
        list of (str, float)
            As of `most_similar`: cosines with b - a + c.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            As `most_similar`.

        Examples
        --------
        >>> square = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.1], [0.1, 1.0]])
        >>> vectors = WordVectors(["man", "king", "woman", "queen"], square)
        >>> [word for word, _ in vectors.analogy("man", "king", "woman")]
        ['queen']
        """
        ids = [self._id(a), self._id(b), self._id(c)]
        target = self._units[ids[1]] - self._units[ids[0]] + self._units[ids[2]]
        length = np.linalg.norm(target)
        return self._nearest(target / length if length > 0 else target, topn, leave_out=ids)

    def save_word2vec_format(self, path: str | os.PathLike[str], binary: bool = False) -> None:
        """Write the file format of word2vec.c; an older file is replaced once the new one is complete.

        Parameters
        ----------
        path : path
            The file.
        binary : bool
            Text holds the fewest digits that give the same numbers back; binary holds float32, to which
            float64 vectors are rounded.

        Raises
        ------
        ValueError
            A word is empty or holds blanks, which the format cannot.
        OSError
            The file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> vectors = WordVectors(["in", "out"], np.array([[1.0, 0.5], [-3.0, 0.0]]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "vectors.txt")
        ...     vectors.save_word2vec_format(path)
        ...     WordVectors.load_word2vec_format(path)["in"]
        array([1. , 0.5], dtype=float32)
        """
        word2vec_format.write(path, self.words, self.vectors, check.flag("binary", binary))

    @classmethod
    def load_word2vec_format(cls, path: str | os.PathLike[str], binary: bool = False) -> "WordVectors":
        r"""Read a file in the format of word2vec.c, as float32.

        Parameters
        ----------
        path : path
            The file.
        binary : bool
            Whether it is in the binary form.

        Returns
        -------
        WordVectors
            Words in the order of the file.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is not what its header says, holds a word twice, or a number that is not finite;
            the message names the line (text) or the number of the word (binary).

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     _ = file.write(b"2 3\nin 1 0.5 0\nout 0 2 0\n")
        ...     file.flush()
        ...     vectors = WordVectors.load_word2vec_format(file.name)
        >>> vectors.words, vectors["out"]
        (['in', 'out'], array([0., 2., 0.], dtype=float32))
        """
        return cls(*word2vec_format.read(path, check.flag("binary", binary)))

    @cached_property
    def _units(self) -> NDArray[Any]:
        return unit_rows(self.vectors)

    def _id(self, word: str) -> int:
        try:
            return self._ids[word]
        except KeyError:
            near = difflib.get_close_matches(word, self.words, n=3) if isinstance(word, str) else []
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise UnknownWordError(f"no vector for the word {word!r}{hint}") from None

    def _nearest(self, target: NDArray[Any], topn: int, leave_out: list[int]) -> list[tuple[str, float]]:
        topn = check.whole_number("topn", topn, at_least=1)
        cosines = self._units @ target
        order = np.argsort(-cosines, kind="stable")
        kept = order[~np.isin(order, leave_out)][:topn]
        return [(self.words[i], float(cosines[i])) for i in kept]


def unit_rows(table: NDArray[Any]) -> NDArray[Any]:
    """Return the rows of a table, each brought to length one; rows of zeros stay as they are."""
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    lengths[lengths == 0.0] = 1.0
    return table / lengths  # type: ignore[no-any-return]

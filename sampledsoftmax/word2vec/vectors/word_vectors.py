"""Word vectors: neighbors, similarities, analogies, files."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.vectors import word2vec_format
from sampledsoftmax.word2vec.vectors.nearest import nearest, row_lengths
from sampledsoftmax.word2vec.vectors.suggestions import near_words

WHICH = ("in", "out", "mean", "both")


class UnknownWordError(KeyError):
    """A word has no vector; the message suggests similar words that have one."""

    def __str__(self) -> str:
        return str(self.args[0])


class WordVectors:
    """A vector for each word.

    Similarity is the cosine of two vectors, in [-1, 1] up to rounding; the cosine with a vector of zeros is 0. Cosines
    are computed in float64, and words of equal cosine are ordered by id.

    Parameters
    ----------
    words : sequence of str
        Distinct words.
    vectors : float32 or float64 [num_words, dim]
        Their vectors, finite. They are not copied and must not be modified. The first query computes and keeps the
        lengths of the vectors, 8 bytes per word.

    Raises
    ------
    TypeError, ValueError
        If the vectors have another type or shape, are not finite, or a word is repeated.

    Examples
    --------
    >>> vectors = WordVectors(["min", "max", "open"], np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    >>> vectors.most_similar("min", topn=1)
    [('max', 0.6)]
    >>> len(vectors), "max" in vectors, vectors["open"]
    (3, True, array([0., 1.]))
    """

    def __init__(self, words: Sequence[str], vectors: NDArray[Any]) -> None:
        self.words = list(words)
        self.vectors = validation.floats("vectors", vectors, (len(self.words), "dim")).view()
        self.vectors.flags.writeable = False
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) < len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self._ids[word] != i)
            raise ValueError(f"words must be distinct, {twice!r} is repeated")
        finite = np.isfinite(self.vectors).all(axis=1)
        if not finite.all():
            raise ValueError(f"vectors must be finite, that of {self.words[int(finite.argmin())]!r} is not")

    @classmethod
    def from_tables(
        cls, words: Sequence[str], embeddings: NDArray[Any], weights: NDArray[Any] | None, which: str = "in"
    ) -> "WordVectors":
        """Return the vectors of a model with two tables.

        Parameters
        ----------
        words : sequence of str
            Distinct words.
        embeddings, weights : float32 or float64 [num_words, dim]
            Input and output table; `weights` may be None for "in".
        which : str
            "in": the embeddings, as in word2vec.c. "out": the output weights. "mean": the mean of the two tables.
            "both": the normalized rows of the two tables, concatenated [num_words, 2 * dim], so that a cosine is the
            mean of the two cosines.

        Returns
        -------
        WordVectors
            With the tables themselves for "in" and "out", with new ones otherwise.

        Raises
        ------
        TypeError, ValueError
            If a table has another type or shape, or `which` needs `weights` and they are None.

        Examples
        --------
        >>> tables = np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])
        >>> for which in ("in", "out", "mean", "both"):
        ...     print(which, WordVectors.from_tables(["word"], *tables, which)["word"])
        in [1. 0.]
        out [0. 2.]
        mean [0.5 1. ]
        both [1. 0. 0. 1.]
        """
        validation.choice("which", which, WHICH)
        if which == "in":
            return cls(words, embeddings)
        if weights is None:
            raise ValueError(f"which={which!r} needs the output weights, which are missing: use which='in'")
        inner = validation.floats("embeddings", embeddings, (len(words), "dim"))
        outer = validation.floats("weights", weights, inner.shape, inner.dtype)
        if which == "out":
            return cls(words, outer)
        if which == "mean":
            return cls(words, (inner + outer) / 2)
        return cls(words, np.hstack([unit_rows(inner), unit_rows(outer)]))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __getitem__(self, word: str) -> NDArray[Any]:
        """Return the vector of a word [dim]; an unknown word raises `UnknownWordError`."""
        return self.vectors[self._id(word)]  # type: ignore[no-any-return]

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """Lengths of the vectors [num_words], computed on first use."""
        return row_lengths(self.vectors)

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

        Examples
        --------
        >>> WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 4.0]])).units([1, 0])
        array([[0.6, 0.8],
               [0. , 1. ]])
        """
        lengths = self.lengths[ids]
        return np.asarray(self.vectors[ids] / np.where(lengths > 0, lengths, 1.0)[:, np.newaxis])

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of the vectors of two words.

        Parameters
        ----------
        a, b : str
            The words.

        Returns
        -------
        float
            In [-1, 1] up to rounding; 0 if a vector is all zeros.

        Raises
        ------
        UnknownWordError
            A word has no vector; it is a KeyError whose message names words with a similar spelling.

        Examples
        --------
        >>> WordVectors(["in", "out"], np.array([[1.0, 0.0], [-3.0, 0.0]])).similarity("in", "out")
        -1.0
        """
        of_a, of_b = self.units([self._id(a), self._id(b)])
        return float((of_a * of_b).sum())

    def n_similarity(self, some: Sequence[str], others: Sequence[str]) -> float:
        """Return the cosine of the mean vectors of two lists of words, as in gensim.

        Parameters
        ----------
        some, others : sequence of str
            The words, at least one in each list.

        Returns
        -------
        float
            In [-1, 1] up to rounding.

        Raises
        ------
        UnknownWordError, ValueError
            A word has no vector, or a list is empty.

        Examples
        --------
        >>> vectors = WordVectors(["a", "b", "c"], np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
        >>> round(vectors.n_similarity(["a", "b"], ["c"]), 6)
        1.0
        """
        mean = self.vectors[self._all_ids("some", some)].mean(axis=0, dtype=np.float64)
        other = self.vectors[self._all_ids("others", others)].mean(axis=0, dtype=np.float64)
        return float((_unit(mean) * _unit(other)).sum())

    def most_similar(
        self, positive: str | Sequence[str], topn: int = 10, negative: str | Sequence[str] = ()
    ) -> list[tuple[str, float]]:
        """Return the words nearest to a word or to the mean of several words, with their cosines, best first.

        Parameters
        ----------
        positive : str or sequence of str
            The mean is that of the normalized vectors, as in gensim. The words themselves are excluded from the
            result.
        topn : int
            Maximum number of words, at least 1.
        negative : str or sequence of str
            Words whose vectors enter the mean with opposite sign.

        Returns
        -------
        list of (str, float)
            Words and their cosines in [-1, 1].

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            A word has no vector, there are no words, or `topn` is of another type or below 1.

        Examples
        --------
        >>> square = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.1], [0.1, 1.0]])
        >>> vectors = WordVectors(["man", "king", "woman", "queen"], square)
        >>> vectors.most_similar(positive=["king", "woman"], negative=["man"], topn=1)[0][0]
        'queen'
        """
        plus = self._all_ids("positive", positive) if len(positive) or not len(negative) else []
        minus = self._all_ids("negative", negative) if len(negative) else []
        target = self.units(plus).sum(axis=0) - self.units(minus).sum(axis=0)
        return self._nearest(target, topn, exclude=plus + minus)

    def similar_by_vector(self, vector: ArrayLike, topn: int = 10) -> list[tuple[str, float]]:
        """Return the words nearest to a vector, with their cosines, best first.

        Parameters
        ----------
        vector : float [dim]
            The vector.
        topn : int
            As for `most_similar`.

        Returns
        -------
        list of (str, float)
            As of `most_similar`.

        Raises
        ------
        TypeError, ValueError
            If the vector has another type or shape, or `topn` is of another type or below 1.

        Examples
        --------
        >>> WordVectors(["in", "out"], np.array([[1.0, 0.0], [0.0, 1.0]])).similar_by_vector([0.0, 5.0], topn=1)
        [('out', 1.0)]
        """
        return self._nearest(validation.floats("vector", vector, self.vectors.shape[1:]), topn, exclude=[])

    def analogy(self, a: str, b: str, c: str, topn: int = 10) -> list[tuple[str, float]]:
        """Return the words nearest to b - a + c: "a is to b as c is to ...".

        The three vectors are normalized first; the three words are excluded from the result.
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
            As of `most_similar`.

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
        return self.most_similar([b, c], topn, negative=[a])

    def doesnt_match(self, words: Sequence[str]) -> str:
        """Return the word farthest from the mean of all words, with normalized vectors, as in gensim.

        Of several words at the same distance the last one is returned.

        Parameters
        ----------
        words : sequence of str
            The words, at least one.

        Returns
        -------
        str
            One of them.

        Raises
        ------
        UnknownWordError, ValueError
            A word has no vector, or there are no words.

        Examples
        --------
        >>> vectors = WordVectors(["a", "b", "odd"], np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]))
        >>> vectors.doesnt_match(["a", "odd", "b"])
        'odd'
        """
        ids = self._all_ids("words", words)
        units = self.units(ids)
        cosines = (units * _unit(units.sum(axis=0))).sum(axis=1)
        return self.words[ids[len(ids) - 1 - int(cosines[::-1].argmin())]]

    def save_word2vec_format(
        self, path: str | os.PathLike[str], binary: bool = False, encoding: str = "utf-8", errors: str = "strict"
    ) -> None:
        """Write the file format of word2vec.c atomically.

        Parameters
        ----------
        path : path
            The file; it is compressed if its name ends in .gz.
        binary : bool
            Text has the fewest digits that round to the same numbers; binary has float32, to which float64 vectors
            are rounded.
        encoding, errors : str
            As for `str.encode`.

        Raises
        ------
        ValueError
            A word is empty, contains white space or cannot be encoded.
        OSError
            The file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> vectors = WordVectors(["in", "out"], np.array([[1.0, 0.5], [-3.0, 0.0]]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "vectors.txt.gz")
        ...     vectors.save_word2vec_format(path)
        ...     WordVectors.load_word2vec_format(path)["in"]
        array([1. , 0.5], dtype=float32)
        """
        coding = word2vec_format.Coding(encoding, errors)
        word2vec_format.write(path, self.words, self.vectors, validation.flag("binary", binary), coding)

    @classmethod
    def load_word2vec_format(
        cls, path: str | os.PathLike[str], binary: bool = False, encoding: str = "utf-8", errors: str = "strict"
    ) -> "WordVectors":
        r"""Read a file in the format of word2vec.c, plain or gzip, as float32.

        Parameters
        ----------
        path : path
            The file.
        binary : bool
            Whether it is binary.
        encoding, errors : str
            As for `bytes.decode`: with `errors="surrogateescape"`, words that are not UTF-8 are read, and saving with
            the same `errors` writes the same bytes.

        Returns
        -------
        WordVectors
            Words in the order of the file.

        Raises
        ------
        FileNotFoundError
            The file does not exist.
        ValueError
            The file contradicts its header, or has a repeated word, a word that cannot be decoded or a number that is
            not finite; the message names the line (text) or the number of the word (binary), and the byte where a
            word cannot be decoded.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "vectors.txt")
        ...     with open(path, "w") as file:
        ...         _ = file.write("2 3\nin 1 0.5 0\nout 0 2 0\n")
        ...     vectors = WordVectors.load_word2vec_format(path)
        >>> vectors.words, vectors["out"]
        (['in', 'out'], array([0., 2., 0.], dtype=float32))
        """
        coding = word2vec_format.Coding(encoding, errors)
        return cls(*word2vec_format.read(path, validation.flag("binary", binary), coding))

    def _id(self, word: str) -> int:
        try:
            return self._ids[word]
        except KeyError:
            near = near_words(word, self.words, self._ids) if isinstance(word, str) else []
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise UnknownWordError(f"no vector for the word {word!r}{hint}") from None

    def _all_ids(self, name: str, words: str | Sequence[str]) -> list[int]:
        words = [words] if isinstance(words, str) else list(words)
        if not words:
            raise ValueError(f"{name} must hold at least one word, got none")
        return [self._id(word) for word in words]

    def _nearest(self, target: NDArray[Any], topn: int, exclude: list[int]) -> list[tuple[str, float]]:
        topn = validation.whole_number("topn", topn, at_least=1)
        ids, cosines = nearest(self.vectors, self.lengths, _unit(target), topn, exclude)
        return [(self.words[i], cosine) for i, cosine in zip(ids.tolist(), cosines.tolist(), strict=True)]


def unit_rows(table: NDArray[Any]) -> NDArray[Any]:
    """Return the normalized rows of a table; rows of zeros stay zero."""
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    lengths[lengths == 0.0] = 1.0
    return table / lengths  # type: ignore[no-any-return]


def _unit(vector: NDArray[Any]) -> NDArray[np.float64]:
    wide = np.asarray(vector, dtype=np.float64)
    length = np.linalg.norm(wide)
    return wide / length if length > 0 else wide

"""Word vectors: queries, gensim's names, files."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.class_only import classonlymethod
from sampledsoftmax.word2vec.vectors import saved_vectors, word2vec_format
from sampledsoftmax.word2vec.vectors.gensim_names import GensimNames
from sampledsoftmax.word2vec.vectors.lengths import table_of_units
from sampledsoftmax.word2vec.vectors.shrinkage import shrink_to_mean
from sampledsoftmax.word2vec.vectors.unknown_word import UnknownWordError
from sampledsoftmax.word2vec.vectors.vector_file import check_coding, checked_reading
from sampledsoftmax.word2vec.vectors.word_table import Word, check_finite, sequence

__all__ = ["WHICH", "UnknownWordError", "WordVectors"]

WHICH = ("in", "out", "mean", "both")
_MOST_OCCURRENCES = 2**63 - 1


class WordVectors(GensimNames):
    """A vector for each word.

    Similarity is the cosine of two vectors, in [-1, 1] up to rounding; the cosine with a vector of zeros is 0. Cosines
    are computed in float64, and words of equal cosine are ordered by id. They are those of the vectors for all finite
    numbers, very large and very small ones included.

    Words and vectors cannot be changed, so that lengths, which the first query computes and keeps (8 bytes per word),
    always fit. `vectors[word]` is a vector, `vectors[[word, word]]` a matrix, and iteration is over the words. An
    unknown word raises `UnknownWordError`, a KeyError; its message, which names words with a similar spelling, is made
    when it is shown.

    The methods have the names and the order of arguments of gensim's KeyedVectors where the meaning is the same; names
    that are left out raise an AttributeError that says what to write. `sampledsoftmax.KeyedVectors` is another name of
    this class.

    Parameters
    ----------
    words : sequence of str or int
        Distinct words, at least one; ints of NumPy become ints of Python.
    vectors : float32 or float64 [num_words, dim]
        Their vectors, finite.
    copy : bool
        False: the array is not copied, and the caller must not change it while the object is in use, or results are
        wrong. For memory-mapped arrays, and for arrays that nothing else refers to.

    Raises
    ------
    TypeError, ValueError
        If the vectors have another type or shape, or are not finite, or a word is repeated or of another type.

    Examples
    --------
    >>> vectors = WordVectors(["min", "max", "open"], np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    >>> vectors.most_similar("min", topn=1)
    [('max', 0.6)]
    >>> len(vectors), "max" in vectors, vectors["open"]
    (3, True, array([0., 1.]))
    """

    def __init__(self, words: Sequence[Word], vectors: NDArray[Any], copy: bool = True) -> None:
        super().__init__(words, vectors, copy)

    @classmethod
    def from_tables(
        cls,
        words: Sequence[Word],
        embeddings: NDArray[Any],
        weights: NDArray[Any] | None,
        which: str = "in",
        copy: bool = True,
        counts: NDArray[np.int64] | None = None,
        shrinkage: float = 0.0,
    ) -> "WordVectors":
        """Return the vectors of a model with two tables.

        Parameters
        ----------
        words : sequence of str or int
            Distinct words.
        embeddings, weights : float32 or float64 [num_words, dim]
            Input and output table; `weights` may be None for "in".
        which : str
            "in": the embeddings, as in word2vec.c. "out": the output weights. "mean": the mean of the two tables.
            "both": the normalized rows of the two tables, concatenated [num_words, 2 * dim], so that a cosine is the
            mean of the two cosines.
        copy : bool
            False: for "in" and "out" without shrinkage the table is not copied, and the caller must not change it; see
            `WordVectors`.
        counts : int [num_words], optional
            Occurrences of each word, at least 0, for the shrinkage.
        shrinkage : float
            Above 0: a word that occurs n times keeps n / (n + shrinkage) of its vector, and the rest is the mean of all
            vectors; see `Word2Vec`.

        Returns
        -------
        WordVectors

        Raises
        ------
        TypeError, ValueError
            If a table has another type or shape, `which` needs `weights` and they are None, or the shrinkage needs
            counts and they are None.

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
        validation.flag("copy", copy)
        shrinkage = validation.number("shrinkage", shrinkage, at_least=0.0)
        words = sequence("words", words)
        rows, is_new = _rows(words, embeddings, weights, which)
        if not shrinkage:
            return cls(words, rows, copy and not is_new)
        if counts is None:
            raise ValueError(f"shrinkage={shrinkage:g} needs counts, which are missing")
        occurrences = validation.ids("counts", counts, (len(words),), _MOST_OCCURRENCES, ("a count", "counts"))
        check_finite("vectors", rows, words)
        rows = rows if is_new else np.array(rows)
        shrink_to_mean(rows, occurrences, shrinkage)
        return cls(words, rows, copy=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        r"""Write a file of this package atomically, which `load` reads: any words, and every bit of the vectors.

        Parameters
        ----------
        path : path
            The file to create or replace.

        Raises
        ------
        TypeError, ValueError
            `path` is no path.
        OSError
            The file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> vectors = WordVectors(["new york", "line\n", 3], np.eye(3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     vectors.save(os.path.join(folder, "vectors.zip"))
        ...     WordVectors.load(os.path.join(folder, "vectors.zip")).words
        ['new york', 'line\n', 3]
        """
        saved_vectors.write(path, self.words, self.vectors)

    @classonlymethod
    def load(cls: "type[WordVectors]", path: str | os.PathLike[str], mmap: None = None) -> "WordVectors":
        """Return the vectors of a file that `save` has written.

        Parameters
        ----------
        path : path
            The file.
        mmap : None
            Must be None: the file is read into memory.

        Returns
        -------
        WordVectors

        Raises
        ------
        FileNotFoundError
            The file does not exist.
        TypeError, ValueError
            It is of another kind or damaged, or `mmap` is not None.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "vectors.zip")
        ...     WordVectors(["in", "out"], np.eye(2)).save(path)
        ...     WordVectors.load(path)["out"]
        array([0., 1.])
        """
        if mmap is not None:
            raise TypeError(f"mmap must be None, got {validation.described(mmap)}: files are read into memory")
        return cls(*saved_vectors.read(path), copy=False)

    def save_word2vec_format(
        self,
        path: str | os.PathLike[str],
        binary: bool = False,
        encoding: str = "utf-8",
        errors: str = "strict",
        fvocab: None = None,
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
            As for `str.encode`; the encoding must be a superset of ASCII. Words that are ints are written in decimal,
            and are read back as str: then ask for "42", since the int 42 is an index. `save` keeps ints.
        fvocab : None
            Must be None: counts belong to the model.

        Raises
        ------
        TypeError, ValueError
            A word is empty, contains a space or a line end, or cannot be encoded, two words are written alike, a
            number is too large for float32 (binary), or an argument is of another type. Nothing has been written.
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
        _refuse_counts(fvocab)
        form = validation.flag("binary", binary)
        word2vec_format.write(path, self.words, self.vectors, form, encoding, errors)

    @classonlymethod
    def load_word2vec_format(
        cls: "type[WordVectors]",
        path: str | os.PathLike[str],
        binary: bool = False,
        encoding: str = "utf-8",
        errors: str = "strict",
        limit: int | None = None,
        no_header: bool = False,
        on_duplicate: str = "error",
        fvocab: None = None,
        unicode_errors: str | None = None,
        datatype: Any = np.float32,
    ) -> "WordVectors":
        r"""Read a file in the format of word2vec.c or GloVe, plain or compressed.

        A byte-order mark, carriage returns, spaces at the ends of lines, and empty lines at the end of the file are
        skipped.

        Parameters
        ----------
        path : path
            The file.
        binary : bool
            Whether it is binary.
        encoding, errors : str
            As for `bytes.decode`; the encoding must be a superset of ASCII. With `errors="surrogateescape"`, words that
            are not UTF-8 are read, and saving with the same `errors` writes the same bytes. With `errors="ignore"`,
            words that become empty are skipped, and words that become equal are repeated words.
        limit : int, optional
            Read only the first `limit` words; the rest of the file is not checked.
        no_header : bool
            The file has no header, as those of GloVe (text only).
        on_duplicate : str
            "error": a repeated word raises. "first": the first of its vectors is kept.
        fvocab : None
            Must be None: counts belong to the model.
        unicode_errors : str, optional
            gensim's name for `errors`.
        datatype : dtype
            float32 or float64; numbers of a binary file are float32.

        Returns
        -------
        WordVectors
            Words in the order of the file.

        Raises
        ------
        FileNotFoundError
            The file does not exist.
        TypeError, ValueError
            The file contradicts its header, is binary where text is expected or the reverse, or has a repeated word, a
            word that cannot be decoded or a number that is not finite; the message names the line (text) or the number
            of the word (binary), and the byte where a word cannot be decoded. Or an argument is of another type or out
            of its range.

        Notes
        -----
        In a binary file nothing marks the end of a vector, so a word with a space shifts all that follows. A line end
        within a word, a missing line end after a vector where the first one has it, and, in files without line ends, a
        control character in a word, a number above 1e15, or one below 1e-15 whose bytes are ASCII, are refused as its
        signs. Files that this package writes have line ends.

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
        _refuse_counts(fvocab)
        check_coding(encoding, errors)
        how = errors if unicode_errors is None else unicode_errors
        check_coding(encoding, how)
        if errors not in ("strict", how):
            raise ValueError(f"errors and unicode_errors are one setting, got {errors!r} and {how!r}")
        reading = checked_reading(encoding, how, limit, no_header, on_duplicate, datatype)
        return cls(*word2vec_format.read(path, validation.flag("binary", binary), reading), copy=False)


def _refuse_counts(fvocab: object) -> None:
    if fvocab is not None:
        raise TypeError(f"fvocab must be None, got {validation.described(fvocab)}: counts belong to the model")


def _are_large(*tables: NDArray[Any]) -> bool:
    """Return whether the sum of two numbers of the tables may overflow."""
    return any(
        max(abs(float(table.max())), abs(float(table.min()))) > np.finfo(table.dtype).max / 2 for table in tables
    )


def _rows(
    words: Sequence[Word], embeddings: NDArray[Any], weights: NDArray[Any] | None, which: str
) -> tuple[NDArray[Any], bool]:
    """Return the vectors, and whether the array is a new one."""
    inner = validation.floats("embeddings", embeddings, (len(words), "dim"))
    if which == "in":
        return inner, False
    if weights is None:
        raise ValueError(f"which={which!r} needs the output weights, which are missing: use which='in'")
    outer = validation.floats("weights", weights, inner.shape, inner.dtype)
    if which == "out":
        return outer, False
    check_finite("embeddings", inner, words)
    check_finite("weights", outer, words)
    if which == "mean":
        return (inner / 2 + outer / 2 if _are_large(inner, outer) else (inner + outer) / 2), True
    return np.hstack([table_of_units(inner), table_of_units(outer)]), True

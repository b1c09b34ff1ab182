"""The names of gensim's KeyedVectors that have the same meaning here."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.vectors.left_out import LEFT_OUT, NEW
from sampledsoftmax.word2vec.vectors.lengths import unit
from sampledsoftmax.word2vec.vectors.nearest import exact_cosines
from sampledsoftmax.word2vec.vectors.queries import Queries
from sampledsoftmax.word2vec.vectors.terms import finite
from sampledsoftmax.word2vec.vectors.vocab_of_gensim_3 import Vocab, VocabEntry
from sampledsoftmax.word2vec.vectors.word_table import Word, sequence


class GensimNames(Queries):
    """Queries by gensim's names; see `WordVectors`."""

    _normed: NDArray[Any] | None = None

    def __getattr__(self, name: str) -> NoReturn:
        """Say what to write in the place of a name of gensim that is left out."""
        if name in LEFT_OUT:
            raise AttributeError(f"WordVectors has no {name}: {LEFT_OUT[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {validation.shown(name)}")

    def __setitem__(self, word: object, vector: object) -> NoReturn:
        raise TypeError(NEW)

    @property
    def key_to_index(self) -> Mapping[Any, int]:
        """The index of each word in `words`, a mapping that cannot be changed; gensim's name."""
        return MappingProxyType(self._ids)

    @property
    def index_to_key(self) -> list[Any]:
        """`words`, by gensim's name."""
        return self.words

    @property
    def index2word(self) -> list[Any]:
        """`words`, by the name of gensim 3."""
        return self.words

    @property
    def index2entity(self) -> list[Any]:
        """`words`, by the name of gensim 3."""
        return self.words

    @property
    def vocab(self) -> Mapping[Any, VocabEntry]:
        """The words as keys, by the name of gensim 3: `vocab[word].index` is the index; counts are with the model."""
        return Vocab(self._ids)

    @property
    def vector_size(self) -> int:
        """The dimension of the vectors, by gensim's name."""
        return int(self.vectors.shape[1])

    @property
    def syn0(self) -> NDArray[Any]:
        """`vectors`, by the name of gensim 3 and earlier."""
        return self.vectors

    @property
    def norms(self) -> NDArray[np.float64]:
        """`lengths`, by gensim's name."""
        return self.lengths

    @property
    def vectors_norm(self) -> NDArray[Any]:
        """`get_normed_vectors()`, by the name of gensim 3; computed on first use, kept, and read-only."""
        if self._normed is None:
            normed = self.get_normed_vectors()
            normed.flags.writeable = False
            self._normed = normed
        return self._normed

    def get_normed_vectors(self) -> NDArray[Any]:
        """Return all normalized vectors, as a new array.

        Returns
        -------
        float32 or float64 [num_words, dim]
            In the dtype of the vectors; a vector of zeros stays zero.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 4.0]])).get_normed_vectors()
        array([[0. , 1. ],
               [0.6, 0.8]])
        """
        normed = np.empty_like(self.vectors)
        for first in range(0, len(self), _BLOCK):
            normed[first : first + _BLOCK] = self._units(slice(first, first + _BLOCK))
        return normed

    def init_sims(self, replace: bool = False) -> None:
        """Do nothing: lengths are computed on first use.

        Parameters
        ----------
        replace : bool
            Must be False: vectors cannot be replaced by normalized ones.

        Raises
        ------
        TypeError, ValueError
            `replace` is not False; the message says what to write.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.eye(2)).init_sims()
        """
        if validation.flag("replace", replace):
            raise ValueError(f"replace must be False: {LEFT_OUT['unit_normalize_all']}")

    def fill_norms(self, force: bool = False) -> None:
        """Do nothing: lengths are computed on first use, and vectors cannot change.

        Parameters
        ----------
        force : bool
            Ignored, as there is nothing to compute again.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.eye(2)).fill_norms()
        """

    def get_index(self, key: Word, default: int | None = None) -> int:
        """Return the index of a word in `words`.

        Parameters
        ----------
        key : str or int
            The word; where all words are str, an int is an index and is returned.
        default : int, optional
            The result for an unknown word.

        Raises
        ------
        UnknownWordError
            The word has no vector, and there is no default.
        TypeError
            It is no str or int.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["in", "out"], np.eye(2))
        >>> vectors.get_index("out"), vectors.get_index("about", -1)
        (1, -1)
        """
        found = self._id_or_none(key) if default is not None else self._id(key)
        return default if found is None else found  # type: ignore[return-value]

    def has_index_for(self, key: Word) -> bool:
        """Return whether a word has a vector, as `key in vectors`.

        Parameters
        ----------
        key : str or int
            The word.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.eye(2)).has_index_for("about")
        False
        """
        return key in self

    def get_vector(self, key: Word, norm: bool = False) -> NDArray[Any]:
        """Return the vector of a word.

        Parameters
        ----------
        key : str or int
            The word.
        norm : bool
            Whether it is divided by its length.

        Returns
        -------
        float [dim]
            In the dtype of the vectors; it cannot be written.

        Raises
        ------
        UnknownWordError, TypeError
            The word has no vector, or an argument is of another type.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 4.0]])).get_vector("out", norm=True)
        array([0.6, 0.8])
        """
        i = self._id(key)
        if not validation.flag("norm", norm):
            return self.vectors[i]  # type: ignore[no-any-return]
        vector = self._units([i])[0].astype(self.vectors.dtype)
        vector.flags.writeable = False
        return vector  # type: ignore[no-any-return]

    def word_vec(self, word: Word, use_norm: bool = False, norm: bool = False) -> NDArray[Any]:
        """Return the vector of a word, as `get_vector`; the name of gensim 3.

        Parameters
        ----------
        word : str or int
            The word.
        use_norm, norm : bool
            Whether it is divided by its length; two names of one setting.

        Returns
        -------
        float [dim]
            As of `get_vector`.

        Raises
        ------
        UnknownWordError, TypeError
            As `get_vector`.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 4.0]])).word_vec("in", use_norm=True)
        array([0., 1.])
        """
        return self.get_vector(word, validation.flag("use_norm", use_norm) or validation.flag("norm", norm))

    def get_mean_vector(
        self,
        keys: Sequence[Any],
        weights: ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> NDArray[Any]:
        """Return the mean vector of words and vectors.

        Parameters
        ----------
        keys : sequence of str, int or float [dim]
            Words and vectors, at least one.
        weights : float [num_keys], optional
            Weight of each; 1 by default. The sum is divided by the sum of their absolute values.
        pre_normalize : bool
            Whether the vectors of words are normalized first; vectors are taken as they are.
        post_normalize : bool
            Whether the mean is normalized.
        ignore_missing : bool
            Whether unknown words are left out; otherwise they raise.

        Returns
        -------
        float [dim]
            In the dtype of the vectors; zeros if no word is known.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            A word has no vector and `ignore_missing` is False, there are no words, the mean does not fit the dtype,
            or an argument is of another type, shape or range.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 0.0]]))
        >>> vectors.get_mean_vector(["in", "out", "about"])
        array([0.5, 0.5])
        """
        given = sequence("keys", keys)
        if not given:
            raise ValueError("keys must hold at least one word, got none")
        scale = np.ones(len(given)) if weights is None else _numbers(weights)
        if scale.shape != (len(given),):
            raise ValueError(f"weights must have shape [{len(given)}], got {list(scale.shape)}")
        finite("weights", scale)
        normed, ignored = validation.flag("pre_normalize", pre_normalize), validation.flag("ignore", ignore_missing)
        rows = [self._row(key, normed, ignored) for key in given]
        used = [i for i, row in enumerate(rows) if row is not None]
        if not used or not scale[used].any():
            return np.zeros(self.vector_size, self.vectors.dtype)
        shares = scale[used] / np.abs(scale[used]).max()
        mean = (np.array([rows[i] for i in used]) * (shares / np.abs(shares).sum())[:, np.newaxis]).sum(axis=0)
        mean = unit(mean) if validation.flag("post_normalize", post_normalize) else mean
        with np.errstate(over="ignore"):
            return finite("the mean", mean.astype(self.vectors.dtype))

    def _row(self, key: Any, normed: bool, ignored: bool) -> NDArray[np.float64] | None:
        if isinstance(key, np.ndarray):
            return finite("a vector", validation.floats("a vector", key, (self.vector_size,)).astype(np.float64))
        i = self._id_or_none(key) if ignored else self._id(key)
        return None if i is None else self._units([i])[0] if normed else self.vectors[i].astype(np.float64)

    def similar_by_word(self, word: Word, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Return the words nearest to a word, as `most_similar([word])`.

        Parameters
        ----------
        word : str or int
            The word.
        topn : int or None
            As for `most_similar`.
        restrict_vocab : int, optional
            Search only the first `restrict_vocab` words.

        Returns
        -------
        list of (str or int, float), or float64 [num_searched]
            As of `most_similar`.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            As `most_similar`.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 4.0]])).similar_by_word("in")
        [('out', 0.8)]
        """
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_key(self, key: Word, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Return the words nearest to a word, as `similar_by_word`.

        Parameters
        ----------
        key : str or int
            The word.
        topn : int or None
            As for `most_similar`.
        restrict_vocab : int, optional
            Search only the first `restrict_vocab` words.

        Returns
        -------
        list of (str or int, float), or float64 [num_searched]
            As of `most_similar`.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            As `most_similar`.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[0.0, 2.0], [3.0, 4.0]])).similar_by_key("in")
        [('out', 0.8)]
        """
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_to_given(self, key1: Word, keys_list: Sequence[Word]) -> Any:
        """Return the word of a list that is nearest to a word, the first of several.

        Parameters
        ----------
        key1 : str or int
            The word.
        keys_list : sequence of str or int
            At least one word.

        Returns
        -------
        str or int
            One of `keys_list`.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            A word has no vector or is of another type, or the list is empty.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["a", "b", "c"], np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
        >>> vectors.most_similar_to_given("a", ["b", "c"])
        'c'
        """
        ids = self._all_ids("keys_list", keys_list)
        return self.words[ids[int((self._units(ids) * self._units([self._id(key1)])).sum(axis=1).argmax())]]

    def distance(self, w1: Word, w2: Word) -> float:
        """Return 1 - `similarity(w1, w2)`.

        Parameters
        ----------
        w1, w2 : str or int
            The words.

        Raises
        ------
        UnknownWordError, TypeError
            A word has no vector, or is of another type.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[1.0, 0.0], [-3.0, 0.0]])).distance("in", "out")
        2.0
        """
        return 1.0 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Any, other_words: Sequence[Word] = ()) -> NDArray[np.float64]:
        """Return 1 - cosine of a word or vector with each of some words.

        Parameters
        ----------
        word_or_vector : str, int or float [dim]
            The word, or a finite vector.
        other_words : sequence of str or int
            The words; none means all, by index.

        Returns
        -------
        float64 [num_others]
            In [0, 2] up to rounding.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            A word has no vector, or the vector has another type or shape or is not finite.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[1.0, 0.0], [-3.0, 0.0]])).distances("in")
        array([0., 2.])
        """
        if isinstance(word_or_vector, np.ndarray):
            vector = validation.floats("word_or_vector", word_or_vector, (self.vector_size,))
            target = unit(finite("word_or_vector", vector.astype(np.float64)))
        else:
            target = self._units([self._id(word_or_vector)])[0]
        others = sequence("other_words", other_words)
        ids = np.array([self._id(word) for word in others], np.int64) if others else np.arange(len(self))
        return np.asarray(1.0 - exact_cosines(self.vectors, self.lengths, target, ids))

    def closer_than(self, key1: Word, key2: Word) -> list[Any]:
        """Return the words that are nearer to `key1` than `key2` is, by index.

        Parameters
        ----------
        key1, key2 : str or int
            The words; `key1` itself is left out.

        Returns
        -------
        list of str or int
            The words.

        Raises
        ------
        UnknownWordError, TypeError
            A word has no vector, or is of another type.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["a", "b", "c"], np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
        >>> vectors.closer_than("a", "b")
        ['c']
        """
        own, far = self._id(key1), self._id(key2)
        distances = self.distances(key1)
        near = np.flatnonzero(distances < distances[far]).tolist()
        return [self.words[i] for i in near if i != own]

    def words_closer_than(self, w1: Word, w2: Word) -> list[Any]:
        """Return the words that are nearer to `w1` than `w2` is, as `closer_than`.

        Parameters
        ----------
        w1, w2 : str or int
            The words.

        Returns
        -------
        list of str or int
            The words.

        Raises
        ------
        UnknownWordError, TypeError
            A word has no vector, or is of another type.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["a", "b", "c"], np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
        >>> vectors.words_closer_than("a", "b")
        ['c']
        """
        return self.closer_than(w1, w2)

    def rank(self, key1: Word, key2: Word) -> int:
        """Return the rank of `key2` among the words nearest to `key1`, 1 for the nearest.

        Parameters
        ----------
        key1, key2 : str or int
            The words.

        Raises
        ------
        UnknownWordError, TypeError
            A word has no vector, or is of another type.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["a", "b", "c"], np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
        >>> vectors.rank("a", "b")
        2
        """
        return len(self.closer_than(key1, key2)) + 1


def _numbers(weights: ArrayLike) -> NDArray[np.float64]:
    try:
        return np.asarray(weights, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"weights must be numbers, got {validation.described(weights)}") from None


_BLOCK = 16_384  # rows that are normalized at a time

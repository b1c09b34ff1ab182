"""Queries of word vectors: cosines, nearest words, analogies, the odd one out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.vectors.lengths import scaled_together, unit
from sampledsoftmax.word2vec.vectors.nearest import exact_cosines, nearest
from sampledsoftmax.word2vec.vectors.terms import Term, finite, terms
from sampledsoftmax.word2vec.vectors.word_table import Word, WordTable, sequence

Similar = list[tuple[Any, float]]
# So that the quotient of `most_similar_cosmul` is finite; the value of Levy and Goldberg is 0.001, of gensim this one.
_ABOVE_ZERO = 1e-6


class Queries(WordTable):
    """Queries of a table of words; see `WordVectors`."""

    def similarity(self, a: Word, b: Word) -> float:
        """Return the cosine of the vectors of two words.

        Parameters
        ----------
        a, b : str or int
            The words.

        Returns
        -------
        float
            In [-1, 1] up to rounding; 0 if a vector is all zeros.

        Raises
        ------
        UnknownWordError
            A word has no vector; it is a KeyError whose message names words with a similar spelling.
        TypeError
            A word is no str or int.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[1.0, 0.0], [-3.0, 0.0]])).similarity("in", "out")
        -1.0
        """
        of_a, of_b = self._units([self._id(a), self._id(b)])
        return float((of_a * of_b).sum())

    def n_similarity(self, some: Sequence[Word], others: Sequence[Word]) -> float:
        """Return the cosine of the mean vectors of two lists of words, as in gensim.

        Parameters
        ----------
        some, others : sequence of str or int
            The words, at least one in each list.

        Returns
        -------
        float
            In [-1, 1] up to rounding.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            A word has no vector, an argument is no sequence of words, or a list is empty.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["a", "b", "c"], np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
        >>> round(vectors.n_similarity(["a", "b"], ["c"]), 6)
        1.0
        """
        means = (self._mean_of(self._all_ids("some", some)), self._mean_of(self._all_ids("others", others)))
        return float((unit(means[0]) * unit(means[1])).sum())

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: None = None,
    ) -> Any:
        """Return the words nearest to a word or to the mean of several words, with their cosines, best first.

        Parameters
        ----------
        positive : str, int, float [dim], or sequence of them or of (word, weight), optional
            The mean is that of the normalized vectors of words, as in gensim; vectors enter it as they are. A word
            may have a weight, which is 1 otherwise. The words themselves are excluded from the result. Where all
            words are str, an int is the index of a word.
        negative : str, int, float [dim], or sequence of them or of (word, weight), optional
            Words that enter the mean with weight -1, or with the weight of their pair.
        topn : int or None
            Maximum number of words, at least 1. None returns the cosines of all words, `positive` and `negative`
            included.
        clip_start, clip_end : int, optional
            Search only the words with these indices, `clip_end` excluded.
        restrict_vocab : int, optional
            Search only the first `restrict_vocab` words, in the place of `clip_start` and `clip_end`.
        indexer : None
            Must be None: searches are exact.

        Returns
        -------
        list of (str or int, float), or float64 [num_searched]
            Words and their cosines in [-1, 1]; for `topn=None` the cosines alone, by index.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            A word has no vector, there are no words, or an argument is of another type or out of its range.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> square = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.1], [0.1, 1.0]])
        >>> vectors = ss.WordVectors(["man", "king", "woman", "queen"], square)
        >>> vectors.most_similar(positive=["king", "woman"], negative=["man"], topn=1)[0][0]
        'queen'
        >>> vectors.most_similar([("king", 0.5), "woman"], topn=1)[0][0]
        'queen'
        >>> vectors.most_similar("man", topn=None).shape
        (4,)
        """
        if indexer is not None:
            raise TypeError("indexer must be None: searches are exact, and other indexes are not used")
        rows = self._searched(clip_start, clip_end, restrict_vocab)
        plus, minus = self._both_terms(positive, negative)
        target = unit(self._sum(plus, minus))
        return self._nearest(target, topn, [term.what for term in plus + minus if not term.is_vector], rows)

    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """Return the words with the largest product of similarities (3CosMul), best first.

        The similarities (1 + cosine) / 2 with the positive words are multiplied, and divided by those with the
        negative words plus 0.000001. Levy and Goldberg, "Linguistic regularities in sparse and explicit word
        representations", 2014.

        Parameters
        ----------
        positive, negative : str, int, float [dim], or sequence of them
            The words, at least one positive. They are excluded from the result.
        topn : int or None
            As for `most_similar`.
        restrict_vocab : int, optional
            Search only the first `restrict_vocab` words.

        Returns
        -------
        list of (str or int, float), or float64 [num_searched]
            Words and their scores; for `topn=None` the scores alone, by index.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            As `most_similar`; a word has a weight.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> square = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.1], [0.1, 1.0]])
        >>> vectors = ss.WordVectors(["man", "king", "woman", "queen"], square)
        >>> vectors.most_similar_cosmul(["king", "woman"], ["man"], topn=1)[0][0]
        'queen'
        """
        rows = self._searched(0, None, restrict_vocab)
        plus, minus = self._both_terms(positive, negative)
        if not plus:
            raise ValueError("positive must hold at least one word, got none")
        if any(term.weight != 1 for term in plus) or any(term.weight != -1 for term in minus):
            raise TypeError("most_similar_cosmul takes no weights: use most_similar")
        scores = self._product(plus, rows) / (self._product(minus, rows) + _ABOVE_ZERO)
        if topn is None:
            return scores
        found = validation.whole_number("topn", topn, at_least=1)
        left_out = {term.what for term in plus + minus if not term.is_vector}
        order = (rows.start + i for i in np.argsort(-scores, kind="stable").tolist())
        best = [i for _, i in zip(range(found + len(left_out)), order, strict=False) if i not in left_out][:found]
        return [(self.words[i], float(scores[i - rows.start])) for i in best]

    def similar_by_vector(self, vector: ArrayLike, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Return the words nearest to a vector, with their cosines, best first.

        Parameters
        ----------
        vector : float [dim]
            The vector, finite.
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
        TypeError, ValueError
            If the vector has another type or shape or is not finite, or `topn` is of another type or below 1.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> ss.WordVectors(["in", "out"], np.array([[1.0, 0.0], [0.0, 1.0]])).similar_by_vector([0.0, 5.0], topn=1)
        [('out', 1.0)]
        """
        wide = validation.floats("vector", vector, self.vectors.shape[1:]).astype(np.float64)
        return self._nearest(unit(finite("vector", wide)), topn, [], self._searched(0, None, restrict_vocab))

    def analogy(self, a: Word, b: Word, c: Word, topn: int | None = 10) -> Any:
        """Return the words nearest to b - a + c: "a is to b as c is to ...".

        The three vectors are normalized first; the three words are excluded from the result.
        Mikolov, Yih and Zweig, "Linguistic regularities in continuous space word representations", 2013.

        Parameters
        ----------
        a, b, c : str or int
            The words of the question.
        topn : int or None
            As for `most_similar`.

        Returns
        -------
        list of (str or int, float), or float64 [num_words]
            As of `most_similar`.

        Raises
        ------
        UnknownWordError, TypeError, ValueError
            As `most_similar`.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> square = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.1], [0.1, 1.0]])
        >>> vectors = ss.WordVectors(["man", "king", "woman", "queen"], square)
        >>> [word for word, _ in vectors.analogy("man", "king", "woman")]
        ['queen']
        """
        return self.most_similar([b, c], [a], topn)

    def doesnt_match(self, words: Sequence[Word]) -> Any:
        """Return the word farthest from the mean of all words, with normalized vectors, as in gensim.

        Words without a vector are left out. Of several words at the same distance the last one is returned.

        Parameters
        ----------
        words : sequence of str or int
            The words, at least one of them known.

        Returns
        -------
        str or int
            One of them.

        Raises
        ------
        TypeError, ValueError
            It is no sequence of words, or none of them has a vector.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["a", "b", "odd"], np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]))
        >>> vectors.doesnt_match(["a", "odd", "unknown", "b"])
        'odd'
        """
        return self.rank_by_centrality(words)[-1][1]

    def rank_by_centrality(self, words: Sequence[Word]) -> list[tuple[float, Any]]:
        """Return the words by their cosine with the mean of all, nearest first, with normalized vectors.

        Parameters
        ----------
        words : sequence of str or int
            The words, at least one of them known; words without a vector are left out.

        Returns
        -------
        list of (float, str or int)
            Cosines and words; words of equal cosine stay in their order.

        Raises
        ------
        TypeError, ValueError
            It is no sequence of words, or none of them has a vector.

        Examples
        --------
        >>> import sampledsoftmax as ss
        >>> vectors = ss.WordVectors(["a", "b", "odd"], np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]))
        >>> [word for _, word in vectors.rank_by_centrality(["a", "odd", "b"])]
        ['b', 'a', 'odd']
        """
        given = sequence("words", words)
        if not given:
            raise ValueError("words must hold at least one word, got none")
        ids = [i for i in map(self._id_or_none, given) if i is not None]
        if not ids:
            raise ValueError(f"none of the {len(given)} words has a vector: {validation.shown(given)}")
        units = self._units(ids)
        cosines = (units * unit(units.sum(axis=0))).sum(axis=1)
        return [(float(cosines[i]), self.words[ids[i]]) for i in np.argsort(-cosines, kind="stable").tolist()]

    def _id_or_none(self, word: object) -> int | None:
        try:
            return self._id(word)
        except KeyError:
            return None

    def _mean_of(self, ids: list[int]) -> NDArray[np.float64]:
        """Return a vector in the direction of the mean of some vectors."""
        return np.asarray(scaled_together(self.vectors[ids].astype(np.float64)).mean(axis=0))

    def _both_terms(self, positive: Any, negative: Any) -> tuple[list[Term], list[Term]]:
        """Return positive and negative terms, with indices in the place of words."""
        if isinstance(negative, (int, float, np.integer)):
            raise TypeError(
                f"negative is {validation.shown(negative)}, but topn is the third argument, as in gensim: "
                f"write topn={validation.shown(negative)}, or negative=[{validation.shown(negative)}] for a word"
            )
        plus, minus = (
            [self._known(term) for term in terms(name, given, weight)]
            for name, given, weight in (("positive", positive, 1.0), ("negative", negative, -1.0))
        )
        if not plus and not minus:
            raise ValueError("positive must hold at least one word, got none, and none in negative")
        return plus, minus

    def _known(self, term: Term) -> Term:
        if not term.is_vector:
            return Term(self._id(term.what), term.weight)
        if term.what.size != self.vectors.shape[1]:
            raise ValueError(f"a vector must have shape [{self.vectors.shape[1]}], got {list(term.what.shape)}")
        return term

    def _sum(self, plus: list[Term], minus: list[Term]) -> NDArray[np.float64]:
        """Return the weighted sum of normalized vectors of words and of vectors, up to a positive factor."""
        rows = np.empty((len(plus) + len(minus), self.vectors.shape[1]))
        for row, term in zip(rows, plus + minus, strict=True):
            row[:] = term.what if term.is_vector else self._units([term.what])[0]
        weights = scaled_together(np.array([[term.weight] for term in plus + minus]))
        rows = scaled_together(scaled_together(rows) * weights)
        return np.asarray(rows[: len(plus)].sum(axis=0) + rows[len(plus) :].sum(axis=0))

    def _product(self, some: list[Term], rows: range) -> NDArray[np.float64]:
        """Return the product of (1 + cosine) / 2 with each term, for each of the rows."""
        product = np.ones(len(rows))
        for term in some:
            target = unit(term.what) if term.is_vector else self._units([term.what])[0]
            product *= (1.0 + exact_cosines(self.vectors, self.lengths, target, _indices(rows))) / 2.0
        return product

    def _searched(self, clip_start: int, clip_end: int | None, restrict_vocab: int | None) -> range:
        """Return the indices of the words that are searched."""
        start = validation.whole_number("clip_start", clip_start, at_least=0, at_most=len(self) - 1)
        end = len(self) if clip_end is None else validation.whole_number("clip_end", clip_end, at_least=start + 1)
        if restrict_vocab is not None:
            start, end = 0, validation.whole_number("restrict_vocab", restrict_vocab, at_least=1)
        return range(start, min(end, len(self)))

    def _nearest(self, target: NDArray[np.float64], topn: int | None, left_out: list[int], rows: range) -> Any:
        if topn is None:
            return exact_cosines(self.vectors, self.lengths, target, _indices(rows))
        topn = validation.whole_number("topn", topn, at_least=1)
        table, lengths = self.vectors[rows.start : rows.stop], self.lengths[rows.start : rows.stop]
        exclude = [i - rows.start for i in left_out if i in rows]
        ids, cosines = nearest(table, lengths, target, topn, exclude)
        return [(self.words[rows.start + i], cosine) for i, cosine in zip(ids.tolist(), cosines.tolist(), strict=True)]


def _indices(rows: range) -> NDArray[np.int64]:
    return np.arange(rows.start, rows.stop)

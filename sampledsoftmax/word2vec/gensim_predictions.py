"""The most probable words between given ones: `predict_output_word` of gensim, with exact probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.training.tables import Tables
from sampledsoftmax.word2vec.vectors.word_table import sequence

_BLOCK = 16_384  # rows that are converted to float64 at a time


def most_probable(tables: Tables, vocabulary: Vocabulary, context: Any, topn: Any) -> list[tuple[Any, float]]:
    """Return words and probabilities given the mean embedding of the context; see `Word2Vec.predict_output_word`.

    Examples
    --------
    >>> from sampledsoftmax import SGD
    >>> from sampledsoftmax.word2vec.training.tables import new_tables
    >>> tables = new_tables(3, 2, SGD(0.1), seed=1)  # its weights are 0
    >>> tables.biases.values[1] = np.log(2.0)
    >>> words = Vocabulary(["to", "be", "or"], np.array([3, 2, 1]))
    >>> [(word, round(p, 6)) for word, p in most_probable(tables, words, ["or", "not"], 2)]
    [('be', 0.5), ('to', 0.25)]
    """
    given, most = sequence("context_words_list", context), validation.whole_number("topn", topn, at_least=1)
    ids = [vocabulary.ids[word] for word in given if _is_known(word, vocabulary)]
    if not ids:
        raise ValueError(
            f"context_words_list must hold at least one word of the vocabulary, got {validation.shown(given)}"
        )
    logits = _logits(tables, tables.embeddings.values[ids].astype(np.float64).mean(axis=0))
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    return [(vocabulary.words[i], float(shares[i])) for i in np.argsort(-shares, kind="stable")[:most].tolist()]


def _is_known(word: Any, vocabulary: Vocabulary) -> bool:
    if isinstance(word, bool) or not isinstance(word, (str, int, np.integer)):
        raise TypeError(f"context_words_list must hold words, each a str or an int, got {validation.described(word)}")
    return word in vocabulary.ids


def _logits(tables: Tables, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logit of every word, summed in float64 in a fixed order."""
    logits = tables.biases.values.astype(np.float64)
    for first in range(0, logits.size, _BLOCK):
        logits[first : first + _BLOCK] += (tables.weights.values[first : first + _BLOCK] * mean).sum(axis=1)
    return logits

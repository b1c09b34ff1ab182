"""Words of a trained model, explained: the tables that a training run has written."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.explanation.explain import explain
from sampledsoftmax.explanation.types import Explanation
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors


class Tables(NamedTuple):
    """A trained skip-gram model.

    Attributes
    ----------
    words : list of str
        Most frequent first.
    counts : int64 [num_words]
        How often each comes in the text.
    embeddings, weights : float32 or float64 [num_words, dim]
        Tables on the input side and on the output side.
    biases : float32 or float64 [num_words]
        Output biases.
    """

    words: list[str]
    counts: NDArray[np.int64]
    embeddings: NDArray[Any]
    weights: NDArray[Any]
    biases: NDArray[Any]


def load_tables(directory: str | os.PathLike[str]) -> Tables:
    """Return the tables in the output directory of a training run.

    Raises
    ------
    FileNotFoundError
        There are none, or vectors alone.
    ValueError
        The file is damaged.
    """
    run = load_trained(directory)
    if run.counts is None or run.weights is None or run.biases is None:
        raise FileNotFoundError(f"{directory} holds vectors alone: name the --output directory of a training run")
    return Tables(run.words, run.counts, run.embeddings, run.weights, run.biases)


def explain_words(tables: Tables, words: Sequence[str], num_sampled: int, seed: Any, **options: Any) -> Explanation:
    """Return a batch of words, traced: each word is to predict the next one, the last one the first.

    A single word is to predict the word, other than itself, that the model finds likeliest beside it.

    Parameters
    ----------
    tables : Tables
        A trained model.
    words : sequence of str
        At least one; a word that the model does not know raises `UnknownWordError`.
    num_sampled, seed
        As for `explain`.
    **options
        Go to `explain`.

    Examples
    --------
    >>> tables = Tables(["to", "be"], np.array([9, 4]), np.eye(2), np.eye(2), np.zeros(2))
    >>> explain_words(tables, ["be", "to"], 2, 1, path="reference").labels.tolist()
    [[0], [1]]
    """
    vectors = WordVectors(tables.words, tables.embeddings)
    for word in words:
        vectors[word]  # raises for a word that is not there, with those near it
    ids = np.array([vectors.words.index(word) for word in words])
    labels = np.roll(ids, -1) if ids.size > 1 else _likeliest(tables, ids[0])
    arrays = (tables.weights, tables.biases, labels, tables.embeddings[ids])
    options |= {"class_names": tables.words, "input_ids": ids}
    return explain(*arrays, num_sampled, len(tables.words), seed=seed, **options)


def _likeliest(tables: Tables, word: int) -> NDArray[np.int64]:
    if len(tables.words) < 2:
        raise ValueError("the model knows one word only: there is none to predict")
    logits = tables.weights @ tables.embeddings[word] + tables.biases
    logits[word] = -np.inf
    return np.array([logits.argmax()])

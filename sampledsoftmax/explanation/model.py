"""Traces of words from a trained model, loaded from the output of a training run."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.explanation.explain import explain
from sampledsoftmax.explanation.explanation import Explanation
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors


class ModelTables(NamedTuple):
    """The tables of a trained skip-gram model.

    Attributes
    ----------
    words : list of str
        Sorted by falling frequency.
    counts : int64 [num_words]
        Number of occurrences in the corpus.
    embeddings, weights : float32 or float64 [num_words, dim]
        Input and output tables.
    biases : float32 or float64 [num_words]
        Output biases.
    """

    words: list[str]
    counts: NDArray[np.int64]
    embeddings: NDArray[Any]
    weights: NDArray[Any]
    biases: NDArray[Any]


def load_tables(directory: str | os.PathLike[str]) -> ModelTables:
    """Load the tables from the output directory of a training run.

    Raises
    ------
    FileNotFoundError
        If there is no such run, or the file holds only vectors.
    ValueError
        If the file is damaged.
    """
    run = load_trained(directory)
    if run.counts is None or run.weights is None or run.biases is None:
        name = shown_path(directory)
        raise FileNotFoundError(f"{name} holds only vectors: name the --output directory of a training run")
    return ModelTables(run.words, run.counts, run.embeddings, run.weights, run.biases)


def explain_words(
    tables: ModelTables, words: Sequence[str], num_sampled: int, seed: Any, **options: Any
) -> Explanation:
    """Trace a batch of words in which each word predicts the next one, and the last one the first.

    A single word predicts the most likely other word according to the model.

    Parameters
    ----------
    tables : ModelTables
        A trained model.
    words : sequence of str
        At least one; a word that is not in the vocabulary raises `UnknownWordError`.
    num_sampled, seed
        As for `explain`.
    **options
        Passed to `explain`.

    Examples
    --------
    >>> tables = ModelTables(["to", "be"], np.array([9, 4]), np.eye(2), np.eye(2), np.zeros(2))
    >>> explain_words(tables, ["be", "to"], 2, 1, path="reference").labels.tolist()
    [[0], [1]]
    """
    vectors = WordVectors(tables.words, tables.embeddings, copy=False)
    for word in words:
        vectors[word]  # raises UnknownWordError with suggestions
    ids = np.array([vectors.words.index(word) for word in words])
    labels = np.roll(ids, -1) if ids.size > 1 else _most_likely(tables, ids[0])
    arrays = (tables.weights, tables.biases, labels, tables.embeddings[ids])
    options |= {"class_names": tables.words, "input_ids": ids}
    return explain(*arrays, num_sampled, len(tables.words), seed=seed, **options)


def _most_likely(tables: ModelTables, word: int) -> NDArray[np.int64]:
    if len(tables.words) < 2:
        raise ValueError("the vocabulary has only one word: there is no other to predict")
    logits = tables.weights @ tables.embeddings[word] + tables.biases
    logits[word] = -np.inf
    return np.array([logits.argmax()])

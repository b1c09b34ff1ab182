"""Exact loss of a trained model on held-out text."""

import os
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.word2vec.corpus.corpus import read_sentences
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.evaluation.held_out import HeldOut, held_out
from sampledsoftmax.word2vec.training.load import LoadedModel


@not_a_number()
class TextLoss(NamedTuple):
    """Scores of a model on a text.

    Attributes
    ----------
    scores : HeldOut
        Exact loss and ranks over the pairs.
    unigram_loss : float
        Loss on the same pairs of a prediction from word counts alone: the baseline.
    window : int
        Maximum distance of the two words of a pair.
    covered : float
        Share of the words of the text that are in the vocabulary; the others are dropped before pairs are made.
    """

    scores: HeldOut
    unigram_loss: float
    window: int
    covered: float


def evaluate_text(
    model: LoadedModel, path: str | os.PathLike[str], window: int | None = None, max_pairs: int = 200_000
) -> TextLoss:
    """Return the exact loss of a skip-gram model on a text file.

    The pairs are each word with each word within `window` of it, all with equal weight and without subsampling
    (training draws a window for each word and subsamples frequent words).

    Parameters
    ----------
    model : LoadedModel
        With output weights.
    path : path
        A text as for `Word2Vec.train`.
    window : int, optional
        Maximum distance of the two words of a pair; by default that of the training, or 5 if it is unknown.
    max_pairs : int
        Use only the first `max_pairs` pairs of the text.

    Raises
    ------
    ValueError
        There are no output weights, or the text has no pairs of known words.
    """
    if model.weights is None or model.counts is None:
        raise ValueError("the loss on text needs the output weights, but only vectors are given")
    if not model.settings.get("sg", True):
        raise ValueError("the loss on text is that of skip-gram, and the model was trained as CBOW")
    window = validation.whole_number(
        "window", model.settings.get("window", 5) if window is None else window, at_least=1
    )
    max_pairs = validation.whole_number("max_pairs", max_pairs, at_least=1)
    sentences = read_sentences(path)
    stream = Vocabulary(model.words, model.counts).encode(sentences)
    num_words = sum(map(len, sentences))
    inputs, labels = all_pairs(stream, window, max_pairs)
    if not inputs.size:
        name = shown_path(path)
        raise ValueError(f"{name} has no two known words in a line: {stream.ids.size} of its {num_words} are known")
    scores = held_out(model.embeddings, model.weights, model.biases, inputs, labels)
    probabilities = model.counts / model.counts.sum()
    unigram_loss = -float(np.log(probabilities[labels]).mean())
    return TextLoss(scores, unigram_loss, window, stream.ids.size / num_words)


def all_pairs(stream: IdStream, window: int, max_pairs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return inputs and labels of the first pairs of a text: words of one sentence at most `window` apart.

    Examples
    --------
    >>> inputs, labels = all_pairs(IdStream(np.array([7, 8, 9, 5]), np.array([0, 3, 4])), 1, 100)
    >>> inputs, labels
    (array([7, 8, 8, 9]), array([8, 7, 9, 8]))
    """
    # a sentence of n > 1 words has at least n pairs: the first such sentences with max_pairs words are enough
    lengths = np.diff(stream.offsets)
    size = next((i for i, n in enumerate(accumulate(np.where(lengths > 1, lengths, 0))) if n >= max_pairs), None)
    last = stream.ids.size if size is None else int(stream.offsets[size + 1])
    ids = stream.ids[:last]
    sentence = np.repeat(np.arange(lengths.size), lengths)[:last]
    positions = np.arange(last)
    found = []
    for distance in (*range(-window, 0), *range(1, window + 1)):
        here = positions[max(0, -distance) : max(0, last - distance)]
        here = here[sentence[here] == sentence[here + distance]]
        found.append(np.stack([here, here + distance]))
    centers, contexts = np.concatenate(found, axis=1)
    order = np.lexsort((contexts, centers))[:max_pairs]
    return ids[centers[order]], ids[contexts[order]]

"""The exact loss of a trained model on text that it has not seen."""

import os
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.corpus import read_sentences
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.evaluation.held_out import HeldOut, held_out
from sampledsoftmax.word2vec.training.load import Trained


class TextLoss(NamedTuple):
    """The scores of a model on a text.

    Attributes
    ----------
    scores : HeldOut
        Exact loss and ranks over the pairs.
    unigram_loss : float
        Loss on the same pairs of a guess by word counts alone: what a model has to be better than.
    window : int
        Farthest distance of a pair.
    covered : float
        Share of the text's words that are in the vocabulary; the others are left out before pairs are made.
    """

    scores: HeldOut
    unigram_loss: float
    window: int
    covered: float


def evaluate_text(
    trained: Trained, path: str | os.PathLike[str], window: int | None = None, max_pairs: int = 200_000
) -> TextLoss:
    """Return the exact loss of a skip-gram model on a text file.

    Pairs are a word and each word within `window` of it, all of equal weight and none thinned out (training
    draws a window for each word, and leaves out frequent ones).

    Parameters
    ----------
    trained : Trained
        With output weights.
    path : path
        A text as for `Word2Vec.train`.
    window : int, optional
        Farthest distance of a pair; that of the training, or 5 where it is not known.
    max_pairs : int
        Only the first so many pairs of the text are used.

    Raises
    ------
    ValueError
        There are no output weights, or the text has no pairs of known words.
    """
    if trained.weights is None or trained.counts is None:
        raise ValueError("the loss on text needs the output weights, and only vectors are there")
    if not trained.settings.get("sg", True):
        raise ValueError("the loss on text is that of skip-gram, and the model was trained as CBOW")
    window = validation.whole_number(
        "window", trained.settings.get("window", 5) if window is None else window, at_least=1
    )
    max_pairs = validation.whole_number("max_pairs", max_pairs, at_least=1)
    sentences = read_sentences(path)
    stream = Vocabulary(trained.words, trained.counts).encode(sentences)
    num_words = sum(map(len, sentences))
    inputs, labels = all_pairs(stream, window, max_pairs)
    if not inputs.size:
        raise ValueError(f"{path} has no two known words in a line: {stream.ids.size} of its {num_words} are known")
    scores = held_out(trained.embeddings, trained.weights, trained.biases, inputs, labels)
    probabilities = trained.counts / trained.counts.sum()
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
    # each word has at most 2 * window pairs, so that so many words are enough
    size = next((i for i, n in enumerate(accumulate(np.diff(stream.offsets))) if n >= max_pairs), None)
    last = stream.ids.size if size is None else int(stream.offsets[size + 1])
    ids = stream.ids[:last]
    sentence = np.repeat(np.arange(stream.offsets.size - 1), np.diff(stream.offsets))[:last]
    places = np.arange(last)
    found = []
    for distance in (*range(-window, 0), *range(1, window + 1)):
        here = places[max(0, -distance) : last - max(0, distance)]
        here = here[sentence[here] == sentence[here + distance]]
        found.append(np.stack([here, here + distance]))
    centres, contexts = np.concatenate(found, axis=1)
    order = np.lexsort((contexts, centres))[:max_pairs]
    return ids[centres[order]], ids[contexts[order]]

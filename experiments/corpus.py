"""A synthetic corpus with known probabilities: Zipf's law, and topics that prefer their own words."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.diagnostics.problem import Floats, shares, zipf_counts

OWN_TOPIC = 0.5  # share of the labels that are drawn from the topic of the input


class Corpus(NamedTuple):
    """Pairs (input, label) of classes, as probabilities.

    Attributes
    ----------
    joint : float64 [num_classes, num_classes]
        Probability of each pair; rows are inputs.
    topics : int64 [num_classes]
        Topic of each class.
    """

    joint: Floats
    topics: NDArray[np.int64]

    @property
    def input_share(self) -> Floats:
        """Probability of each input [num_classes]."""
        return np.asarray(self.joint.sum(axis=1))

    @property
    def label_share(self) -> Floats:
        """Probability of each label [num_classes]."""
        return np.asarray(self.joint.sum(axis=0))

    @property
    def entropy(self) -> float:
        """Mean -log p(label | input) in nats: a lower bound on the loss of any model."""
        conditional = self.joint / self.input_share[:, np.newaxis]
        return float(-(self.joint * np.log(conditional)).sum())

    def pairs(self, num_pairs: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (inputs, labels), int64 [num_pairs] each, drawn from the joint distribution."""
        edges = np.cumsum(self.joint)
        drawn = np.random.default_rng(seed).random(num_pairs) * edges[-1]
        found = np.minimum(np.searchsorted(edges, drawn, side="right"), edges.size - 1)
        inputs, labels = np.divmod(found, self.joint.shape[0])
        return inputs, labels

    def renamed(self, seed: int) -> "Corpus":
        """Return the same corpus with ids permuted at random, so they are no longer in order of frequency."""
        order = np.random.default_rng(seed).permutation(self.topics.size)
        return Corpus(self.joint[np.ix_(order, order)], self.topics[order])


def topic_corpus(num_classes: int, num_topics: int, seed: int = 0) -> Corpus:
    """Return a corpus of classes of random topics, ids in order of falling frequency.

    Inputs are drawn by `zipf_counts`. Half of the labels are drawn by the same counts, the other half by the counts
    of the classes of the input's topic.

    Parameters
    ----------
    num_classes, num_topics : int
        At least 2, and at least 1.
    seed : int
        Seed of the topics.

    Examples
    --------
    >>> corpus = topic_corpus(40, 4, seed=1)
    >>> corpus.joint.shape, float(corpus.joint.sum().round(6))
    ((40, 40), 1.0)
    >>> bool((np.diff(corpus.label_share) < 0).all())
    True
    """
    num_classes = validation.whole_number("num_classes", num_classes, 2)
    num_topics = validation.whole_number("num_topics", num_topics, 1)
    topics = np.random.default_rng(seed).integers(num_topics, size=num_classes)
    share = shares(zipf_counts(num_classes))
    same = topics[:, np.newaxis] == topics
    own = same * share
    own /= own.sum(axis=1, keepdims=True)
    return Corpus(share[:, np.newaxis] * ((1 - OWN_TOPIC) * share + OWN_TOPIC * own), topics)

import itertools

import numpy as np
import pytest

from sampledsoftmax.word2vec.encoding.vocabulary import IdStream
from sampledsoftmax.word2vec.evaluation.text_loss import all_pairs


def naive(sentences, window):
    """Return inputs and labels of all pairs of words of one sentence that are at most `window` apart, in order."""
    pairs = [
        (center, sentence[j])
        for sentence in sentences
        for i, center in enumerate(sentence)
        for j in range(max(0, i - window), min(len(sentence), i + window + 1))
        if i != j
    ]
    return [list(ids) for ids in zip(*pairs, strict=True)] if pairs else [[], []]


@pytest.mark.parametrize("window", [1, 2, 5, 50])
@pytest.mark.parametrize("lengths", [[1], [2], [0, 7], [3, 1, 0, 4], [35], [20, 15], []])
@pytest.mark.parametrize("max_pairs", [1, 5, 10_000])
def test_the_pairs_of_a_naive_version(window, lengths, max_pairs):
    ids = np.arange(sum(lengths)) * 3
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    sentences = [list(ids[a:b]) for a, b in itertools.pairwise(offsets)]
    inputs, labels = all_pairs(IdStream(ids, offsets), window, max_pairs)
    assert [list(inputs), list(labels)] == [pairs[:max_pairs] for pairs in naive(sentences, window)]

import numpy as np
import pytest

from sampledsoftmax.word2vec.evaluation import held_out as module
from sampledsoftmax.word2vec.evaluation.held_out import held_out


def example(num_words=37, dim=5, num_pairs=211, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    tables = [rng.normal(size=(num_words, dim)).astype(dtype) for _ in range(2)]
    biases = rng.normal(size=num_words).astype(dtype)
    return *tables, biases, rng.integers(0, num_words, num_pairs), rng.integers(0, num_words, num_pairs)


def naive(embeddings, weights, biases, inputs, labels):
    """Return loss and rank of each pair, from all logits in float64."""
    logits = embeddings[inputs].astype(np.float64) @ weights.T.astype(np.float64) + biases
    true = logits[np.arange(labels.size), labels][:, np.newaxis]
    ranks = 1 + (logits > true).sum(axis=1) + ((logits == true).sum(axis=1) - 1) / 2
    return np.log(np.exp(logits).sum(axis=1)) - true[:, 0], ranks


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("block", [1, 37 * 4, 10**7])
def test_the_numbers_of_a_naive_version(monkeypatch, dtype, tolerance, block):
    monkeypatch.setattr(module, "_BLOCK", block)
    arrays = example(dtype=dtype)
    losses, ranks = naive(*arrays)
    scores = held_out(*arrays, k=(1, 5, 37))
    np.testing.assert_allclose(scores.loss, losses.mean(), rtol=tolerance)
    np.testing.assert_allclose(scores.mrr, (1 / ranks).mean(), rtol=1e-12)
    assert scores.recall == {k: (ranks <= k).mean() for k in (1, 5, 37)}
    assert scores.recall[37] == 1.0
    assert scores.num_pairs == 211


def test_ties_share_the_mean_of_their_ranks():
    embeddings, weights = np.ones((1, 1)), np.array([[2.0], [1.0], [1.0], [1.0], [0.0]])
    scores = held_out(embeddings, weights, None, [0, 0], [2, 4], k=(2, 3, 5))
    assert scores.mrr == (1 / 3 + 1 / 5) / 2
    assert scores.recall == {2: 0.0, 3: 0.5, 5: 1.0}


def test_no_biases_are_zero_biases():
    embeddings, weights, biases, inputs, labels = example(num_pairs=1)
    assert held_out(embeddings, weights, None, inputs, labels) == held_out(
        embeddings, weights, np.zeros_like(biases), inputs, labels
    )


def test_bad_arguments_are_refused():
    embeddings, weights, biases, inputs, labels = example(num_words=4, dim=2, num_pairs=3)
    with pytest.raises(ValueError, match=r"labels\[1\] = 4 is not a class id"):
        held_out(embeddings, weights, biases, inputs, [0, 4, 0])
    with pytest.raises(ValueError, match=r"labels must have shape \[3\], got \[2\]"):
        held_out(embeddings, weights, biases, inputs, [0, 1])
    with pytest.raises(ValueError, match="at least one pair, got none"):
        held_out(embeddings, weights, biases, inputs[:0], labels[:0])
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        held_out(embeddings, weights, biases, inputs, labels, k=(0,))
    with pytest.raises(ValueError, match=r"weights must have shape \[num_classes, 2\]"):
        held_out(embeddings, weights[:, :1], biases, inputs, labels)
    with pytest.raises(TypeError, match="weights must have the dtype of the other arrays"):
        held_out(embeddings, weights.astype(np.float32), biases, inputs, labels)
    weights[0, 0] = np.nan
    with pytest.raises(ValueError, match="weights must be finite"):
        held_out(embeddings, weights, biases, inputs, labels)


@pytest.mark.parametrize(("size", "dtype"), [(1e25, np.float32), (1e200, np.float64)])
def test_logits_that_overflow_are_no_score(size, dtype):
    table = (np.eye(3) * size + 1).astype(dtype)
    with pytest.raises(ValueError, match="embeddings and weights are too large for float"):
        held_out(table, table, None, [0, 1], [1, 2])

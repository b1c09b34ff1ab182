"""Defaults on a few sentences: every seed and every size of the vocabulary trains."""

import numpy as np
import pytest

from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training.settings import OPTIMIZERS
from sampledsoftmax.word2vec.training.word_counts import thresholds

pytestmark = pytest.mark.compiled

TITLES = """human interface computer
survey user computer system response time
eps user interface system
system human system eps
user response time
trees
graph trees
graph minors trees
graph minors survey"""
NINE = [line.split() for line in TITLES.splitlines()]


def test_nine_short_sentences_train_with_every_seed():
    assert len({word for sentence in NINE for word in sentence}) == 12
    for seed in range(200):
        model = Word2Vec(NINE, min_count=1, seed=seed, threads=1)
        assert len(model.wv) == 12
        assert np.isfinite(model.wv.vectors).all()
        assert all(progress.pairs > 0 for progress in model.history)


@pytest.mark.parametrize(
    ("sg", "most", "num_words"),
    [(1, 48, n) for n in (2, 3, 4, 5, 47, 48, 95, 96, 97)] + [(0, 32, n) for n in (2, 31, 63, 64, 65)],
)
def test_any_small_vocabulary_trains_with_the_defaults(sg, most, num_words):
    words = [f"w{i}" for i in range(num_words)]
    for seed in range(5):
        model = Word2Vec([words, words[::-1]], min_count=1, epochs=1, seed=seed, sg=sg, threads=1)
        assert len(model.wv) == num_words
    assert model.settings.candidates(num_words) == max(1, min(most, num_words // 2))
    assert model.settings.num_sampled is None


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("sg", [0, 1])
def test_each_optimizer_has_a_rate_that_does_not_diverge(optimizer, sg):
    """On nine titles, and on enough text that sums over a batch are as large as they get."""
    rng = np.random.default_rng(1)
    text = [[f"w{i}" for i in np.minimum(rng.zipf(1.3, 30) - 1, 299)] for _ in range(3000)]
    for corpus, epochs in ((NINE, 100), (text, 2)):
        model = Word2Vec(corpus, min_count=1, epochs=epochs, optimizer=optimizer, sg=sg, threads=1)
        first, last = model.history[0].loss, model.history[-1].loss
        assert last < first < 10


def test_a_corpus_that_is_too_small_says_what_was_counted():
    with pytest.raises(
        ValueError, match=r"0 of the 12 distinct words .* min_count=5 .*, 'user', occurs 3 times|'system'"
    ):
        Word2Vec(NINE)
    with pytest.raises(ValueError, match="num_sampled=64 unique candidates cannot be drawn from the 12 words"):
        Word2Vec(NINE, min_count=1, num_sampled=64)
    long = "x" * 10**6
    with pytest.raises(ValueError, match=r"one distinct word, 'x{79}\.\.\. \(2 times\)"):
        Word2Vec([[long, long]], min_count=1)


def test_a_corpus_of_fewer_than_one_over_sample_words_is_not_subsampled():
    every = 2**32
    assert (thresholds(np.array([600, 399]), 1e-3) == every).all()
    assert (thresholds(np.array([600, 400]), 1e-3) < every).all()
    assert (thresholds(np.array([99, 1]), 0.05) < every).any()
    assert (thresholds(np.array([10**9, 10**9]), 0.0) == every).all()


@pytest.mark.parametrize("sg", [True, False])
@pytest.mark.parametrize("objective", ["sampled_softmax", "nce", "negative_sampling"])
@pytest.mark.parametrize("optimizer", ["adagrad", "rowwise_adagrad", "sgd"])
def test_default_rates_fit_a_text_in_which_a_few_words_are_most(optimizer, objective, sg):
    drawn = np.random.default_rng(0).zipf(1.3, (800, 12)) % 60
    model = Word2Vec(drawn, vector_size=8, min_count=1, epochs=3, optimizer=optimizer, objective=objective, sg=sg)
    assert model.history[-1].smoothed < model.history[0].loss

import numpy as np
import pytest

from sampledsoftmax.skip_gram import SkipGram
from sampledsoftmax.words.pairs import PAIRS_PER_BLOCK
from sampledsoftmax.words.progress import Progress, TrainingDivergedError
from sampledsoftmax.words.word2vec import Word2Vec

SMALL = {"vector_size": 8, "min_count": 1, "sample": 0, "num_sampled": 3, "batch_size": 32, "epochs": 2}


def two_worlds(num_sentences=60, seed=1):
    """Sentences of letters or of digits, never of both."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(list("abcde" if i % 2 else "12345")).tolist() for i in range(num_sentences)]


def trained(corpus=None, **options):
    model = Word2Vec(**{**SMALL, **options})
    model.train(two_worlds() if corpus is None else corpus)
    return model


def test_words_of_one_world_come_near_each_other():
    vectors = trained(two_worlds(240), epochs=6).vectors
    for word in "abcde":
        assert {near for near, _ in vectors.most_similar(word, topn=4)} <= set("abcde")


def test_same_seed_same_bits():
    first, second, other = trained(), trained(), trained(seed=2)
    np.testing.assert_array_equal(first.vectors.vectors, second.vectors.vectors)
    assert first.vectors.words == second.vectors.words
    assert not np.array_equal(first.vectors.vectors, other.vectors.vectors)


def test_both_tables_side_by_side_give_the_mean_of_two_cosines(monkeypatch):
    models, real = [], SkipGram.__init__
    monkeypatch.setattr(SkipGram, "__init__", lambda m, *args, **kw: (models.append(m), real(m, *args, **kw))[1])
    vectors = trained(which="both").vectors
    assert vectors.vectors.shape == (10, 16)
    model = models[0]
    cosines = [
        table[0] @ table[3] / np.linalg.norm(table[0]) / np.linalg.norm(table[3])
        for table in (model.embeddings, model.weights)
    ]
    assert vectors.similarity(*np.array(vectors.words)[[0, 3]]) == pytest.approx(np.mean(cosines), rel=1e-5)


def test_a_drawn_seed_is_kept_and_repeats_the_run():
    model = trained(seed=None)
    np.testing.assert_array_equal(trained(seed=model.seed).vectors.vectors, model.vectors.vectors)


def test_training_again_starts_anew():
    model = trained()
    before = model.vectors.vectors.copy()
    model.train(two_worlds())
    np.testing.assert_array_equal(model.vectors.vectors, before)


def test_a_file_is_the_same_as_its_token_lists(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in two_worlds()))
    np.testing.assert_array_equal(trained(path).vectors.vectors, trained().vectors.vectors)


def test_progress_counts_words_pairs_and_steps():
    seen, epochs = [], []
    model = Word2Vec(**{**SMALL, "window": 1})
    model.train(two_worlds(), seen.append, epochs.append)
    pairs = 60 * 8  # five words in a row have four neighborhoods, each seen from both sides
    steps = -(-pairs // SMALL["batch_size"])
    assert pairs < PAIRS_PER_BLOCK
    assert [p[:-1] for p in seen] == [(1, 2, steps, pairs, 300, 600), (2, 2, 2 * steps, 2 * pairs, 600, 600)]
    assert epochs == seen
    assert all(isinstance(p, Progress) and 0.0 < p.loss < 5.0 for p in seen)


def test_loss_is_the_mean_over_pairs(monkeypatch):
    losses = iter(range(1, 100))
    monkeypatch.setattr(SkipGram, "step", lambda *_: float(next(losses)))
    seen = []
    Word2Vec(**{**SMALL, "window": 1, "epochs": 1}).train(two_worlds(), seen.append)
    assert seen[0].loss == np.average(np.arange(1, 16))


def test_vectors_before_training():
    with pytest.raises(ValueError, match="there are no vectors yet"):
        _ = Word2Vec().vectors


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"vector_size": 0}, ValueError, "vector_size must be at least 1, got 0"),
        ({"window": 0}, ValueError, "window must be at least 1, got 0"),
        ({"min_count": 0}, ValueError, "min_count must be at least 1, got 0"),
        ({"sample": -1e-3}, ValueError, "sample must be at least 0, got -0.001"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 2.0}, TypeError, "epochs must be a whole number, got float 2.0"),
        ({"num_sampled": 0}, ValueError, "num_sampled must be at least 1, got 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be above 0, got 0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate must be finite, got nan"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 2**31}, ValueError, "seed must be at most 2147483646"),
        ({"which": "out"}, ValueError, "which must be one of 'in', 'both', got 'out'"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        Word2Vec(**options)


def test_more_candidates_than_words():
    message = "num_sampled=11 unique candidates cannot be drawn from the 10 words that occur at least min_count=1"
    with pytest.raises(ValueError, match=message):
        trained(num_sampled=11)


def test_corpora_without_pairs():
    with pytest.raises(ValueError, match="the corpus has no pairs: no sentence holds two words"):
        trained([["a"], ["b"], ["c"], ["d"]])
    with pytest.raises(ValueError, match="sample=1e-09 leaves no sentence of two words; use sample=0"):
        trained([list("abcd")], sample=1e-9)
    with pytest.raises(TypeError, match="one-shot generator"):
        trained(sentence for sentence in two_worlds())


def test_a_corpus_that_is_used_up_by_one_pass():
    class UsedUp:
        def __init__(self):
            self.sentences = iter(two_worlds())

        def __iter__(self):
            return self.sentences

    with pytest.raises(ValueError, match="gave 300 words of the vocabulary at the first pass and 0 at the second"):
        trained(UsedUp())


def failing_step(at, error):
    real, steps = SkipGram.step, iter(range(1, 10_000))

    def step(model, inputs, labels):
        if next(steps) == at:
            raise error
        return real(model, inputs, labels)

    return step


def test_a_lost_loss_stops_the_run_and_keeps_the_last_epoch(monkeypatch):
    one_epoch = trained(epochs=1)
    steps = []
    Word2Vec(**SMALL).train(two_worlds(), steps.append)
    at = steps[0].step + 2
    monkeypatch.setattr(SkipGram, "step", failing_step(at, FloatingPointError("nan")))
    model = Word2Vec(**SMALL)
    with pytest.raises(TrainingDivergedError, match=f"diverged at step {at}: .* learning_rate=0.2") as raised:
        model.train(two_worlds())
    assert (raised.value.step, raised.value.learning_rate) == (at, 0.2)
    assert isinstance(raised.value, FloatingPointError)
    np.testing.assert_array_equal(model.vectors.vectors, one_epoch.vectors.vectors)


def test_a_learning_rate_that_is_too_high_is_named():
    model = Word2Vec(**{**SMALL, "learning_rate": 1e30})
    with pytest.raises(TrainingDivergedError, match=r"training diverged at step \d+: .* learning_rate=1e\+30"):
        model.train(two_worlds())
    with pytest.raises(ValueError, match="there are no vectors yet"):
        _ = model.vectors


def test_an_interrupt_keeps_the_vectors_of_the_moment(monkeypatch):
    monkeypatch.setattr(SkipGram, "step", failing_step(5, KeyboardInterrupt()))
    model = Word2Vec(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.train(two_worlds())
    assert len(model.vectors) == 10
    assert np.isfinite(model.vectors.vectors).all()


def test_the_loss_of_an_epoch_is_the_mean_over_its_pairs(monkeypatch):
    monkeypatch.setattr("sampledsoftmax.words.pairs.pair_blocks.__defaults__", (100, True))
    blocks, epochs = [], []
    model = Word2Vec(vector_size=4, sample=0, num_sampled=2, epochs=2, batch_size=32, min_count=1)
    model.train([["a", "b", "c", "d"]] * 40, blocks.append, epochs.append)
    assert len(blocks) > len(epochs) == 2
    for epoch in epochs:
        before, total = 0 if epoch.epoch == 1 else epochs[0].pairs, 0.0
        start = before
        for block in (b for b in blocks if b.epoch == epoch.epoch):
            total += block.loss * (block.pairs - before)
            before = block.pairs
        assert epoch.loss == pytest.approx(total / (epoch.pairs - start), rel=1e-12)

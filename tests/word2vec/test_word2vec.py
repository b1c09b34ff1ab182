import os
import signal

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training import checkpoint, trainer
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError
from sampledsoftmax.word2vec.training.settings import DEFAULT_SHARDS
from sampledsoftmax.word2vec.training.watch import Watch

pytestmark = pytest.mark.compiled  # a training run takes minutes in plain Python

SMALL = {"vector_size": 8, "min_count": 1, "sample": 0, "num_sampled": 3, "batch_size": 8, "epochs": 2}
BLOCK = 4 * 16  # positions, with the fixture `many_blocks`


@pytest.fixture
def many_blocks(monkeypatch):
    """Make blocks small, so that small corpora have many."""
    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", BLOCK)


def two_worlds(num_sentences=60, seed=1):
    """Sentences of letters or of digits, never of both."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(list("abcde" if i % 2 else "12345")).tolist() for i in range(num_sentences)]


def trained(corpus=None, **options):
    model = Word2Vec(**{**SMALL, **options})
    model.train(two_worlds() if corpus is None else corpus)
    return model


def bits(model):
    """Return all tables and slots as bytes."""
    return {name: array.tobytes() for name, array in model.tables.arrays().items()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sg": False, "epochs": 20},
        {"objective": "nce"},
        {"objective": "negative_sampling"},
        {"subtract_log_q": False},
        {"sampler": "log_uniform"},
        {"sampler": "learned_unigram"},
        {"optimizer": "adagrad"},
        {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 20},
        {"shrink_windows": False, "bias": False},
        {"sample": 0.5, "epochs": 12},
    ],
    ids=str,
)
def test_every_variant_of_training_learns_which_words_co_occur(options):
    model = trained(two_worlds(240), **{"epochs": 6, **options})
    words, tables = model.vocabulary.words, model.tables
    logits = tables.embeddings.values @ tables.weights.values.T + tables.biases.values
    for i, word in enumerate(words):
        likely = {words[j] for j in np.argsort(-logits[i])[:4]}
        assert likely == (set("abcde") if word in "abcde" else set("12345")) - {word}


def test_words_of_one_world_are_near_each_other():
    vectors = trained(two_worlds(240), epochs=6).vectors
    for word in "abcde":
        assert {near for near, _ in vectors.most_similar(word, topn=4)} <= set("abcde")


def test_same_seed_same_bits_for_any_number_of_threads():
    first, other = trained(), trained(seed=2)
    for threads in (1, 2, 4):
        assert bits(trained(threads=threads)) == bits(first)
    before = ss.get_num_threads()
    ss.set_num_threads(3)
    assert bits(trained()) == bits(first)
    ss.set_num_threads(before)
    assert not np.array_equal(first.vectors.vectors, other.vectors.vectors)


def test_which_vectors():
    model = trained(shrinkage=0)
    embeddings, weights = model.tables.embeddings.values, model.tables.weights.values
    np.testing.assert_array_equal(model.vectors.vectors, embeddings)
    np.testing.assert_array_equal(trained(which="out", shrinkage=0).vectors.vectors, weights)
    np.testing.assert_array_equal(trained(which="mean", shrinkage=0).vectors.vectors, (embeddings + weights) / 2)
    both = trained(which="both", shrinkage=0).vectors
    assert both.vectors.shape == (10, 16)
    cosines = [t[0] @ t[3] / np.linalg.norm(t[0]) / np.linalg.norm(t[3]) for t in (embeddings, weights)]
    assert both.similarity(*np.array(both.words)[[0, 3]]) == pytest.approx(np.mean(cosines), rel=1e-5)


@pytest.mark.parametrize("which", ["in", "out", "mean", "both"])
def test_vectors_are_pulled_toward_their_mean(which, tmp_path):
    model, plain = trained(which=which, shrinkage=7.5), trained(which=which, shrinkage=0)
    rows, counts = plain.vectors.vectors.astype(float), model.vocabulary.counts[:, np.newaxis]
    expected = (counts * rows + 7.5 * rows.mean(axis=0)) / (counts + 7.5)
    np.testing.assert_allclose(model.vectors.vectors, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(model.tables.embeddings.values, plain.tables.embeddings.values)
    model.save(tmp_path / "model.zip")
    np.testing.assert_array_equal(Word2Vec.load(tmp_path / "model.zip").vectors.vectors, model.vectors.vectors)


def test_a_drawn_seed_is_kept_and_repeats_the_run():
    model = trained(seed=None)
    np.testing.assert_array_equal(trained(seed=model.seed).vectors.vectors, model.vectors.vectors)


@pytest.mark.parametrize("which", ["in", "out", "mean", "both"])
def test_vectors_are_a_copy(which):
    model = trained(which=which)
    vectors = model.vectors
    before = vectors.vectors.copy()
    for table in model.tables:
        table.values[:] = 7
    np.testing.assert_array_equal(vectors.vectors, before)
    assert not vectors.vectors.flags.writeable


def test_a_file_is_the_same_as_its_token_lists(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in two_worlds()))
    assert bits(trained(path)) == bits(trained())
    assert bits(trained([str(path)])) == bits(trained())


def test_progress_counts_words_pairs_and_steps():
    seen, epochs = [], []
    model = Word2Vec(**{**SMALL, "window": 1, "learning_rate": 0.2, "min_learning_rate": 0.1})
    model.train(two_worlds(), seen.append, epochs.append)
    pairs = 60 * 8  # five words in a row have four neighborhoods, each seen from both sides
    steps = -(-60 * 5 // DEFAULT_SHARDS // SMALL["batch_size"])
    assert [p[:6] for p in seen] == [(1, 2, steps, pairs, 300, 600), (2, 2, 2 * steps, 2 * pairs, 600, 600)]
    assert [p.learning_rate for p in seen] == pytest.approx([0.2, 0.15])
    assert epochs == seen == model.history
    assert all(isinstance(p, Progress) and 0.0 < p.loss < 5.0 for p in seen)


def test_the_rate_falls_to_a_half_of_any_rate():
    assert Word2Vec(learning_rate=0.04).settings.min_learning_rate == 0.02
    assert Word2Vec(learning_rate=0.04, min_learning_rate=0).settings.min_learning_rate == 0


def test_the_loss_of_an_epoch_is_the_mean_over_its_pairs(many_blocks):
    blocks, epochs = [], []
    model = Word2Vec(**{**SMALL, "window": 3})
    model.train(two_worlds(), blocks.append, epochs.append)
    assert len(blocks) > 4 * len(epochs) == 8
    for epoch in epochs:
        before = start = 0 if epoch.epoch == 1 else epochs[0].pairs
        total = 0.0
        for block in model.history:
            if block.epoch == epoch.epoch and block.words < epoch.words:
                total += block.loss * (block.pairs - before)
                before = block.pairs
        # the last block of an epoch reports the mean of the epoch: the remainder is its own loss
        last = epoch.loss * (epoch.pairs - start) - total
        assert 0.0 < last / (epoch.pairs - before) < 5.0
    assert 0.0 < blocks[-1].smoothed < blocks[0].loss


def test_the_first_loss_is_that_of_zero_logits():
    """All logits are 0: each label is one of num_sampled + 1 classes, except for the effect of accidental hits."""
    seen = []
    text = [[str(i) for i in np.random.default_rng(k).permutation(50)] for k in range(20)]
    model = Word2Vec(**{**SMALL, "learning_rate": 1e-9, "min_learning_rate": 0, "subtract_log_q": False, "epochs": 1})
    model.train(text, seen.append)
    assert seen[0].loss == pytest.approx(np.log(4), rel=0.02)


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
        ({"shards": 0}, ValueError, "shards must be at least 1, got 0"),
        ({"shards": 257}, ValueError, "shards must be at most 256, got 257"),
        ({"shards": 4.0}, TypeError, "shards must be a whole number, got float 4.0"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be above 0, got 0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate must be finite, got nan"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 2**31}, ValueError, "seed must be at most 2147483646"),
        ({"shrinkage": -1}, ValueError, "shrinkage must be at least 0, got -1"),
        ({"which": "all"}, ValueError, "which must be one of 'in', 'out', 'mean', 'both', got 'all'"),
        (
            {"objective": "softmax"},
            ValueError,
            "objective must be one of 'sampled_softmax', 'nce', 'negative_sampling'",
        ),
        ({"sampler": "uniform"}, ValueError, "sampler must be one of 'unigram', 'log_uniform', 'learned_unigram'"),
        ({"optimizer": "adam"}, ValueError, "optimizer must be one of 'adagrad', 'rowwise_adagrad', 'sgd'"),
        ({"min_learning_rate": 0.3}, ValueError, "min_learning_rate must be at most learning_rate=0.2, got 0.3"),
        ({"sg": 2}, TypeError, "sg must be True or False, got int 2"),
        ({"threads": 0}, ValueError, "threads must be at least 1, got 0"),
        ({"threads": 257}, ValueError, "threads must be at most 256, got 257"),
        (
            {"objective": "negative_sampling", "subtract_log_q": True},
            ValueError,
            "subtract_log_q=True with objective='negative_sampling' is objective='nce': use that instead",
        ),
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
    with pytest.raises(ValueError, match="the corpus has no pairs: no sentence has two words"):
        trained([["a"], ["b"], ["c"], ["d"]])
    with pytest.raises(TypeError, match="one-shot generator"):
        trained(sentence for sentence in two_worlds())


def test_a_learning_rate_that_is_too_high_is_named():
    model = Word2Vec(**{**SMALL, "learning_rate": 1e30})
    with pytest.raises(
        TrainingDivergedError, match=r"training diverged at step \d+: .* learning_rate=1e\+30"
    ) as raised:
        model.train(two_worlds())
    assert isinstance(raised.value, FloatingPointError)
    assert not model.is_trained
    for use in (lambda: model.vectors, lambda: model.tables, lambda: model.train(two_worlds(), resume=True)):
        with pytest.raises(
            ValueError, match="no vectors: the last run diverged before its first checkpoint; train a new"
        ):
            use()


def interrupt_at(block):
    """Return a callback that presses Ctrl-C at a block."""
    blocks = iter(range(1, 10_000))

    def on_progress(_):
        if next(blocks) == block:
            os.kill(os.getpid(), signal.SIGINT)

    return on_progress


@pytest.mark.parametrize(
    "options", [{}, {"sampler": "learned_unigram"}, {"optimizer": "adagrad", "sg": False}], ids=str
)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, many_blocks, options):
    whole = trained(**options)
    path, model = tmp_path / "model.zip", Word2Vec(**{**SMALL, **options})
    stops = 0
    while not model.is_finished:
        try:
            model.train(two_worlds(), interrupt_at(2), resume=stops > 0, checkpoint=path)
        except KeyboardInterrupt:
            stops += 1
            model = Word2Vec.load(path)
    assert stops > 2
    assert bits(model) == bits(whole) == bits(Word2Vec.load(path))
    assert model.history == whole.history


def test_an_interrupt_without_a_checkpoint_keeps_the_model(many_blocks):
    model = Word2Vec(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.train(two_worlds(), interrupt_at(3))
    assert len(model.vectors) == 10
    assert not model.is_finished
    model.train(two_worlds(), resume=True)
    assert bits(model) == bits(trained())


def test_what_cannot_be_resumed(tmp_path, many_blocks):
    with pytest.raises(ValueError, match="there are no vectors yet"):
        Word2Vec(**SMALL).train(two_worlds(), resume=True)
    model = Word2Vec(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.train(two_worlds(), interrupt_at(1))
    before = bits(model)
    message = "not the corpus of the run to resume: it has 250 words of the run's vocabulary in 50 sentences"
    with pytest.raises(ValueError, match=message):
        model.train(two_worlds(50), resume=True)
    with pytest.raises(ValueError, match="set only one"):
        model.train(two_worlds(), resume=True, grow_vocab=True)
    assert bits(model) == before


def test_checkpoints_are_as_frequent_as_requested(tmp_path, many_blocks, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoint, "save", lambda path, state: saved.append((path, state.history[-1].words)))
    model = Word2Vec(**SMALL)
    model.train(two_worlds(), checkpoint=tmp_path / "model.zip", checkpoint_seconds=0)
    assert [words for _, words in saved] == [p.words for p in model.history]
    saved.clear()
    model.train(two_worlds(), checkpoint=tmp_path / "model.zip")
    assert saved == [(tmp_path / "model.zip", 600)]
    with pytest.raises(ValueError, match="checkpoint_seconds must be at least 0"):
        model.train(two_worlds(), checkpoint_seconds=-1)


def test_new_words_do_not_change_old_ones(many_blocks):
    model = trained(shrinkage=0)
    words, before = list(model.vocabulary.words), model.vectors
    old = {name: array.copy() for name, array in model.tables.arrays().items()}
    more = [["x", "y", "z"]] * 20  # no old word, so no old row is a label or an input
    with pytest.raises(ValueError, match="there are no vectors yet"):
        Word2Vec(**SMALL).train(more, grow_vocab=True)
    model.train(more, grow_vocab=True)
    assert model.vocabulary.words[:10] == words
    assert sorted(model.vocabulary.words[10:]) == ["x", "y", "z"]
    np.testing.assert_array_equal(model.tables.embeddings.values[:10], before.vectors)
    np.testing.assert_array_equal(model.tables.arrays()["embeddings.accumulator"][:10], old["embeddings.accumulator"])
    assert model.tables.weights.values.shape == (13, 8)
    near = {word for word, _ in model.vectors.most_similar("x", topn=2)}
    assert near == {"y", "z"}


def test_a_run_on_more_text_can_be_resumed(many_blocks):
    more = [["x", "y", "a", "z"]] * 40
    whole, model = trained(), trained()
    whole.train(more, grow_vocab=True)
    with pytest.raises(KeyboardInterrupt):
        model.train(more, interrupt_at(2), grow_vocab=True)
    model.train(more, resume=True)
    assert bits(model) == bits(whole)


def test_the_watch_is_called(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in two_worlds()))
    read, reused, plans = [], [], []
    watch = Watch(on_read=lambda *bytes_read: read.append(bytes_read), on_reuse=reused.append, on_plan=plans.append)
    for _ in range(2):
        Word2Vec(**SMALL).train(path, watch=watch, cache=tmp_path / "cache")
    assert read[-1][0] == path.stat().st_size
    assert len(reused) == 1
    assert len(plans) == 2
    assert plans[0].tables == 4 * 10 * (8 + 8 + 1)


def test_tables_that_do_not_fit(monkeypatch):
    monkeypatch.setattr("sampledsoftmax.word2vec.training.memory.available_memory", lambda: 500)
    with pytest.raises(ValueError, match=r"tables and slots take 765 bytes, but 500 bytes of memory is available"):
        trained()

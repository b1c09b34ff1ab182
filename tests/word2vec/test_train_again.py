"""A second call of train goes on; nothing that was learned is lost, and nothing that was not learned is handed out."""

import contextlib
import copy
import pickle

import numpy as np
import pytest

from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training import trainer
from sampledsoftmax.word2vec.training.progress import TrainingDivergedError
from sampledsoftmax.word2vec.training.settings import TrainingSettings
from sampledsoftmax.word2vec.training.watch import Watch
from tests.word2vec.test_word2vec import BLOCK, SMALL, bits, interrupt_at, trained, two_worlds

pytestmark = pytest.mark.compiled

MORE = two_worlds(40, seed=2)


@pytest.fixture
def many_blocks(monkeypatch):
    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", BLOCK)


@pytest.mark.parametrize("options", [{}, {"sg": False, "optimizer": "sgd"}, {"sampler": "learned_unigram"}], ids=str)
def test_a_second_call_goes_on_with_rows_slots_and_words(options, tmp_path):
    model = trained(**options)
    words, counts, before = list(model.vocabulary.words), model.vocabulary.counts.copy(), bits(model)
    model.save(tmp_path / "model.zip")
    model.train(MORE, epochs=3)
    assert model.vocabulary.words == words
    np.testing.assert_array_equal(model.vocabulary.counts, counts)
    assert bits(model) != before
    assert (model.epochs, model.history[-1].epoch, model.is_finished) == (3, 3, True)
    loaded = Word2Vec.load(tmp_path / "model.zip")
    loaded.train(MORE, epochs=3)
    assert bits(loaded) == bits(model)
    if "sg" not in options:
        assert model.history[0].loss < trained(MORE, **options).history[0].loss


def test_words_that_are_not_known_are_left_out_and_counted():
    left_out = []
    model = trained()
    assert (model.corpus_count, model.corpus_total_words, model.words_left_out) == (60, 300, 0)
    model.train([["a", "x", "b"], ["y"], ["c", "a"]], watch=Watch(on_left_out=lambda *counts: left_out.append(counts)))
    assert (model.corpus_count, model.corpus_total_words, model.words_left_out) == (3, 6, 2)
    assert left_out == [(2, 6)]
    assert len(model.vocabulary) == 10
    model.train(MORE, watch=Watch(on_left_out=lambda *_: pytest.fail("no word was left out")))
    assert model.words_left_out == 0


def test_rare_words_are_counted_too(tmp_path):
    path, cache = tmp_path / "corpus.txt", tmp_path / "cache"
    path.write_text("a b a b c\na b\n" * 2)
    for source, options in (
        (path, {}),
        (path, {"cache": cache}),
        (path, {"cache": cache}),
        ([list("ababcab")] * 2, {}),
    ):
        model = Word2Vec(**{**SMALL, "min_count": 3, "num_sampled": 1})
        model.train(source, **options)
        assert (model.corpus_total_words, model.words_left_out) == (14, 2)


@pytest.mark.parametrize(
    "corpus", [[["x", "y", "z"]] * 5, [["a"], ["b", "x"]], []], ids=["unknown", "no pairs", "empty"]
)
def test_a_corpus_without_known_pairs_is_refused_with_what_to_write(corpus):
    model = trained()
    before = bits(model)
    with pytest.raises(
        ValueError, match=r"known: grow_vocab=True .*, resume=True .*, and a new Word2Vec\(...\) starts"
    ):
        model.train(corpus)
    assert bits(model) == before
    assert (model.corpus_count, len(model.history)) == (60, 2)


@pytest.mark.parametrize(
    ("corpus", "options", "error"),
    [
        ("nowhere.txt", {}, FileNotFoundError),
        (3, {}, TypeError),
        (None, {}, TypeError),
        ([["a", None]], {}, TypeError),
        ([["a", "b"], "c d"], {}, TypeError),
        (MORE, {"epochs": 0}, ValueError),
        (MORE, {"callbacks": [print]}, TypeError),
        (MORE, {"checkpoint_seconds": -1}, ValueError),
        (MORE, {"checkpoint": "no/such/folder/model.zip"}, FileNotFoundError),
        (MORE, {"checkpoint": "."}, IsADirectoryError),
        (MORE, {"checkpoint": "\0"}, ValueError),
        (MORE, {"checkpoint": "x" * 10_000}, ValueError),
        (MORE, {"checkpoint": 3}, TypeError),
        (MORE, {"on_progress": 3}, TypeError),
        (MORE, {"on_epoch": "print"}, TypeError),
        (MORE, {"watch": print}, TypeError),
        (MORE, {"watch": Watch(on_plan=None)}, TypeError),
        (MORE, {"errors": 3}, ValueError),
        (MORE, {"cache": 3}, TypeError),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_call_that_fails_changes_nothing(corpus, options, error):
    for model in (trained(), Word2Vec(**SMALL)):
        before = bits(model) if model.is_trained else None
        with pytest.raises(error):
            model.train(corpus, **options)
        assert model.is_trained == (before is not None)
        assert before is None or bits(model) == before
        assert model.epochs == 2


def test_a_corpus_that_fails_while_it_is_read_changes_nothing():
    class Broken:
        def __iter__(self):
            yield ["a", "b"]
            raise RuntimeError("no more")

    model = Word2Vec(**SMALL)
    with pytest.raises(RuntimeError, match="no more"):
        model.train(Broken())
    assert not model.is_trained
    model = trained()
    before = bits(model)
    with pytest.raises(RuntimeError, match="no more"):
        model.train(Broken())
    assert bits(model) == before


def test_an_interrupted_run_is_not_left_by_accident(many_blocks):
    model = Word2Vec(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.train(two_worlds(), interrupt_at(2))
    before = bits(model)
    for call in (lambda: model.train(MORE), lambda: model.build_vocab(MORE, update=True)):
        with pytest.raises(
            ValueError, match=r"stopped in epoch 1 of 2: train\(corpus, resume=True\) continues it, .*grow"
        ):
            call()
    with pytest.raises(ValueError, match="epochs=3: the run to resume has 2 epochs"):
        model.train(two_worlds(), resume=True, epochs=3)
    assert bits(model) == before
    model.train(two_worlds(), resume=True, epochs=2)
    assert bits(model) == bits(trained())


def test_epochs_of_a_run_are_in_its_checkpoint(tmp_path, many_blocks):
    path = tmp_path / "model.zip"
    whole, model = Word2Vec(**{**SMALL, "epochs": 3}), Word2Vec(**SMALL)
    whole.train(two_worlds())
    with pytest.raises(KeyboardInterrupt):
        model.train(two_worlds(), interrupt_at(2), epochs=3, checkpoint=path)
    assert model.epochs == 3
    loaded = Word2Vec.load(path)
    loaded.train(two_worlds(), resume=True)
    assert bits(loaded) == bits(whole)


def test_an_interrupt_before_the_first_block_leaves_an_untrained_model():
    def stop(*_):
        raise KeyboardInterrupt

    for watch in (Watch(on_plan=stop), Watch(on_read=stop)):
        model = Word2Vec(**SMALL)
        with pytest.raises(KeyboardInterrupt):
            model.train(__file__, watch=watch)
        assert not model.is_trained
        for attribute in ("vectors", "wv", "tables", "vocabulary", "history"):
            with pytest.raises(ValueError, match="there are no vectors yet"):
                getattr(model, attribute)


def test_epochs_without_pairs():
    """Two words in turn, subsampled to one of twenty: most sentences of two are empty or have one word."""

    def one_epoch(seed):
        model = Word2Vec(vector_size=4, min_count=1, epochs=1, seed=seed, sample=1e-3)
        with contextlib.suppress(ValueError):
            model.train([["a", "b"]] * 500)
        return model

    models = [one_epoch(seed) for seed in range(12)]
    assert {model.is_trained for model in models} == {True, False}
    model = next(model for model in models if not model.is_trained)
    with pytest.raises(ValueError, match=r"^no epoch has pairs: sample=0\.001 leaves no sentence of two words; use"):
        model.train([["a", "b"]] * 500)
    with pytest.raises(ValueError, match="there are no vectors yet"):
        _ = model.vectors
    model = Word2Vec([["a", "b"]] * 500, vector_size=4, min_count=1, epochs=20, seed=0, sample=1e-3)
    losses = [progress.loss for progress in model.history]
    assert np.isnan(losses).any()
    assert np.isfinite(losses).any()
    assert model.is_finished


def test_vectors_are_copied_once_and_anew_after_training():
    model = trained(shrinkage=0)
    first = model.vectors
    assert model.vectors is model.wv is first
    kept = first.vectors.copy()
    model.train(MORE)
    assert model.vectors is not first
    np.testing.assert_array_equal(first.vectors, kept)
    np.testing.assert_array_equal(model.vectors.vectors, model.tables.embeddings.values)
    seen = []
    model.train(MORE, lambda _: seen.append(model.vectors.vectors.copy()))
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[1], model.vectors.vectors)


def test_copies_of_a_model():
    model = trained()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin.train(MORE)
        assert bits(twin) != bits(model)
    again = copy.deepcopy(model)
    again.train(MORE)
    assert bits(again) == bits(twin)


@pytest.mark.parametrize("rate", [100.0, 1e30])
@pytest.mark.parametrize("how", ["train", "grow_vocab", "update"])
def test_a_run_that_diverges_leaves_the_model_as_it_was(how, rate, tmp_path):
    model = trained()
    model.save(tmp_path / "model.zip")
    words, before, history = list(model.vocabulary.words), bits(model), model.history
    wild = Word2Vec.load(tmp_path / "model.zip")
    vars(wild)["_settings"] = Word2Vec(**{**SMALL, "learning_rate": rate, "optimizer": "rowwise_adagrad"}).settings
    more = [["a", "b", "new", "c"]] * 40
    if how == "update":
        wild.build_vocab(more, update=True)
    with pytest.raises(TrainingDivergedError, match="diverged at step"):
        wild.train(more, grow_vocab=how == "grow_vocab")
    assert (wild.vocabulary.words, bits(wild), wild.history) == (words, before, history)


@pytest.mark.parametrize("options", [{}, {"sg": False}, {"objective": "nce"}, {"optimizer": "sgd"}], ids=str)
def test_a_loss_far_above_that_of_zero_logits_is_no_result(options, tmp_path):
    path = tmp_path / "model.zip"
    model = Word2Vec(**{**SMALL, **options, "learning_rate": 1000.0})
    with pytest.raises(TrainingDivergedError, match=r"diverged at step \d+: .*with learning_rate=1000; use a smaller"):
        model.train(two_worlds(), checkpoint=path, checkpoint_seconds=0)
    assert not path.exists()
    assert not model.is_trained


def test_the_last_checkpoint_is_kept_and_the_model_goes_back_to_it(tmp_path, many_blocks, monkeypatch):
    monkeypatch.setattr(TrainingSettings, "rate_at", lambda _, share: 0.2 if share < 0.5 else 1e10)
    path, model = tmp_path / "model.zip", Word2Vec(**SMALL)
    with pytest.raises(TrainingDivergedError, match=r"learning_rate=1e\+10"):
        model.train(two_worlds(), checkpoint=path, checkpoint_seconds=0)
    loaded = Word2Vec.load(path)
    assert bits(model) == bits(loaded)
    assert np.isfinite(model.vectors.vectors).all()
    assert np.abs(model.vectors.vectors).max() < 100
    assert model.history == loaded.history


def test_a_resumed_run_that_diverges_has_no_vectors(many_blocks):
    model = Word2Vec(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.train(two_worlds(), interrupt_at(2))
    model.tables.weights.values[:] = np.nan
    with pytest.raises(TrainingDivergedError):
        model.train(two_worlds(), resume=True)
    assert not model.is_trained
    with pytest.raises(ValueError, match="the last run diverged"):
        _ = model.vectors

"""Lines as people write them for gensim: each works, or the error says what to write instead."""

import inspect

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.word2vec import gensim_names
from sampledsoftmax.word2vec.model import Word2Vec
from tests.word2vec.test_word2vec import SMALL, bits, trained, two_worlds

pytestmark = pytest.mark.compiled

TEXTS = [
    ["human", "interface", "computer"],
    ["survey", "user", "computer", "system", "response", "time"],
    ["eps", "user", "interface", "system"],
]


def test_sentences_given_to_the_constructor_are_trained(tmp_path):
    assert bits(Word2Vec(two_worlds(), **SMALL)) == bits(trained())
    assert bits(Word2Vec(sentences=two_worlds(), **SMALL)) == bits(trained())
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in two_worlds()))
    for source in (path, str(path), [path]):
        assert bits(Word2Vec(source, **SMALL)) == bits(trained())
    assert bits(Word2Vec(corpus_file=str(path), **SMALL)) == bits(trained())
    model = Word2Vec(sentences=TEXTS, vector_size=100, window=5, min_count=1, workers=4)
    assert model.wv["user"].shape == (100,)
    assert model.threads == 4
    assert not Word2Vec().is_trained


def test_names_that_mean_the_same():
    model = Word2Vec(size=7, iter=3, negative=5, workers=2, sg=0, hs=0, cbow_mean=1, min_count=1, sorted_vocab=1)
    settings = model.settings
    assert (settings.vector_size, settings.epochs, settings.num_sampled, settings.sg) == (7, 3, 5, False)
    assert (model.vector_size, model.epochs, model.window, model.threads) == (7, 3, 5, 2)
    assert Word2Vec(sg=1).settings.sg is True
    assert Word2Vec(sg=np.True_).settings.sg is True
    same = {"max_vocab_size": None, "max_final_vocab": None, "trim_rule": None, "null_word": 0, "hashfxn": hash}
    Word2Vec(**same, batch_words=10000, compute_loss=True, callbacks=(), comment=None, alpha=None)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"alpha": 0.025}, ValueError, "alpha=0.025 is not offered: .* write learning_rate="),
        ({"min_alpha": 1e-4}, ValueError, "min_alpha=0.0001 is not offered: .*min_learning_rate="),
        ({"hs": 1}, ValueError, "hs=1 is not offered: .*objective='sampled_softmax'"),
        ({"hs": 2}, TypeError, "hs must be True or False, got int 2"),
        ({"cbow_mean": 0}, ValueError, "cbow_mean=0 is not offered: CBOW takes the mean"),
        ({"max_vocab_size": 1000}, ValueError, "max_vocab_size=1000 is not offered: .*min_count"),
        ({"max_final_vocab": 1000}, ValueError, "max_final_vocab=1000 .*min_count"),
        ({"trim_rule": print}, ValueError, "trim_rule=.* is not offered: filter the tokens"),
        ({"sorted_vocab": 0}, ValueError, "sorted_vocab=0 .*leave it out"),
        ({"batch_words": 50}, ValueError, "batch_words=50 .*batch_size"),
        ({"null_word": 1}, ValueError, "null_word=1 .*leave it out"),
        ({"hashfxn": len}, ValueError, "hashfxn=.* seed"),
        ({"negative": 0}, ValueError, "num_sampled must be at least 1, got 0"),
        ({"vectorsize": 50}, TypeError, "Word2Vec has no argument vectorsize: did you mean vector_size?"),
        ({"vector_sise": 50}, TypeError, "did you mean vector_size?"),
        ({"epoch": 50}, TypeError, "did you mean epochs?"),
        ({"learningrate": 1}, TypeError, "did you mean learning_rate?"),
        ({"worker": 1}, TypeError, "did you mean workers?"),
        ({"zzz": 1}, TypeError, "Word2Vec has no argument zzz: it has sentences, vector_size, window"),
        ({"x" * 10**6: 1}, TypeError, "^Word2Vec has no argument x{80}[.]{3}: it has"),
        ({"alpha": "x" * 10**6}, ValueError, r"^alpha='x{79}\.\.\. is not offered"),
        ({"size": 50, "vector_size": 60}, TypeError, "vector_size is given twice"),
        ({"corpus_file": "a", "sentences": TEXTS}, TypeError, "sentences is given twice"),
        ({"sentences": 100}, TypeError, r"sentences must be a corpus, got int 100: write Word2Vec\(vector_size=...\)"),
        ({"sentences": np.float64(3)}, TypeError, "sentences must be a corpus, got float"),
        ({"callbacks": 3}, TypeError, "callbacks must be a list of objects, got int 3"),
        ({"callbacks": [print]}, TypeError, r"callbacks\[0\] must be an object with a method on_train_begin"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_left_out_says_what_to_write(options, error, message):
    with pytest.raises(error, match=message) as raised:
        Word2Vec(**options)
    assert len(str(raised.value)) < 400


def test_every_name_that_is_left_out_has_a_function_and_advice():
    names = set().union(*(gensim_names.names_left_out(function) for function in ("Word2Vec", "train", "build_vocab")))
    assert names == set(gensim_names.LEFT_OUT)
    assert all(len(instead) > 10 for _, instead in gensim_names.LEFT_OUT.values())


def test_all_arguments_of_gensim_are_known():
    """The arguments of gensim 4.4 and 3.8."""
    of_gensim = (
        "sentences corpus_file vector_size alpha window min_count max_vocab_size sample seed workers min_alpha sg hs "
        "negative ns_exponent cbow_mean hashfxn epochs null_word trim_rule sorted_vocab batch_words compute_loss "
        "callbacks comment max_final_vocab shrink_windows size iter"
    )
    ours = [*inspect.signature(Word2Vec).parameters, "compute_loss", "callbacks"]
    known = {*ours, *gensim_names.SAME, *gensim_names.names_left_out("Word2Vec")}
    assert set(of_gensim.split()) <= known
    of_train = (
        "corpus_file total_examples total_words epochs start_alpha end_alpha word_count queue_factor report_delay "
        "compute_loss callbacks sentences corpus_iterable"
    )
    known = {
        *inspect.signature(Word2Vec.train).parameters,
        *gensim_names.SAME_IN_TRAIN,
        *gensim_names.names_left_out("train"),
    }
    assert set(of_train.split()) <= known


def test_build_vocab_then_train():
    model = Word2Vec(**SMALL)
    model.build_vocab(two_worlds())
    assert len(model.vocabulary) == 10
    assert (model.corpus_count, model.corpus_total_words, model.is_trained) == (60, 300, False)
    for attribute in ("vectors", "wv", "tables", "history"):
        with pytest.raises(ValueError, match="there are no vectors yet"):
            getattr(model, attribute)
    model.train(two_worlds(), total_examples=model.corpus_count, epochs=model.epochs)
    assert bits(model) == bits(trained())
    other = Word2Vec(**SMALL)
    other.build_vocab(sentences=two_worlds(), progress_per=10000)
    other.train(sentences=two_worlds(), total_words=300, epochs=2, compute_loss=True, start_alpha=None, queue_factor=2)
    assert bits(other) == bits(model)
    third = Word2Vec(**SMALL)  # the names of gensim 4
    third.build_vocab(corpus_iterable=two_worlds())
    third.train(corpus_iterable=two_worlds(), total_examples=third.corpus_count, epochs=third.epochs)
    assert bits(third) == bits(model)


def test_build_vocab_decides_which_words_there_are():
    model = Word2Vec(**SMALL)
    model.build_vocab(two_worlds())
    model.build_vocab([["a", "b", "c", "d"]])  # nothing has been learned yet: it is counted again
    model.train(two_worlds())
    assert sorted(model.vocabulary.words) == ["a", "b", "c", "d"]
    assert model.words_left_out == 30 * 6


def test_build_vocab_with_update_adds_rows():
    more = [["x", "y", "a", "z"]] * 40
    model, other = trained(), trained()
    before = model.vectors
    with pytest.raises(ValueError, match=r"would discard that: build_vocab\(sentences, update=True\) adds words"):
        model.build_vocab(more)
    with pytest.raises(ValueError, match="there are no vectors yet"):
        Word2Vec(**SMALL).build_vocab(more, update=True)
    model.build_vocab(more, update=True)
    assert len(model.vocabulary) == 13
    assert model.vectors is before
    model.train(more, total_examples=model.corpus_count, epochs=model.epochs)
    other.train(more, grow_vocab=True)
    assert bits(model) == bits(other)
    assert len(model.vectors) == 13


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start_alpha": 0.01}, ValueError, "start_alpha=0.01 is not offered: .*learning_rate"),
        ({"end_alpha": 0.01}, ValueError, "end_alpha=0.01 is not offered"),
        ({"word_count": 10}, ValueError, "word_count=10 .*resume=True"),
        ({"report_delay": 5.0}, ValueError, "report_delay=5.0 .*on_progress="),
        ({"corpus": TEXTS, "total_examples": -1}, ValueError, "total_examples must be at least 0, got -1"),
        ({"corpus": TEXTS, "total_words": "many"}, TypeError, "total_words must be a whole number, got str 'many'"),
        ({"corpus": TEXTS, "compute_loss": 3}, TypeError, "compute_loss must be True or False"),
        ({"on_epochs": print}, TypeError, "train has no argument on_epochs: did you mean on_epoch?"),
        ({"corpus": TEXTS, "sentences": TEXTS}, TypeError, "corpus is given twice"),
        ({}, TypeError, "corpus is missing"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_train_says_what_to_write(options, error, message):
    with pytest.raises(error, match=message):
        Word2Vec(**SMALL).train(**options)


def test_build_vocab_says_what_to_write():
    with pytest.raises(ValueError, match=r"keep_raw_vocab=True is not offered"):
        Word2Vec(**SMALL).build_vocab(TEXTS, keep_raw_vocab=True)
    with pytest.raises(TypeError, match=r"build_vocab has no argument updates: did you mean update\?"):
        Word2Vec(**SMALL).build_vocab(TEXTS, updates=True)
    with pytest.raises(TypeError, match="update must be True or False, got str 'yes'"):
        Word2Vec(**SMALL).build_vocab(TEXTS, update="yes")
    with pytest.raises(TypeError, match="sentences is missing"):
        Word2Vec(**SMALL).build_vocab()


class Recorder:
    """A callback as people write it for gensim."""

    def __init__(self):
        self.seen = []

    def on_train_begin(self, model):
        self.seen.append(("train", model.is_trained))

    def on_epoch_begin(self, model):
        self.seen.append(("epoch", model.is_trained))

    def on_epoch_end(self, model):
        self.seen.append((round(model.get_latest_training_loss(), 6), model.wv["a"].copy()))

    def on_train_end(self, model):
        self.seen.append(("end", model.is_finished))


def test_callbacks_and_the_latest_loss():
    recorder = Recorder()
    model = Word2Vec(two_worlds(), **SMALL, callbacks=[recorder], compute_loss=True)
    first, begin, (loss_1, vector_1), again, (loss_2, vector_2), end = recorder.seen
    assert (first, begin, again, end) == (("train", False), ("epoch", False), ("epoch", True), ("end", True))
    assert 0 < loss_1 < loss_2
    assert not np.array_equal(vector_1, vector_2)
    sums = [
        p.loss * pairs for p, pairs in zip(model.history, np.diff([0, *(p.pairs for p in model.history)]), strict=True)
    ]
    assert model.get_latest_training_loss() == pytest.approx(sum(sums))
    assert loss_1 == pytest.approx(sums[0], abs=1e-5)
    model.train(two_worlds(), callbacks=[recorder], epochs=1)
    assert recorder.seen[-4:-2] == [("train", True), ("epoch", True)]
    assert model.get_latest_training_loss() < loss_2
    with pytest.raises(ValueError, match="there are no vectors yet"):
        Word2Vec().get_latest_training_loss()


@pytest.mark.parametrize("name", sorted(gensim_names.MOVED))
def test_attributes_of_a_gensim_model_say_what_to_write(name):
    model = trained()
    with pytest.raises(AttributeError, match=f"a model has no {name}: .*(write|leave|=|model|there is)"):
        getattr(model, name)
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match=f"a model has no {name}: "):
        setattr(model, name, 0.01)


def test_settings_are_read_and_not_assigned():
    model = trained()
    assert (model.window, model.min_count, model.sample, model.seed, model.epochs) == (5, 1, 0, 1, 2)
    for name in ("window", "vector_size", "epochs", "sg", "learning_rate"):
        with pytest.raises(AttributeError, match=f"{name} of a model cannot be assigned: "):
            setattr(model, name, 3)
    for name in ("settings", "vectors", "wv", "tables", "vocabulary", "history", "corpus_count"):
        with pytest.raises(AttributeError):
            setattr(model, name, 3)
    for threads in (0, 1.5, "2", True):
        with pytest.raises((TypeError, ValueError), match="threads must be"):
            model.threads = threads
    model.threads = 2
    with pytest.raises(AttributeError, match="a model has no attribute 'nothing'"):
        _ = model.nothing


def test_words_are_looked_up_in_the_vectors_of_a_model():
    model = trained()
    with pytest.raises(TypeError, match=r"write model.wv\['a'\]$"):
        _ = model["a"]
    with pytest.raises(TypeError, match=r"write model.wv\[...\]$"):
        _ = model[model.wv.vocab]
    with pytest.raises(TypeError, match=r"write 'a' in model.wv$"):
        _ = "a" in model
    with pytest.raises(TypeError, match=r"write list\(model.wv\)$"):
        list(model)


def test_files_of_vectors_are_read_by_another_class():
    with pytest.raises(AttributeError, match=r"write WordVectors.load_word2vec_format\(path\)$"):
        ss.Word2Vec.load_word2vec_format("vectors.bin", binary=True)


@pytest.mark.parametrize("delay", [1, 1.0])
def test_the_default_of_an_argument_that_is_left_out_may_be_an_int(delay):
    ss.Word2Vec(vector_size=4, min_count=1).train([["a", "b"]] * 9, report_delay=delay, queue_factor=2.0)
    with pytest.raises(ValueError, match="report_delay=True is not offered"):
        ss.Word2Vec(vector_size=4, min_count=1).train([["a", "b"]] * 9, report_delay=True)


def test_printed_models_say_what_they_have_learned():
    assert repr(ss.Word2Vec(vector_size=4)) == "<Word2Vec: not trained, vector_size=4>"
    model = trained()
    assert repr(model) == f"<Word2Vec: {len(model.wv)} words, vector_size={model.vector_size}>"


def test_load_is_called_on_the_class(tmp_path):
    model = trained()
    model.save(tmp_path / "model.zip")
    before = bits(model)
    with pytest.raises(TypeError, match=r"load returns a new Word2Vec .* write model = Word2Vec.load\(...\)"):
        model.load(tmp_path / "model.zip")
    assert bits(model) == before
    assert isinstance(ss.Word2Vec.load(tmp_path / "model.zip"), ss.Word2Vec)


def test_paths_that_are_empty_are_refused():
    model = trained()
    for take in (
        model.save,
        model.wv.save,
        model.wv.save_word2vec_format,
        ss.WordVectors.load_word2vec_format,
        lambda path: ss.Word2Vec(min_count=1).train([["a", "b"]], cache=path),
    ):
        with pytest.raises(ValueError, match="is empty: name a file, or a folder such as"):
            take("")


@pytest.mark.parametrize("sg", [True, False])
def test_predicted_words_have_the_softmax_of_the_mean_of_their_context(sg):
    model = trained(two_worlds(240), sg=sg, epochs=20)
    embeddings, weights, biases = (table.values.astype(float) for table in model.tables)
    ids = [model.vocabulary.ids[word] for word in ("a", "b", "c")]
    logits = embeddings[ids].mean(axis=0) @ weights.T + biases
    expected = np.exp(logits) / np.exp(logits).sum()
    found = model.predict_output_word(["a", "nowhere", "b", "c"], topn=100)
    assert [word for word, _ in found] == [model.vocabulary.words[i] for i in np.argsort(-expected)]
    np.testing.assert_allclose([p for _, p in found], np.sort(expected)[::-1], rtol=1e-6)
    assert {word for word, _ in found[:5]} == set("abcde")
    assert model.predict_output_word(np.array(["a", "b", "c"]), 3) == found[:3]


def test_predicted_words_of_ints():
    model = Word2Vec([[1, 2, 3], [3, 2, 1]] * 20, vector_size=4, min_count=1)
    assert sorted(word for word, _ in model.predict_output_word([np.int64(1), 2])) == [1, 2, 3]


@pytest.mark.parametrize(
    ("context", "topn", "error", "message"),
    [
        (["nowhere"], 10, ValueError, r"must hold at least one word of the vocabulary, got \['nowhere'\]"),
        ([], 10, ValueError, "must hold at least one word of the vocabulary"),
        ("a", 10, TypeError, "context_words_list must be a sequence of words, got str 'a'"),
        (["a", 1.5], 10, TypeError, "context_words_list must hold words, each a str or an int, got float 1.5"),
        (["a", True], 10, TypeError, "got bool True"),
        ({"a", "b"}, 10, TypeError, "the order of a set is not repeatable"),
        (["a"], 0, ValueError, "topn must be at least 1, got 0"),
    ],
)
def test_predictions_say_what_is_wrong(context, topn, error, message):
    model = trained()
    with pytest.raises(error, match=message):
        model.predict_output_word(context, topn)
    with pytest.raises(ValueError, match="there are no vectors yet"):
        Word2Vec().predict_output_word(["a"])

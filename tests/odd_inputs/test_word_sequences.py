"""Any sequence of calls of a `Word2Vec`, odd ones among them, leaves what the good ones alone leave: bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import sampledsoftmax as ss
from tests.odd_inputs.calls import fingerprint

pytestmark = pytest.mark.compiled

CORPORA = [
    [["the", "cat", "sat"], ["the", "dog", "sat", "down"]] * 3,
    [["the", "bird", "sat"], ["a", "bird", "sat", "down"]] * 3,
    [["a", "cat", 3], [3, "dog", "the"], ["sat", "the"]] * 3,
]
SETTINGS = {"vector_size": 4, "min_count": 1, "sample": 0, "num_sampled": 2, "epochs": 1, "seed": 5}
corpora = st.sampled_from(CORPORA)


class Stops:
    """A callback that stops a run."""

    def __init__(self, method):
        setattr(self, method, self.stop)

    def stop(self, model):
        """Stop as Ctrl-C does."""
        raise KeyboardInterrupt


# Calls that are refused whatever has been called before.
REFUSED = {
    "no corpus": lambda model: model.train(),
    "an empty corpus": lambda model: model.train([]),
    "no pairs": lambda model: model.train([["the"]]),
    "a number as corpus": lambda model: model.train(3),
    "a corpus that is no file": lambda model: model.train("no/such/corpus.txt"),
    "a list in a sentence": lambda model: model.train([["the", ["cat"]]]),
    "no epochs": lambda model: model.train(CORPORA[0], epochs=0),
    "an unknown encoding": lambda model: model.train(CORPORA[0], encoding="no"),
    "an unknown name": lambda model: model.train(CORPORA[0], epoch=1),
    "both resume and grow_vocab": lambda model: model.train(CORPORA[0], resume=True, grow_vocab=True),
    "resume with another corpus": lambda model: model.train([["other", "words"]], resume=True),
    "a checkpoint without a directory": lambda model: model.train(CORPORA[0], checkpoint="no/such/run.zip"),
    "a callback without methods": lambda model: model.train(CORPORA[0], callbacks=[3]),
    "a callback that stops at once": lambda model: model.train(CORPORA[0], callbacks=[Stops("on_train_begin")]),
    "a count that is no int": lambda model: model.train(CORPORA[0], total_words="many"),
    "an empty vocabulary": lambda model: model.build_vocab([]),
    "a vocabulary of numbers": lambda model: model.build_vocab([[0.5, 1.5]], update=model.is_trained),
    "update as a str": lambda model: model.build_vocab(CORPORA[0], update="yes"),
    "save to no path": lambda model: model.save(3),
    "save without a directory": lambda model: model.save("no/such/model.zip"),
    "no file to load": lambda model: type(model).load("no/such/model.zip"),
    "no threads": lambda model: setattr(model, "threads", 0),
    "another window": lambda model: setattr(model, "window", 3),
    "an unknown word": lambda model: model.vectors["no such word"],
    "other words": lambda model: setattr(model.vectors, "words", ["the"]),
    "other vectors": lambda model: model.vectors.vectors.__setitem__(0, 1.0),
}
ERRORS = (TypeError, ValueError, OSError, KeyError, AttributeError, KeyboardInterrupt)


class Sequences(RuleBasedStateMachine):
    """A model that gets odd calls too and is saved, loaded and interrupted, and its twin, which only gets good ones."""

    @initialize(cbow=st.booleans(), optimizer=st.sampled_from(["rowwise_adagrad", "sgd"]))
    def start(self, cbow, optimizer):
        self.model, self.twin = (ss.Word2Vec(**SETTINGS, sg=not cbow, optimizer=optimizer) for _ in range(2))
        self.has_new_words = False

    @rule(name=st.sampled_from(sorted(REFUSED)))
    def odd_call(self, name):
        with pytest.raises(ERRORS):
            REFUSED[name](self.model)

    @rule(corpus=corpora)
    def build_vocab(self, corpus):
        for model in (self.model, self.twin):
            model.build_vocab(corpus, update=model.is_trained)
        self.has_new_words = True

    @rule(corpus=corpora, epochs=st.integers(1, 2))
    def train(self, corpus, epochs):
        for model in (self.model, self.twin):
            model.train(corpus, epochs=epochs)
        self.has_new_words = False

    @precondition(lambda self: self.twin.is_trained)
    @rule(corpus=corpora)
    def grow(self, corpus):
        for model in (self.model, self.twin):
            model.train(corpus, grow_vocab=True)
        self.has_new_words = False

    @rule(corpus=corpora, name=st.sampled_from(sorted(REFUSED)))
    def interrupt_and_resume(self, corpus, name):
        self.twin.train(corpus, epochs=3)
        with pytest.raises(KeyboardInterrupt):
            self.model.train(corpus, epochs=3, callbacks=[Stops("on_epoch_end")])
        assert not self.model.is_finished
        with pytest.raises(ValueError, match="stopped in epoch"):
            self.model.train(corpus)
        self.odd_call(name)
        self.model.train(corpus, resume=True)
        self.has_new_words = False

    @precondition(lambda self: self.twin.is_trained)
    @rule()
    def save_and_load(self):
        path = Path("model.zip")
        if self.has_new_words:
            with pytest.raises(ValueError, match="no rows yet"):
                self.model.save(path)
            return
        self.model.save(path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ValueError, match="damaged"):
            ss.Word2Vec.load(path)
        path.write_bytes(content)
        self.model = ss.Word2Vec.load(path)

    @invariant()
    def the_twins_are_equal(self):
        model, twin = getattr(self, "model", None), getattr(self, "twin", None)
        if twin is None:
            return
        assert fingerprint(model) == fingerprint(twin)
        assert (model.is_trained, model.is_finished) == (twin.is_trained, twin.is_finished)
        if twin.is_trained:
            assert model.vectors.words == twin.vectors.words
            assert np.array_equal(model.vectors.vectors, twin.vectors.vectors)
            assert model.corpus_total_words == twin.corpus_total_words


def test_odd_calls_leave_no_trace(full, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count = 60 if full else 6
    options = settings(
        max_examples=count, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Sequences, settings=options)

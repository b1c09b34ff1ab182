"""Traces of words from the saved tables of a trained model."""

import numpy as np
import pytest

from sampledsoftmax.explanation.model import ModelTables, explain_words, load_tables
from sampledsoftmax.word2vec.vectors.word_vectors import UnknownWordError, WordVectors
from tests.word2vec.runs import write_run

WORDS = ["the", "king", "queen", "land", "crown", "old"]


def tables(**changes):
    rng = np.random.default_rng(0)
    arrays = {
        "words": np.array(WORDS),
        "counts": np.arange(6, 0, -1),
        "embeddings": rng.normal(size=(6, 3)).astype(np.float32),
        "weights": rng.normal(size=(6, 3)).astype(np.float32),
        "biases": rng.normal(size=6).astype(np.float32),
    }
    return {**arrays, **changes}


def test_trained_tables_are_loaded(tmp_path):
    write_run(tmp_path, WORDS, tables()["embeddings"], tables()["weights"])
    loaded = load_tables(tmp_path)
    assert (loaded.words, loaded.counts.tolist(), loaded.biases.tolist()) == (WORDS, [6, 5, 4, 3, 2, 1], [0] * 6)
    for name in ("embeddings", "weights"):
        np.testing.assert_array_equal(getattr(loaded, name), tables()[name])


def test_a_file_with_only_vectors_is_refused(tmp_path):
    WordVectors(WORDS, tables()["embeddings"]).save_word2vec_format(tmp_path / "vectors.txt")
    with pytest.raises(FileNotFoundError, match="holds only vectors: name the --output directory of a training run"):
        load_tables(tmp_path)


def test_each_word_predicts_the_next():
    model = ModelTables(**{**tables(), "words": WORDS})
    trace = explain_words(model, ["king", "queen", "crown"], 4, 1, path="reference")
    assert trace.input_ids.tolist() == [1, 2, 4]
    assert trace.labels.tolist() == [[2], [4], [1]]
    np.testing.assert_array_equal(trace.inputs, model.embeddings[[1, 2, 4]])
    assert trace.name(4) == "4 crown"


def test_a_single_word_predicts_the_most_likely_other_word():
    model = ModelTables(**{**tables(), "words": WORDS})
    for i, word in enumerate(WORDS):
        logits = model.weights @ model.embeddings[i] + model.biases
        best = max((j for j in range(6) if j != i), key=lambda j: logits[j])
        assert explain_words(model, [word], 4, 1, path="reference").labels.tolist() == [[best]]
    alone = ModelTables(["one"], *(array[:1] for array in list(tables().values())[1:]))
    with pytest.raises(ValueError, match="has only one word"):
        explain_words(alone, ["one"], 1, 1)


def test_an_unknown_word():
    model = ModelTables(**{**tables(), "words": WORDS})
    with pytest.raises(UnknownWordError, match="no vector for the word 'kings'; near it: king"):
        explain_words(model, ["queen", "kings"], 4, 1)

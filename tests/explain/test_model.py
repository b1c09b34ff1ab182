"""Words of a trained model, from the file that holds its tables."""

import numpy as np
import pytest

from sampledsoftmax.explanation.model import Tables, explain_words, load_tables
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


def test_what_was_trained_is_loaded(tmp_path):
    write_run(tmp_path, WORDS, tables()["embeddings"], tables()["weights"])
    loaded = load_tables(tmp_path)
    assert (loaded.words, loaded.counts.tolist(), loaded.biases.tolist()) == (WORDS, [6, 5, 4, 3, 2, 1], [0] * 6)
    for name in ("embeddings", "weights"):
        np.testing.assert_array_equal(getattr(loaded, name), tables()[name])


def test_vectors_alone_are_not_enough(tmp_path):
    WordVectors(WORDS, tables()["embeddings"]).save_word2vec_format(tmp_path / "vectors.txt")
    with pytest.raises(FileNotFoundError, match="holds vectors alone: name the --output directory of a training run"):
        load_tables(tmp_path)


def test_each_word_predicts_the_next():
    model = Tables(**{**tables(), "words": WORDS})
    seen = explain_words(model, ["king", "queen", "crown"], 4, 1, path="reference")
    assert seen.input_ids.tolist() == [1, 2, 4]
    assert seen.labels.tolist() == [[2], [4], [1]]
    np.testing.assert_array_equal(seen.inputs, model.embeddings[[1, 2, 4]])
    assert seen.name(4) == "4 crown"


def test_a_single_word_predicts_the_likeliest_other_one():
    model = Tables(**{**tables(), "words": WORDS})
    for i, word in enumerate(WORDS):
        logits = model.weights @ model.embeddings[i] + model.biases
        best = max((j for j in range(6) if j != i), key=lambda j: logits[j])
        assert explain_words(model, [word], 4, 1, path="reference").labels.tolist() == [[best]]
    alone = Tables(["one"], *(array[:1] for array in list(tables().values())[1:]))
    with pytest.raises(ValueError, match="knows one word only"):
        explain_words(alone, ["one"], 1, 1)


def test_a_word_that_the_model_does_not_know():
    model = Tables(**{**tables(), "words": WORDS})
    with pytest.raises(UnknownWordError, match="no vector for the word 'kings'; near it: king"):
        explain_words(model, ["queen", "kings"], 4, 1)

"""Words of a trained model, from the file that holds its tables."""

import io
import re

import numpy as np
import pytest

from sampledsoftmax.explanation.model import Tables, explain_words, load_tables
from sampledsoftmax.words.vectors import UnknownWordError

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


def test_what_was_saved_is_loaded(tmp_path):
    np.savez(tmp_path / "tables.npz", **tables())
    loaded = load_tables(tmp_path)
    assert loaded.words == WORDS
    for name, array in tables().items():
        np.testing.assert_array_equal(getattr(loaded, name), array)


BAD = [
    ({"words": np.array(WORDS[:5])}, ValueError, "weights must have shape [5, dim], got [6, 3]"),
    ({"words": np.arange(6)}, TypeError, "words must be an array of str [num_words], got int64 [6]"),
    ({"weights": np.ones((6, 2), np.float32)}, ValueError, "embeddings must have shape [6, 2], got [6, 3]"),
    (
        {"weights": np.ones((6, 3))},
        TypeError,
        "embeddings must have the dtype of the other arrays, float64, got float32",
    ),
    ({"weights": np.ones((6, 3), int)}, TypeError, "weights must be float32 or float64, got int64"),
    ({"biases": np.ones(5, np.float32)}, ValueError, "biases must have shape [6], got [5]"),
    ({"counts": np.ones(6)}, TypeError, "counts must hold integers [6], got float64 [6]"),
    ({"words": np.array(WORDS, object)}, ValueError, "tables.npz is damaged: Object arrays cannot be loaded"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD)
def test_tables_that_do_not_fit(tmp_path, changes, error, message):
    np.savez(tmp_path / "tables.npz", **tables(**changes))
    with pytest.raises(error, match=re.escape(message)):
        load_tables(tmp_path)


def test_files_that_are_missing_damaged_or_short(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no tables\.npz: name the --output directory"):
        load_tables(tmp_path)
    np.savez(tmp_path / "tables.npz", words=np.array(WORDS))
    with pytest.raises(ValueError, match=r"tables\.npz lacks counts, embeddings, weights, biases"):
        load_tables(tmp_path)
    np.savez(tmp_path / "tables.npz", **tables())
    whole = (tmp_path / "tables.npz").read_bytes()
    npy = io.BytesIO()
    np.save(npy, np.ones(3))
    npy = npy.getvalue()
    for content in (b"", b"words", npy, whole[:-40], whole[:50] + b"\xff" * 20 + whole[70:]):
        (tmp_path / "tables.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"tables\.npz is damaged"):
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

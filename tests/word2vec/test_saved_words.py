"""Whatever can be trained can be saved, loaded and resumed: any string and any int, bit for bit."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.packed_words import pack_words, unpack_words
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training import trainer
from tests.word2vec.test_word2vec import bits, interrupt_at

pytestmark = pytest.mark.compiled

WORDS = [
    "", "\n", "\r\n", "\n\n", "a\nb", "\0", "a\0", " ", " a ", "a b", "\t", "\u2028", "\x85", "\xa0", "\u200b",
    "\ufeff", "\ud800", "\udfff", "\ud800\udc00", "\U00010000", "e\u0301", "\u00e9", "x" * 100_000,
    "3", 3, -3, 0, "0", 2**70, -(10**5000),
]  # fmt: skip


def corpus(words=WORDS):
    rng = np.random.default_rng(1)
    return [[words[i] for i in rng.permutation(len(words))] for _ in range(60)]


def same_words(found, expected):
    return [(type(word), word) for word in found] == [(type(word), word) for word in expected]


def test_words_as_arrays():
    for words in (WORDS, [], ["\n"], [3], ["a"]):
        assert same_words(unpack_words(pack_words(words)), words)
    assert unpack_words({"words": np.frombuffer(b"to\nbe", np.uint8)}) == ["to", "be"]


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("word_ends", np.array([2, 1], np.int64)),
        ("word_ends", np.array([2], np.int64)),
        ("word_ends", np.array([2, 5], np.int64)),
        ("word_ends", np.array([-1, 4], np.int64)),
        ("words_are_ints", np.array([False])),
        ("words_are_ints", np.array([True, True])),
        ("words", np.array([0xFF, 0, 0, 0], np.uint8)),
    ],
)
def test_damaged_words_are_refused(name, array):
    with pytest.raises(ValueError, match=r"words of 4 bytes do not fit|invalid literal|codec can't decode"):
        unpack_words(pack_words(["to", "be"]) | {name: array})


def test_any_word_is_saved_and_loaded(tmp_path):
    path = tmp_path / "model.zip"
    model = Word2Vec(vector_size=8, min_count=1, epochs=1)
    model.train(corpus(), checkpoint=path)
    again = tmp_path / "again.zip"
    model.save(again)
    for file in (path, again):
        loaded = Word2Vec.load(file)
        assert same_words(loaded.vocabulary.words, model.vocabulary.words)
        assert same_words(loaded.vectors.words, model.vocabulary.words)
        assert bits(loaded) == bits(model)
        for word in WORDS:
            np.testing.assert_array_equal(loaded.vectors[word], model.vectors[word])
        assert (loaded.corpus_count, loaded.corpus_total_words, loaded.words_left_out) == (60, 60 * len(WORDS), 0)
    loaded.train(corpus(), grow_vocab=True)
    assert same_words(loaded.vocabulary.words, model.vocabulary.words)


def test_a_run_on_any_words_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", 256)
    path, settings = tmp_path / "model.zip", {"vector_size": 8, "min_count": 1, "epochs": 1}
    whole = Word2Vec(corpus(), **settings)
    model = Word2Vec(**settings)
    with pytest.raises(KeyboardInterrupt):
        model.train(corpus(), interrupt_at(2), checkpoint=path)
    resumed = Word2Vec.load(path)
    assert not resumed.is_finished
    resumed.train(corpus(), resume=True)
    assert bits(resumed) == bits(whole)


def test_a_corpus_of_ids():
    ids = np.random.default_rng(1).integers(0, 20, (200, 10))
    model = Word2Vec(ids, vector_size=8, min_count=1)
    assert sorted(model.vocabulary.words) == list(range(20))
    assert all(type(word) is int for word in model.vocabulary.words)
    np.testing.assert_array_equal(model.wv[3], model.wv[np.int64(3)])
    assert 3 in model.wv
    assert np.int32(3) in model.wv
    assert "3" not in model.wv
    as_strings = Word2Vec([[str(i) for i in row] for row in ids], vector_size=8, min_count=1)
    assert sorted(as_strings.vocabulary.counts) == sorted(model.vocabulary.counts)


@pytest.mark.parametrize(
    ("meta", "arrays"),
    [
        ({"settings": []}, {}),
        ({"settings": {"x" * 10**6: 1}}, {}),
        ({"position": 3}, {}),
        ({"position": {"epoch": 1}}, {}),
        ({"size": {"words": 1}}, {}),
        ({"size": 3}, {}),
        ({"sampler_state": 3}, {}),
        ({}, {"words": np.zeros(0, np.uint8)}),
        ({}, {"word_ends": np.zeros(2, np.int64)}),
        ({}, {"history": np.full((1, 9), np.inf)}),
        ({}, {"history": np.zeros((1, 2))}),
        ({}, {"counts": np.array([1], np.int64)}),
        ({}, {"embeddings": np.zeros((2, 3), np.float64)}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_file_whose_parts_do_not_fit_is_refused_in_one_line(meta, arrays, tmp_path):
    path = tmp_path / "model.zip"
    Word2Vec([["to", "be"]] * 5, vector_size=4, min_count=1, epochs=1).save(path)
    whole = read_archive(path, "word model", 2)
    write_archive(path, "word model", 2, {**whole[0], **meta}, {**whole[1], **arrays})
    with pytest.raises(ValueError, match=r"model.zip is an inconsistent word model: ") as raised:
        Word2Vec.load(path)
    assert len(str(raised.value)) < 600
    assert "\n" not in str(raised.value)


def test_a_saved_model_with_odd_words_is_read_by_later_releases():
    model = ss.Word2Vec.load(Path(__file__).parent / "saved_models" / "odd_words.zip")
    assert same_words(model.vocabulary.words, [-3, 3, "", "\n", "3", "a\nb", "\ud800"])
    assert model.wv[3].shape == (2,)
    assert (model.epochs, model.corpus_total_words, model.is_finished) == (1, 14, True)


def test_a_model_of_the_first_release_is_read_as_it_was():
    path = Path(__file__).parent / "saved_models" / "archive1.zip"
    with zipfile.ZipFile(path) as archive:
        about = json.loads(archive.read("archive.json"))
        words = np.load(io.BytesIO(archive.read("words.npy"))).tobytes().decode().split("\n")
    assert about["version"] == 1
    model = ss.Word2Vec.load(path)
    assert model.vocabulary.words == words
    assert model.corpus_count is None
    assert model.words_left_out is None
    model.train([words] * 20)
    assert model.corpus_count == 20

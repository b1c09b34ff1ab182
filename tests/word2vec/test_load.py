from pathlib import Path

import numpy as np
import pytest

from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training import trainer
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors
from tests.word2vec.runs import write_run
from tests.word2vec.test_word2vec import BLOCK, SMALL, bits, interrupt_at, trained, two_worlds

WORDS = ["to", "be", "or"]
TABLE = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_all_tables(tmp_path):
    write_run(tmp_path, WORDS, TABLE, TABLE + 1, window=3, which="mean")
    trained = load_trained(tmp_path)
    assert (trained.words, trained.counts.tolist(), trained.settings["window"]) == (WORDS, [3, 2, 1], 3)
    np.testing.assert_array_equal(trained.weights, TABLE + 1)
    np.testing.assert_array_equal(trained.biases, [0, 0, 0])
    np.testing.assert_array_equal(trained.vectors().vectors, TABLE + 0.5)
    np.testing.assert_array_equal(trained.vectors("in").vectors, TABLE)


def test_vectors_alone(tmp_path):
    WordVectors(WORDS, TABLE).save_word2vec_format(tmp_path / "vectors.txt")
    for path in (tmp_path, tmp_path / "vectors.txt"):
        trained = load_trained(path)
        assert (trained.words, trained.counts, trained.weights, trained.biases) == (WORDS, None, None, None)
        np.testing.assert_array_equal(trained.vectors().vectors, TABLE)
        with pytest.raises(ValueError, match="which='both' needs the output weights"):
            trained.vectors("both")


def test_what_is_not_there_or_damaged(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no vectors.txt: name the --output directory"):
        load_trained(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist: name"):
        load_trained(tmp_path / "nowhere")
    WordVectors(WORDS, TABLE).save_word2vec_format(tmp_path / "vectors.txt")
    for settings in ("{", "[1]"):
        (tmp_path / "settings.json").write_text(settings)
        with pytest.raises(ValueError, match=r"settings.json is damaged: "):
            load_trained(tmp_path)
    write_run(tmp_path, WORDS, TABLE, TABLE + 1)
    whole = (tmp_path / "model.zip").read_bytes()
    for content in (b"", b"text", whole[:200], whole.replace(b"words.npy", b"wordz.npy")):
        (tmp_path / "model.zip").write_bytes(content)
        with pytest.raises(ValueError, match=r"model.zip is (not a word model or is )?damaged"):
            load_trained(tmp_path)


def stopped(path, **options):
    """Write the checkpoint of a run that is stopped in its first epoch."""
    with pytest.raises(KeyboardInterrupt):
        Word2Vec(**SMALL, **options).train(two_worlds(), interrupt_at(2), checkpoint=path)


@pytest.mark.compiled
@pytest.mark.parametrize("shards", [1, 3, 8])
def test_a_run_is_resumed_with_its_shards_and_another_number_of_threads(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", BLOCK)
    stopped(tmp_path / "model.zip", shards=shards, threads=1)
    model = Word2Vec.load(tmp_path / "model.zip")
    assert model.settings.shards == shards
    model.threads = 5
    model.train(two_worlds(), resume=True)
    assert bits(model) == bits(trained(shards=shards, threads=2))
    assert bits(model) != bits(trained(shards=shards + 1))


@pytest.mark.compiled
def test_a_run_that_was_saved_before_shards_were_a_setting_has_four(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", BLOCK)
    path = tmp_path / "model.zip"
    stopped(path, shards=4)
    meta, arrays = read_archive(path, "word model", 2)
    del meta["settings"]["shards"]
    write_archive(path, "word model", 2, meta, arrays)
    model = Word2Vec.load(path)
    assert (model.settings.shards, model.is_finished) == (4, False)
    model.train(two_worlds(), resume=True)
    assert bits(model) == bits(trained(shards=4))


def test_a_model_of_an_earlier_release_has_four_shards():
    assert Word2Vec.load(Path(__file__).parent / "saved_models" / "odd_words.zip").settings.shards == 4

"""An embedding table is saved, loaded and kept in a folder as layers are."""

import copy
import os
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.registry import DTYPES, OPTIMIZERS
from tests.test_saved_layers import SignSGD

ROWS, DIM = 30, 4


def make(optimizer="exact_adam", dtype=np.float32, **options):
    return ss.EmbeddingTable(ROWS, DIM, OPTIMIZERS[optimizer](0.1), dtype, seed=7, **options)


def train(table, first, count):
    """Push the gradients of some steps."""
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        ids = rng.integers(0, ROWS, (3, 2))
        table.pull(ids)
        table.push(ids, rng.normal(size=(3, 2, DIM)).astype(table.dtype))


def assert_same(one, other):
    assert other.dtype == one.dtype
    np.testing.assert_array_equal(other.values, one.values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_loaded_table_goes_on_with_the_same_bits(tmp_path, optimizer, dtype):
    table = make(optimizer, dtype)
    train(table, 0, 3)
    table.save(tmp_path / "table.zip")
    other = ss.EmbeddingTable.load(tmp_path / "table.zip")
    assert vars(other.optimizer) == vars(table.optimizer)
    for each in (table, other):
        train(each, 3, 3)
    assert_same(table, other)
    assert not np.shares_memory(table.values, other.values)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_folder_is_continued_with_the_same_bits(tmp_path, optimizer):
    whole = make(optimizer)
    train(whole, 0, 6)
    with make(optimizer, folder=tmp_path) as first:
        train(first, 0, 3)
        with pytest.raises(BlockingIOError, match=f"in use by process {os.getpid()}"):
            make(optimizer, folder=tmp_path)
    with pytest.raises(ValueError, match="was closed"):
        first.values  # noqa: B018
    with pytest.raises(ValueError, match="was closed"):
        first.pull([1])
    with make(optimizer, folder=tmp_path) as second:
        train(second, 3, 3)
        second.flush()
        assert_same(whole, second)
        np.testing.assert_array_equal(np.load(tmp_path / "values.npy"), whole.values)


def test_what_is_assigned_stays_in_the_file(tmp_path):
    values = np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM)
    with make("sgd", folder=tmp_path) as table:
        table.values = values
        table.push([0], np.ones((1, DIM), np.float32))
    np.testing.assert_array_equal(np.load(tmp_path / "values.npy")[1:], values[1:])
    assert values[0].tolist() == [0, 1, 2, 3]


def test_copies_of_a_table_in_a_folder_are_in_memory(tmp_path):
    with make(folder=tmp_path / "folder") as table:
        table.save(tmp_path / "table.zip")
        path = tmp_path / "table.zip"
        others = [copy.copy(table), pickle.loads(pickle.dumps(table)), ss.EmbeddingTable.load(path)]
        train(table, 0, 2)
        for other in others:
            assert not isinstance(other.values, np.memmap)
            train(other, 0, 2)
            assert_same(table, other)
            other.close()


def test_an_optimizer_of_ones_own_is_given_again(tmp_path):
    path, twin = tmp_path / "table.zip", ss.EmbeddingTable(ROWS, DIM, SignSGD(), seed=7)
    with ss.EmbeddingTable(ROWS, DIM, SignSGD(), seed=7, folder=tmp_path / "folder") as table:
        train(table, 0, 2)
        table.save(path)
    with pytest.raises(ValueError, match=r"EmbeddingTable\.load\(path, optimizer=SignSGD"):
        ss.EmbeddingTable.load(path)
    loaded = ss.EmbeddingTable.load(path, SignSGD())
    with ss.EmbeddingTable(ROWS, DIM, SignSGD(), folder=tmp_path / "folder") as continued:
        train(twin, 0, 4)
        for other in (loaded, continued):
            train(other, 2, 2)
            assert_same(twin, other)


def test_what_does_not_fit_is_refused(tmp_path):
    make(folder=tmp_path / "folder").close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    ss.SampledSoftmax(ROWS, DIM, 5).save(tmp_path / "layer.zip")
    make().save(tmp_path / "table.zip")
    for call, error, message in [
        (lambda: make("sgd", folder=tmp_path / "folder"), ValueError, "has a layer with optimizer = "),
        (lambda: ss.EmbeddingTable(9, DIM, folder=tmp_path / "folder"), ValueError, "num_rows = 30, got 9; optimizer"),
        (lambda: ss.SampledSoftmax(ROWS, DIM, 5, folder=tmp_path / "folder"), ValueError, "folder of an EmbeddingTab"),
        (lambda: make(overwrite=True), ValueError, "overwrite=True needs folder="),
        (lambda: make(folder=3), TypeError, "folder must be a path"),
        (lambda: ss.EmbeddingTable.load(tmp_path / "layer.zip"), ValueError, "saved EmbeddingTable"),
        (lambda: ss.SampledSoftmax.load(tmp_path / "table.zip"), ValueError, "saved SampledSoftmax"),
        (lambda: ss.EmbeddingTable.load(tmp_path / "none.zip"), FileNotFoundError, "none.zip"),
        (lambda: ss.EmbeddingTable.load(tmp_path / "table.zip", ss.SGD(0.1)), ValueError, "must be that of the layer"),
        (lambda: make().load(tmp_path / "table.zip"), TypeError, "load returns a new EmbeddingTable"),
        (lambda: setattr(make(), "folder", "x"), AttributeError, "folder of an EmbeddingTable cannot be assigned"),
    ]:
        with pytest.raises(error, match=message) as refused:
            call()
        assert "\n" not in str(refused.value)
    assert {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == before


def test_a_layer_replaces_the_files_of_a_table(tmp_path):
    make(folder=tmp_path).close()
    ss.SampledSoftmax(ROWS, DIM, 5, ss.SGD(0.1), folder=tmp_path, overwrite=True).close()
    assert {path.name for path in tmp_path.glob("*.npy")} == {"weights.npy", "biases.npy"}


@pytest.mark.filterwarnings("ignore:folder .* was not closed by")
def test_a_path_of_two_lines_is_one_line_in_a_message(tmp_path):
    with make(folder=tmp_path / "two\nlines"), pytest.raises(BlockingIOError) as refused:
        make(folder=tmp_path / "two\nlines")
    assert "two\\nlines" in str(refused.value)
    assert "\n" not in str(refused.value)

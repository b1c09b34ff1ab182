"""Reading ahead: the same candidates, the same bits, and the right pages of the files."""

import mmap

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.io import mapped_rows
from sampledsoftmax.io.mapped_rows import memory_bytes, page_ranges, read_ahead
from tests.registry import DRAWN, SAMPLERS

V, DIM, S = 500, 8, 16
BATCHES = np.random.default_rng(1).integers(0, V, (4, 2, 6))


@pytest.fixture
def asked(monkeypatch):
    """Return the requests for pages: (file, first byte, length)."""
    found = []
    monkeypatch.setattr(mapped_rows.os, "posix_fadvise", lambda *request: found.append(request[:3]), raising=False)
    monkeypatch.setattr(mapped_rows, "CAN_READ_AHEAD", True)
    monkeypatch.setattr(mapped_rows.os, "POSIX_FADV_WILLNEED", 3, raising=False)
    return found


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("name", DRAWN)
def test_peek_is_what_later_calls_draw(name, unique):
    sampler = SAMPLERS[name](V, 1)
    labels, before = np.empty((0, 1), np.int64), sampler.state
    later = [sampler.peek(labels, S, unique, after=k) for k in range(3)]
    assert sampler.state == before
    for ids in later:
        np.testing.assert_array_equal(sampler.sample(labels, S, unique).sampled_candidates, ids)


def test_peek_of_a_composed_sampler_and_of_one_in_python():
    class Own(ss.CandidateSampler):
        def draw(self, rng, size):
            return rng.integers(0, self.range_max, size)

        def probability(self, ids):
            return np.full(ids.shape, 1 / self.range_max)

    mixed = ss.MixedSampler([(ss.UniformSampler(V), 4), (ss.LogUniformSampler(V), 4)], seed=1)
    for sampler in (Own(V, 1), mixed):
        later = sampler.peek([[3]], 8, after=1)
        sampler.sample([[3]], 8)
        np.testing.assert_array_equal(sampler.sample([[3]], 8).sampled_candidates, later)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[V]], S), r"true_classes\[0, 0\] = 500 is not a class id"),
        (([[1]], V + 1), "num_sampled = 501 unique candidates"),
        (([[1]], S, True, -1), "after must be at least 0, got -1"),
    ],
)
def test_arguments_of_peek_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        ss.UniformSampler(V).peek(*arguments)


def test_a_layer_has_the_same_bits_with_prefetch(tmp_path):
    tables = []
    for name, reads_ahead in (("with", True), ("without", False)):
        with ss.SampledSoftmax(V, DIM, S, seed=1, folder=tmp_path / name) as layer:
            inputs = np.ones((6, DIM), np.float32)
            losses = []
            for i, (_, labels) in enumerate(BATCHES):
                if reads_ahead and i + 1 < len(BATCHES):
                    layer.prefetch(BATCHES[i + 1][1], after=1)
                losses.append(layer.step(inputs, labels)[0])
            exact = layer.full_loss(inputs, BATCHES[0][1])  # all rows, in order
            tables.append((losses, exact.tobytes(), np.array(layer.weights).tobytes(), layer.sampler.state))
    assert tables[0] == tables[1]


@pytest.mark.parametrize("weights", [None, [1, 0, 2, 1] * 6])
def test_steps_have_the_same_bits_with_prefetch(tmp_path, weights):
    inputs, labels = BATCHES[:, 0].ravel(), BATCHES[:, 1].ravel()
    found = []
    for name, prefetch in (("with", True), ("without", False)):
        with ss.SkipGram(V, DIM, S, seed=1, folder=tmp_path / name) as model:
            losses = model.steps(inputs, labels, 5, weights, prefetch=prefetch)
            found.append((losses.tobytes(), np.array(model.weights).tobytes(), np.array(model.embeddings).tobytes()))
    assert found[0] == found[1]


def test_the_rows_of_the_step_are_asked_for(tmp_path, asked):
    with ss.SkipGram(V, DIM, S, seed=1, folder=tmp_path / "model") as model:
        model.prefetch([7, 8], [450, 9])
        drawn = model.output.sampler.peek([[450], [9]], S)
        pages = {table: set() for table in ("weights", "embeddings")}
        for table in pages:
            for row in {"weights": [450, 9, *drawn], "embeddings": [7, 8]}[table]:
                start = getattr(model, table).offset + row * DIM * 4
                pages[table] |= set(range(start // mmap.PAGESIZE, (start + DIM * 4 - 1) // mmap.PAGESIZE + 1))
    wanted = sum(map(len, pages.values()))  # of the weights and of the embeddings; biases and slots are asked for too
    assert sum(length for _, _, length in asked) >= wanted * mmap.PAGESIZE
    last = {first // mmap.PAGESIZE + k for _, first, length in asked for k in range(length // mmap.PAGESIZE)}
    assert pages["weights"] | pages["embeddings"] <= last


def test_nothing_is_asked_for_without_files(asked):
    layer, table = ss.SampledSoftmax(V, DIM, S), ss.EmbeddingTable(V, DIM)
    layer.prefetch([1, 2])
    table.prefetch([1, 2])
    assert asked == []
    with pytest.raises(ValueError, match="labels"):
        layer.prefetch([V])
    with pytest.raises(ValueError, match="after must be at least 0"):
        layer.prefetch([1], after=-1)
    with pytest.raises(ValueError, match="ids"):
        table.prefetch([V])
    with pytest.raises(TypeError, match="prefetch must be True or False, got int 1"):
        ss.SkipGram(V, DIM, S).steps([1], [2], 1, prefetch=1)


def test_pages_of_rows(tmp_path):
    page = mmap.PAGESIZE
    array = np.memmap(tmp_path / "rows", np.uint8, "w+", offset=128, shape=(64, page // 4))
    assert (page_ranges(array, np.array([0, 1])) // page).tolist() == [[0, 1]]
    assert (page_ranges(array, np.array([3])) // page).tolist() == [[0, 2]]  # its end is on the next page
    assert (page_ranges(array, np.array([40, 0, 44, 40])) // page).tolist() == [[0, 1], [10, 2]]
    wide = np.memmap(tmp_path / "wide", np.uint8, "w+", shape=(4, 3 * page))
    assert (page_ranges(wide, np.array([1, 3])) // page).tolist() == [[3, 3], [9, 3]]


def test_a_system_without_the_call_reads_nothing(tmp_path, monkeypatch):
    array = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(4, 4))
    opened = []
    monkeypatch.setattr(mapped_rows, "open", lambda *names: opened.append(names), raising=False)
    monkeypatch.setattr(mapped_rows, "CAN_READ_AHEAD", False)
    read_ahead([array], np.array([1]))
    assert opened == []


def test_a_folder_larger_than_memory_reads_single_pages(tmp_path, monkeypatch):
    assert memory_bytes() > 2**20
    for limit, single in ((1e12, False), (1000.0, True)):
        monkeypatch.setattr("sampledsoftmax.layers.layer_folder.memory_bytes", lambda limit=limit: limit)
        with ss.SampledSoftmax(V, DIM, S, folder=tmp_path / str(single)) as layer, layer.weight_table.in_order():
            pass
        with ss.SampledSoftmax(V, DIM, S, folder=tmp_path / str(single)) as layer:
            asked = []
            monkeypatch.setattr("sampledsoftmax.layers.table.set_random", lambda _, random, to=asked: to.append(random))
            layer.weight_table.read_single_pages(True)
            assert (asked == []) == single  # it was so from the start
        monkeypatch.undo()

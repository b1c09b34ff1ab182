"""Messages that are late or repeated change nothing; a run that loses shards ends with the same bits."""

import itertools
import shutil

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.io import atomic_write
from sampledsoftmax.sharding.local_transport import LocalTransport
from sampledsoftmax.sharding.rows import Ranges, RowIds, RowValues
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.sharding.shard import Delivery, OutOfStep, Shard, Stamp
from sampledsoftmax.sharding.transport import LostError
from tests.sharding.cases import (
    BATCH_SIZE,
    DIM,
    NUM_CLASSES,
    SIZES,
    ShardedOutput,
    ShardedPairs,
    assert_same_tables,
    ids_of,
    in_process,
    inputs_of,
    trained_pairs,
)


@pytest.fixture
def shard():
    layer = in_process(ShardedPairs, ss.SGD(1.0))
    settings: ShardSettings = layer._driver._settings
    shard = Shard(settings, 0, NUM_CLASSES)
    shard.start(Stamp(1, 0))
    return shard


def delivery(*classes):
    ids = RowIds(np.array(classes, np.int64))
    size = len(classes)
    return Delivery(
        ids, RowValues(np.ones((size, DIM), np.float32), np.ones(size, np.float32), np.zeros((0, DIM), np.float32))
    )


def rows_of(shard, step):
    return shard.rows(Stamp(1, step), ss.SGD(1.0), "biases", 0, 5)


def test_a_part_that_is_delivered_twice_counts_once(shard):
    stamp = Stamp(1, 0)
    assert shard.deliver(stamp, 0, delivery(1, 2))
    assert not shard.deliver(stamp, 0, delivery(1, 2))
    assert shard.deliver(stamp, 1, delivery(2))
    shard.finish(stamp, ss.SGD(1.0), 2, None)
    np.testing.assert_array_equal(rows_of(shard, 1), [0, -1, -2, 0, 0])


@pytest.mark.parametrize("stamp", [Stamp(1, 0), Stamp(1, 2), Stamp(0, 1), Stamp(2, 1)])
def test_a_message_of_another_step_or_of_before_a_rewind_is_refused(shard, stamp):
    shard.apply(Stamp(1, 0), ss.SGD(1.0), delivery(1))
    for message, *arguments in (
        ("pull", ss.SGD(1.0), RowIds(np.array([1]))),
        ("deliver", 0, delivery(1)),
        ("finish", ss.SGD(1.0), 0, None),
        ("apply", ss.SGD(1.0), delivery(1)),
        ("write", "nowhere"),
    ):
        with pytest.raises(OutOfStep, match=r"a message is of Stamp.*, the shard is at Stamp\(rewind=1, step=1\)"):
            getattr(shard, message)(stamp, *arguments)
    np.testing.assert_array_equal(rows_of(shard, 1), [0, -1, 0, 0, 0])


def test_a_step_does_not_end_before_all_parts_are_there(shard):
    shard.deliver(Stamp(1, 0), 1, delivery(1))
    with pytest.raises(OutOfStep, match=r"step 0 has parts \[1\], 2 are expected"):
        shard.finish(Stamp(1, 0), ss.SGD(1.0), 2, None)
    np.testing.assert_array_equal(rows_of(shard, 0), np.zeros(5))


class Unreliable(LocalTransport):
    """Loses shards at random messages, before or after they are carried out."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.rng, self.left = np.random.default_rng(7), 0

    def send(self, shard, message, *arguments):
        if self.left and self.rng.random() < 0.2:
            self.left -= 1
            if self.rng.random() < 0.5:
                super().send(shard, message, *arguments)
            self.lose(shard)
        return super().send(shard, message, *arguments)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("sampler", ["log_uniform", "learned"])
def test_a_run_that_loses_shards_ends_with_the_same_bits(tmp_path, sampler, parts):
    def new(folder, transport):
        drawn = ss.LearnedUnigramSampler(NUM_CLASSES, seed=5) if sampler == "learned" else sampler
        return in_process(
            ShardedPairs, ss.Adagrad(0.1), drawn, 3, parts, folder=folder, checkpoint_steps=2, transport=transport
        )

    undisturbed, disturbed = new(None, LocalTransport), new(tmp_path, Unreliable)
    disturbed._driver.transport.left = 20
    for _ in range(3):
        np.testing.assert_array_equal(trained_pairs(disturbed), trained_pairs(undisturbed))
    assert disturbed._driver.transport.left == 0
    assert disturbed.recoveries >= 5
    for name in ("embeddings", "weights", "biases"):
        np.testing.assert_array_equal(np.asarray(getattr(disturbed, name)), np.asarray(getattr(undisturbed, name)))


@pytest.mark.parametrize("move", ["rows", "inputs"])
def test_an_output_layer_that_loses_shards_returns_the_same_gradients(tmp_path, move):
    options = {"num_shards": 3, "move": move}
    undisturbed = in_process(ShardedOutput, ss.Adam(0.1), **options)
    disturbed = in_process(
        ShardedOutput, ss.Adam(0.1), folder=tmp_path, checkpoint_steps=3, transport=Unreliable, **options
    )
    disturbed._driver.transport.left = 10
    for batch in range(12):
        arguments = inputs_of(batch), ids_of(batch, BATCH_SIZE)
        loss, gradient = disturbed.step(*arguments)
        expected, expected_gradient = undisturbed.step(*arguments)
        assert loss == expected
        np.testing.assert_array_equal(gradient, expected_gradient)
    np.testing.assert_array_equal(disturbed.weights[:], undisturbed.weights[:])
    assert disturbed.recoveries > 0


@pytest.mark.parametrize("num_shards", [1, 2, 5])
def test_a_run_goes_on_with_another_number_of_shards(tmp_path, num_shards):
    optimizer = {"optimizer": ss.Adam(0.1)}
    model = ss.SkipGram(*SIZES, ss.Adam(0.1), seed=3)
    with in_process(ShardedPairs, num_shards=3, folder=tmp_path, **optimizer) as first:
        np.testing.assert_array_equal(trained_pairs(first, 4), trained_pairs(model, 4))
        first.checkpoint()
    with in_process(ShardedPairs, num_shards=num_shards, folder=tmp_path, seed=99, **optimizer) as second:
        assert second.steps_taken == 4
        np.testing.assert_array_equal(trained_pairs(second), trained_pairs(model))
        assert_same_tables(model, second)


def test_without_a_folder_a_lost_shard_ends_the_run():
    sharded = in_process(ShardedPairs, num_shards=2)
    trained_pairs(sharded, 1)
    sharded._driver.transport.lose(1)
    with pytest.raises(LostError, match=r"its rows are lost, since there are no checkpoints; write folder="):
        trained_pairs(sharded, 1)


def test_a_full_disk_stops_the_run_before_a_step_and_it_can_go_on(tmp_path, monkeypatch):
    model = ss.SkipGram(*SIZES, ss.Adagrad(0.1), seed=3)
    sharded = in_process(ShardedPairs, ss.Adagrad(0.1), num_shards=3, folder=tmp_path, checkpoint_steps=2)
    sync = atomic_write.os.fsync
    trained_pairs(model, 2)
    trained_pairs(sharded, 2)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write.os, "fsync", full)
    with pytest.raises(OSError, match=r"rows-0-20.zip cannot be written: No space left on device"):
        trained_pairs(sharded, 1)
    assert sharded.steps_taken == 2
    assert not list(tmp_path.glob("*.json"))
    monkeypatch.setattr(atomic_write.os, "fsync", sync)
    np.testing.assert_array_equal(trained_pairs(sharded), trained_pairs(model))
    assert_same_tables(model, sharded)


def test_what_is_missing_is_named_and_nothing_is_overwritten(tmp_path):
    with in_process(ShardedPairs, num_shards=3, folder=tmp_path) as sharded:
        trained_pairs(sharded, 1)
        sharded.checkpoint()
    (tmp_path / "step-1" / "rows-20-40.zip").unlink()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(FileNotFoundError, match=r"step-1.json lists .*rows-20-40.zip, which is missing"):
        in_process(ShardedPairs, num_shards=2, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    with pytest.raises(BlockingIOError, match=r"is in use by"):
        in_process(ShardedPairs, num_shards=2, folder=tmp_path)


def test_a_damaged_list_and_other_settings_are_refused(tmp_path):
    with in_process(ShardedPairs, ss.Adagrad(0.1), folder=tmp_path) as sharded:
        sharded.checkpoint()
    with pytest.raises(ValueError, match=r"has a layer with optimizer = Adagrad.*, got SGD"):
        in_process(ShardedPairs, ss.SGD(0.1), folder=tmp_path)


def test_old_checkpoints_are_removed_and_overwrite_removes_all(tmp_path):
    with in_process(ShardedPairs, folder=tmp_path, checkpoint_steps=1) as sharded:
        trained_pairs(sharded, 5)
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-3", "step-3.json", "step-4", "step-4.json"]
    with in_process(ShardedPairs, folder=tmp_path, overwrite=True) as again:
        assert again.steps_taken == 0
    assert not list(tmp_path.glob("step-*"))
    shutil.rmtree(tmp_path)


def test_ranges_hold_every_row_once_and_whole_blocks_where_they_can():
    for num_rows, num_shards in ((60, 7), (9_001, 2), (100_000, 3), (5, 5)):
        ranges = Ranges(num_rows, num_shards)
        bounds = [ranges.of(k) for k in range(num_shards)]
        assert bounds[0][0] == 0
        assert bounds[-1][1] == num_rows
        assert all(one[1] == other[0] and one[0] < one[1] for one, other in itertools.pairwise(bounds))
    assert Ranges(100_000, 3).starts.tolist() == [0, 32_768, 65_536, 100_000]


def test_settings_may_change_between_steps():
    model = ss.SkipGram(*SIZES, ss.SGD(0.5), seed=3)
    sharded = in_process(ShardedPairs, ss.SGD(0.5), num_shards=2)
    for rate, size in ((0.1, 5), (0.2, 20)):
        model.output.optimizer.learning_rate = sharded.optimizer.learning_rate = rate
        model.output.num_sampled = sharded.num_sampled = size
        batch = ids_of(1)[:BATCH_SIZE], ids_of(2)[:BATCH_SIZE]
        assert sharded.step(*batch) == model.step(*batch)
    assert_same_tables(model, sharded)

"""Tables in a folder: continued, never overwritten unasked, locked while in use, and honest after a kill."""

import copy
import errno
import gc
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections import namedtuple

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.io import folder_lock
from tests.registry import OPTIMIZERS
from tests.test_saved_layers import (
    NUM_CLASSES,
    EvenSampler,
    Forgetful,
    Margin,
    SignSGD,
    arrays_of,
    assert_same,
    make,
    train,
)

KINDS = pytest.mark.parametrize("kind", [ss.SampledSoftmax, ss.SkipGram], ids=lambda kind: kind.__name__)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@KINDS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_folder_is_continued_with_the_same_bits(tmp_path, kind, optimizer):
    whole = make(kind, optimizer, "learned_unigram")
    losses = train(whole, 0, 9)
    with make(kind, optimizer, "learned_unigram", folder=tmp_path / "new" / "tables") as first:
        assert train(first, 0, 3) == losses[:3]
    second = make(kind, optimizer, "learned_unigram", folder=str(tmp_path / "new" / "tables"))
    assert train(second, 3, 3) == losses[3:6]
    del second
    gc.collect()
    third = make(kind, optimizer, "learned_unigram", folder=os.fsencode(tmp_path / "new" / "tables"))
    assert train(third, 6, 3) == losses[6:]
    assert_same(third, whole)
    third.close()


def test_all_arrays_are_in_files(tmp_path):
    layer = make(ss.SkipGram, "exact_adam", folder=tmp_path)
    train(layer, 0, 2)
    layer.flush()
    files = {path.stem for path in tmp_path.glob("*.npy")}
    tables = ("embeddings", "weights", "biases")
    assert files == {*tables, *(f"{table}-{slot}" for table in tables for slot in ("m", "v", "step", "last_step"))}
    for table in (layer.embedding_table, layer.output.weight_table, layer.output.bias_table):
        np.testing.assert_array_equal(np.load(tmp_path / f"{table.name}.npy"), table.values)
        for name, slot in table.slots.items():
            np.testing.assert_array_equal(np.load(tmp_path / f"{table.name}-{name}.npy"), slot)
    layer.close()


def test_a_living_layer_keeps_its_folder(tmp_path):
    layer = make(ss.SampledSoftmax, folder=tmp_path)
    train(layer, 0, 3)
    before = arrays_of(layer)
    for options in ({}, {"overwrite": True}):
        for kind in (ss.SampledSoftmax, ss.SkipGram):
            with pytest.raises(BlockingIOError, match=rf"in use by process {os.getpid()} on .+: close it there first"):
                make(kind, folder=tmp_path, **options)
    for kept, now in zip(before, arrays_of(layer), strict=True):
        np.testing.assert_array_equal(kept, now)
    layer.close()
    make(ss.SampledSoftmax, folder=tmp_path).close()


ANOTHER_PROCESS = """
import sys
import sampledsoftmax as ss
try:
    ss.SampledSoftmax(40, 5, 7, ss.Adagrad(0.05), seed=3, folder=sys.argv[1])
except OSError as error:
    print(type(error).__name__, error)
"""


def test_another_process_is_refused_with_pid_and_host(tmp_path):
    layer = ss.SampledSoftmax(40, 5, 7, ss.Adagrad(0.05), seed=3, folder=tmp_path)
    command = [sys.executable, "-c", ANOTHER_PROCESS, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    assert said.startswith(f"BlockingIOError folder {tmp_path} is in use by process {os.getpid()} on ")
    layer.close()
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout == ""
    with warnings.catch_warnings():  # that process has closed the folder at its end
        warnings.simplefilter("error")
        ss.SampledSoftmax(40, 5, 7, ss.Adagrad(0.05), seed=3, folder=tmp_path).close()


KILLED = """
import os, signal, sys
import numpy as np
import sampledsoftmax as ss
layer = ss.SkipGram(40, 5, 7, ss.Adam(0.05, mode="exact"), seed=3, folder=sys.argv[1])
ids = np.random.default_rng(0).integers(0, 40, (6, 2, 8))
for step, (inputs, labels) in enumerate(ids):
    layer.step(inputs, labels)
    if step == 3 and sys.argv[2] == "flush":
        layer.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("flush", ["flush", "no flush"])
def test_a_killed_process_leaves_its_tables_and_a_warning(tmp_path, flush):
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), flush], check=False, timeout=300)
    assert ran.returncode == -signal.SIGKILL
    settings = (40, 5, 7, ss.Adam(0.05, mode="exact"))
    whole = ss.SkipGram(*settings, seed=3)
    positions = [whole.output.sampler.state]
    for inputs, labels in np.random.default_rng(0).integers(0, 40, (6, 2, 8)):
        whole.step(inputs, labels)
        positions.append(whole.output.sampler.state)
    with pytest.warns(UserWarning, match=r"was not closed by process \d+ on .*the sampler goes on from the last flush"):
        layer = ss.SkipGram(*settings, seed=3, folder=tmp_path)
    assert_same(layer, whole)
    assert layer.output.sampler.state == positions[4 if flush == "flush" else 0]
    assert np.isfinite(layer.step([1, 2], [3, 4]))
    layer.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ss.SkipGram(*settings, seed=3, folder=tmp_path).close()


RUNNING = """
import sys
import numpy as np
import sampledsoftmax as ss
layer = ss.SkipGram(5000, 32, 64, ss.Adam(0.01, mode="exact"), seed=3, folder=sys.argv[1])
ids = np.random.default_rng(0).integers(0, 5000, (2, 512))
layer.step(*ids)
layer.step(*ids)
print("running", flush=True)
while True:
    layer.step(*ids)
"""


@pytest.mark.compiled
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_stopped_in_a_step_can_be_continued(tmp_path, stop):
    command = [sys.executable, "-c", RUNNING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "running\n"
        time.sleep(0.3)
        process.send_signal(stop)
    settings = (5000, 32, 64, ss.Adam(0.01, mode="exact"))
    with pytest.warns(UserWarning, match=f"was not closed by process {process.pid} on "):
        model = ss.SkipGram(*settings, folder=tmp_path)
    steps = [int(table.slots["step"][0]) for table in (model.embedding_table, model.output.weight_table)]
    assert min(steps) > 1
    assert max(steps) - min(steps) <= 1  # a part of one step
    ids = np.random.default_rng(0).integers(0, 5000, (2, 512))
    first = ss.SkipGram(*settings, seed=3).step(*ids)
    assert model.step(*ids) < first
    model.close()


def test_a_refusal_keeps_the_mark_of_a_killed_process(tmp_path):
    make(ss.SampledSoftmax, folder=tmp_path).close()
    (tmp_path / "lock").write_text("process 1 on elsewhere")
    with pytest.raises(ValueError, match="num_sampled = 7, got 8"):
        ss.SampledSoftmax(NUM_CLASSES, 5, 8, ss.Adagrad(0.05), seed=3, folder=tmp_path)
    with pytest.warns(UserWarning, match="was not closed by process 1 on elsewhere"):
        make(ss.SampledSoftmax, folder=tmp_path).close()


DIFFERENT = {
    "num_classes": ((41, 5, 7), {}, "num_classes = 40, got 41"),
    "dim": ((40, 6, 7), {}, "dim = 5, got 6"),
    "num_sampled": ((40, 5, 8), {}, "num_sampled = 7, got 8"),
    "dtype": ((40, 5, 7), {"dtype": np.float64}, "dtype = 'float32', got 'float64'"),
    "optimizer": ((40, 5, 7, ss.SGD(0.05)), {}, r"optimizer = Adagrad\(.*, got SGD\("),
    "default optimizer": ((40, 5, 7, ss.Adagrad(0.05, 0.2)), {}, "initial_accumulator_value=0.1.*=0.2"),
    "sampler": ((40, 5, 7), {"sampler": "uniform"}, r"sampler = LogUniformSampler\(.*, got UniformSampler"),
    "objective": ((40, 5, 7), {"objective": "nce"}, "objective = 'sampled_softmax', got 'nce'"),
    "own objective": ((40, 5, 7), {"objective": Margin(1)}, "got 'Margin'"),
    "log q": ((40, 5, 7), {"subtract_log_q": False}, "subtract_log_q = True, got False"),
    "hits": ((40, 5, 7), {"remove_accidental_hits": False}, "remove_accidental_hits = True, got False"),
    "seed": ((40, 5, 7), {"seed": 4}, r"seed = \[87654321, 3\], got 4"),
}


@pytest.mark.parametrize(("sizes", "options", "message"), DIFFERENT.values(), ids=DIFFERENT)
def test_other_settings_are_refused_and_nothing_is_touched(tmp_path, sizes, options, message):
    with ss.SampledSoftmax(40, 5, 7, seed=3, folder=tmp_path) as layer:
        train(layer, 0, 2)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=message) as refused:
        ss.SampledSoftmax(*sizes, **{"seed": 3, "folder": tmp_path} | options)
    assert "overwrite=True to start again" in str(refused.value)
    assert contents(tmp_path) == before


def test_what_may_differ(tmp_path):
    """The learning rate is that of the constructor; no seed goes on with the one of the folder."""
    with ss.SampledSoftmax(40, 5, 7, seed=3, folder=tmp_path) as layer:
        train(layer, 0, 1)
        layer.optimizer.learning_rate = 0.5
        state = layer.sampler.state
    with ss.SampledSoftmax(40, 5, 7, ss.Adagrad(0.25), folder=tmp_path) as layer:
        assert layer.optimizer.learning_rate == 0.25
        assert layer.sampler.state == state
    given = ss.LogUniformSampler(40, seed=77)
    with ss.SampledSoftmax(40, 5, 7, sampler=given, folder=tmp_path):
        assert given.state == state


def test_settings_that_were_assigned_are_those_of_the_folder(tmp_path):
    layer = make(ss.SampledSoftmax, folder=tmp_path)
    layer.num_sampled = 9
    layer.sampler = ss.UniformSampler(NUM_CLASSES, seed=8)
    del layer  # without a flush
    gc.collect()
    options = {"sampler": "uniform", "seed": 3, "folder": tmp_path}
    with ss.SampledSoftmax(NUM_CLASSES, 5, 9, ss.Adagrad(0.05), **options) as again:
        assert again.sampler.state == ss.UniformSampler(NUM_CLASSES, seed=8).state


def test_overwrite_starts_anew_and_takes_all_tables_of_the_old_layer(tmp_path):
    with make(ss.SkipGram, "adam", folder=tmp_path) as model:
        train(model, 0, 2)
        shown = model.weights  # lives on: its file is removed, not truncated
        kept = shown.copy()
    (tmp_path / "notes.npy").write_bytes(b"of the user")
    with make(ss.SampledSoftmax, "sgd", folder=tmp_path, overwrite=True) as layer:
        assert_same(layer, make(ss.SampledSoftmax, "sgd"))
    assert {path.name for path in tmp_path.iterdir()} == {
        "weights.npy", "biases.npy", "layer.zip", "lock", "notes.npy"
    }  # fmt: skip
    np.testing.assert_array_equal(shown, kept)


def test_the_other_class_is_refused(tmp_path):
    make(ss.SkipGram, folder=tmp_path).close()
    with pytest.raises(ValueError, match=r"contains a folder of a SkipGram, a folder of a SampledSoftmax is expected"):
        make(ss.SampledSoftmax, folder=tmp_path)


def test_a_folder_with_other_arrays_is_refused_and_left_as_it_is(tmp_path):
    np.save(tmp_path / "weights.npy", np.zeros(3))
    (tmp_path / "notes.txt").write_text("notes")
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"has \['weights.npy'\], but no layer.zip"):
        make(ss.SampledSoftmax, folder=tmp_path)
    assert contents(tmp_path) == before
    (tmp_path / "weights.npy").unlink()
    make(ss.SampledSoftmax, folder=tmp_path).close()
    assert (tmp_path / "notes.txt").read_text() == "notes"


def damage_missing(path):
    path.unlink()


def damage_short(path):
    path.write_bytes(path.read_bytes()[:-4])


def damage_text(path):
    path.write_text("weights")


def damage_empty(path):
    path.write_bytes(b"")


def damage_pickle(path):
    np.save(path, np.array([{}]), allow_pickle=True)


def damage_shape(path):
    np.save(path, np.load(path).T.copy() if np.load(path).ndim == 2 else np.zeros(3, np.float32))


def damage_dtype(path):
    np.save(path, np.load(path).astype(np.float64))


def damage_order(path):
    np.save(path, np.asfortranarray(np.load(path)))


def damage_longer(path):
    path.write_bytes(path.read_bytes() + b"more")


ANY_ARRAY = [damage_missing, damage_short, damage_longer, damage_text, damage_empty, damage_pickle]
DAMAGED = [
    *(("weights.npy", damage) for damage in [*ANY_ARRAY, damage_shape, damage_dtype, damage_order]),
    *(("biases-step.npy", damage) for damage in [*ANY_ARRAY, damage_shape, damage_dtype]),
    *(("weights-m.npy", damage) for damage in (damage_short, damage_order)),
    *(("layer.zip", damage) for damage in (damage_short, damage_text, damage_empty)),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGED)
def test_damaged_files_are_refused_and_nothing_is_touched(tmp_path, name, damage):
    make(ss.SampledSoftmax, "adam", folder=tmp_path).close()
    damage(tmp_path / name)
    before = contents(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=name) as refused:
        make(ss.SampledSoftmax, "adam", folder=tmp_path)
    assert "\n" not in str(refused.value)
    assert contents(tmp_path) == before
    with make(ss.SampledSoftmax, "adam", folder=tmp_path, overwrite=True) as layer:
        assert_same(layer, make(ss.SampledSoftmax, "adam"))


@pytest.mark.parametrize(
    ("folder", "error", "message"),
    [
        (3, TypeError, "folder must be a path, got int 3"),
        ("", ValueError, "folder must be the path of a folder, got ''"),
        ("a\0b", ValueError, "folder must be a path, but .* holds a NUL"),
        (["x"] * 10**5, TypeError, "folder must be a path, got list"),
        (__file__, NotADirectoryError, "but .*test_layer_folder.py is a file"),
        (f"{__file__}/tables", OSError, "cannot be written: Not a directory"),
    ],
)
def test_odd_folders_are_refused_in_one_line(folder, error, message):
    with pytest.raises(error, match=message) as refused:
        make(ss.SkipGram, folder=folder)
    assert len(str(refused.value)) < 500


def test_overwrite_is_for_folders():
    with pytest.raises(ValueError, match="overwrite=True needs folder="):
        make(ss.SampledSoftmax, overwrite=True)
    with pytest.raises(TypeError, match="overwrite must be True or False, got str 'yes'"):
        make(ss.SampledSoftmax, folder="tables", overwrite="yes")


def test_a_disk_that_is_too_small_is_refused_before_it_is_full(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    folder = tmp_path / "a" / "b"
    with pytest.raises(OSError, match="need 1,920 bytes, 1,000 are free") as refused:
        make(ss.SampledSoftmax, folder=folder)
    assert refused.value.errno == errno.ENOSPC
    assert not (tmp_path / "a").exists()


def test_files_that_are_replaced_count_as_free(tmp_path, monkeypatch):
    make(ss.SampledSoftmax, folder=tmp_path).close()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))
    with make(ss.SampledSoftmax, folder=tmp_path, overwrite=True) as layer:
        layer.weights[0] = 7
    with make(ss.SampledSoftmax, folder=tmp_path) as continued:  # needs nothing
        assert (continued.weights[0] == 7).all()


LIMITED = """
import resource, sys
import sampledsoftmax as ss
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    ss.SampledSoftmax(100_000, 8, 64, folder=sys.argv[1])
except OSError as error:
    print(error)
"""


def test_a_file_that_cannot_grow_is_refused_and_removed(tmp_path):
    folder = tmp_path / "tables"
    command = [sys.executable, "-c", LIMITED, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert ran.stdout.startswith(f"folder {folder} cannot be written: ")
    assert not folder.exists()


def test_the_place_of_the_tables_is_taken_on_the_disk(tmp_path, monkeypatch):
    for allocate in (True, False):
        if not allocate:
            monkeypatch.delattr(os, "posix_fallocate", raising=False)
        with ss.SampledSoftmax(300_000, 4, 8, ss.SGD(0.1), folder=tmp_path / str(allocate)):
            file = tmp_path / str(allocate) / "weights.npy"
            assert file.stat().st_size == 300_000 * 4 * 4 + 128
            assert file.stat().st_blocks * 512 >= 300_000 * 4 * 4


def test_a_closed_layer_says_so(tmp_path):
    model = make(ss.SkipGram, folder=tmp_path)
    train(model, 0, 1)
    model.close()
    model.close()
    inputs = np.ones((2, 5), np.float32)
    calls = [
        lambda: model.step([1], [2]),
        lambda: model.steps([1], [2], 1),
        lambda: model.weights,
        lambda: model.output.step(inputs, [1, 2]),
        lambda: model.output.full_loss(inputs, [1, 2]),
        lambda: copy.copy(model),
        lambda: pickle.dumps(model),
        lambda: model.save(tmp_path / "model.zip"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="was closed: make the layer again with folder= to go on"):
            call()
    with pytest.raises(ValueError, match="is not in use by this layer"):
        model.flush()
    assert not (tmp_path / "model.zip").exists()


def test_without_a_folder_flush_and_close_do_nothing():
    with make(ss.SkipGram) as model:
        model.flush()
        before = model.weights.copy()
    train(model, 0, 1)
    assert not np.array_equal(model.weights, before)


def test_an_error_in_a_with_block_closes_the_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), make(ss.SampledSoftmax, folder=tmp_path):
        1 / 0  # noqa: B018
    make(ss.SampledSoftmax, folder=tmp_path).close()


def test_a_constructor_that_fails_gives_the_folder_back(tmp_path):
    with pytest.raises(ZeroDivisionError):
        ss.SampledSoftmax(40, 5, 7, Failing(0.1), folder=tmp_path / "tables")
    assert not (tmp_path / "tables").exists()
    make(ss.SampledSoftmax, folder=tmp_path / "tables").close()


class Failing(ss.SGD):
    """An optimizer whose slots cannot be made."""

    def init(self, table):
        del table
        raise ZeroDivisionError


class NamesSlots(SignSGD):
    def init(self, table):
        return {"../m": np.zeros_like(table)}


def test_slots_that_cannot_name_a_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"slot '../m' cannot name a file"):
        ss.SampledSoftmax(40, 5, 7, NamesSlots(), folder=tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


class KeepsObjects(SignSGD):
    def init(self, table):
        return {"names": np.full(table.shape[0], None)}


def test_what_cannot_be_written_is_refused_before_old_tables_are_gone(tmp_path):
    make(ss.SampledSoftmax, folder=tmp_path).close()
    before = contents(tmp_path)
    for settings in ({"optimizer": KeepsObjects()}, {"sampler": Forgetful(40)}):
        with pytest.raises(TypeError, match=r"must hold numbers|plain data that JSON can hold"):
            ss.SampledSoftmax(40, 5, 7, folder=tmp_path, overwrite=True, **settings)
        assert contents(tmp_path) == before


def test_objects_of_ones_own_classes_continue(tmp_path):
    def layer(**options):
        sampler, objective = EvenSampler(40, seed=2), Margin(0.5)
        return ss.SkipGram(40, 5, 4, SignSGD(), sampler, seed=1, objective=objective, **options)

    whole = layer()
    losses = train(whole, 0, 6)
    with layer(folder=tmp_path) as first:
        assert train(first, 0, 3) == losses[:3]
    with layer(folder=tmp_path) as second:  # a slot that the optimizer has replaced is in its file
        assert train(second, 3, 3) == losses[3:]
        assert_same(second, whole)


def test_assigned_values_are_written_to_the_file(tmp_path):
    model, values = make(ss.SkipGram, folder=tmp_path), np.ones((NUM_CLASSES, 5), np.float32)
    values.flags.writeable = False
    model.weights = values
    model.embeddings = model.weights
    assert not np.shares_memory(model.weights, values)
    assert not np.shares_memory(model.weights, model.embeddings)
    model.close()
    np.testing.assert_array_equal(np.load(tmp_path / "weights.npy"), values)
    np.testing.assert_array_equal(np.load(tmp_path / "embeddings.npy"), values)


def test_copies_and_loaded_layers_are_in_memory(tmp_path):
    model = make(ss.SkipGram, "exact_adam", folder=tmp_path / "tables")
    train(model, 0, 3)
    model.save(tmp_path / "model.zip")
    others = [copy.copy(model), pickle.loads(pickle.dumps(model)), ss.SkipGram.load(tmp_path / "model.zip")]
    expected = train(model, 3, 3)
    model.close()
    before = contents(tmp_path / "tables")
    for other in others:
        assert not isinstance(other.embedding_table.values, np.memmap)
        assert train(other, 3, 3) == expected
        other.close()
    assert contents(tmp_path / "tables") == before


def _step_in_child(model, queue):
    said = []
    for call in (lambda: model.step([1], [2]), lambda: model.weights, model.flush):
        try:
            call()
            said.append("done")
        except ValueError as error:
            said.append(str(error))
    queue.put(said)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_leaves_the_folder_to_its_parent(tmp_path):
    model = make(ss.SkipGram, folder=tmp_path)
    train(model, 0, 2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_step_in_child, args=(model, queue))
    child.start()
    said = queue.get(timeout=600)
    child.join(600)
    assert child.exitcode == 0
    assert all("in use by the parent" in text for text in said[:2])
    assert "not in use by this layer" in said[2]
    with pytest.raises(BlockingIOError):
        make(ss.SkipGram, folder=tmp_path)
    train(model, 2, 1)
    model.close()
    make(ss.SkipGram, folder=tmp_path).close()


def test_a_child_that_outlives_its_parents_layer_does_not_hold_the_lock(tmp_path):
    model = make(ss.SampledSoftmax, folder=tmp_path)
    context = multiprocessing.get_context("fork")
    leave = context.Event()
    child = context.Process(target=leave.wait, args=(600,))
    child.start()
    try:
        model.close()
        make(ss.SampledSoftmax, folder=tmp_path).close()
    finally:
        leave.set()
        child.join(600)
    assert child.exitcode == 0


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder_lock.fcntl, "flock", no_locks)
    with pytest.warns(UserWarning, match="has no locks .No locks available.: make sure that nothing else uses it"):
        layer = make(ss.SampledSoftmax, folder=tmp_path)
    layer.close()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    make(ss.SampledSoftmax, folder=tmp_path / "tables").close()
    (tmp_path / "tables" / "lock").unlink()
    (tmp_path / "tables" / "lock").mkdir()
    with pytest.raises(OSError, match="tables cannot be written: Is a directory"):
        make(ss.SampledSoftmax, folder=tmp_path / "tables")


def test_a_final_write_that_fails_leaves_the_mark(tmp_path):
    layer = make(ss.SampledSoftmax, folder=tmp_path)
    (tmp_path / "layer.zip").unlink()
    (tmp_path / "layer.zip").mkdir()
    with pytest.raises(OSError, match=r"layer\.zip cannot be written"):
        layer.close()
    (tmp_path / "layer.zip").rmdir()
    assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} on ")

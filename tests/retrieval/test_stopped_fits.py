"""Runs that are stopped, resumed, saved, loaded, or that diverge."""

import csv
import os
import signal
from importlib.util import find_spec

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.io.extras import MissingExtraError
from sampledsoftmax.io.loss_plot import read_loss
from sampledsoftmax.layers.ragged_step import RaggedSteps
from sampledsoftmax.retrieval import batches
from sampledsoftmax.retrieval.tables import from_arrays, new_tables
from tests.retrieval.models import SMALL, bits, fitted, tastes

WITH_VALIDATION = {"validation": 0.2}
needs_signals = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def two_blocks_per_epoch(monkeypatch):
    monkeypatch.setattr(batches, "_USERS_PER_BLOCK", 64)


@pytest.fixture(autouse=True)
def handler():
    """Start with the handler of a new process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stop(_):
    os.kill(os.getpid(), signal.SIGINT)


def unfitted():
    return ss.MatrixFactorization(**SMALL)


@needs_signals
@pytest.mark.parametrize("of_fit", [{}, WITH_VALIDATION], ids=["all pairs", "validation"])
@pytest.mark.parametrize("when", ["on_epoch", "on_progress"])
def test_a_run_that_is_stopped_again_and_again_ends_with_the_same_bits(when, of_fit, tmp_path):
    """After each epoch, or after each block of batches; in memory and from the checkpoint."""
    path, in_memory = tmp_path / "model.zip", unfitted()
    with pytest.raises(KeyboardInterrupt):
        in_memory.fit(tastes(), **of_fit, **{when: stop})
    with pytest.raises(KeyboardInterrupt):
        unfitted().fit(tastes(), **of_fit, checkpoint=path, **{when: stop})
    assert bits(ss.MatrixFactorization.load(path)) == bits(in_memory)
    stops = 1
    while not in_memory.is_finished:
        from_file = ss.MatrixFactorization.load(path)
        with pytest.raises(KeyboardInterrupt):
            from_file.fit(resume=True, checkpoint=path, **{when: stop})
        with pytest.raises(KeyboardInterrupt):
            in_memory.fit(tastes(), resume=True, **{when: stop})
        stops += 1
        assert bits(from_file) == bits(in_memory)
    assert stops == (6 if when == "on_epoch" else 12)
    assert bits(in_memory) == bits(fitted(of_fit=of_fit))
    assert bits(ss.MatrixFactorization.load(path)) == bits(in_memory)


@needs_signals
def test_a_second_signal_acts_at_once_and_the_last_epoch_is_kept():
    model, seen = unfitted(), []

    def twice(progress):
        seen.append(progress)
        if len(seen) == 3:  # the first block of the second epoch
            stop(None)
            stop(None)

    with pytest.raises(KeyboardInterrupt):
        model.fit(tastes(), on_progress=twice)
    assert len(model.history) == 1
    assert bits(model.fit(resume=True)) == bits(fitted())


def test_an_error_in_a_callback_leaves_the_last_epoch_and_the_run_can_go_on():
    def fail(report):
        if report.epoch == 2:
            raise OSError("no space")

    model = unfitted()
    with pytest.raises(OSError, match="no space"):
        model.fit(tastes(), on_epoch=fail)
    assert len(model.history) == 2
    assert not model.is_finished
    with pytest.raises(ValueError, match=r"stopped in epoch 3 of 6: fit\(resume=True\) continues it"):
        model.fit(tastes())
    assert bits(model.fit(resume=True)) == bits(fitted())


def test_resuming_refuses_other_data():
    model = fitted(of_fit=WITH_VALIDATION)
    before = bits(model)
    with pytest.raises(ValueError, match="the data is not that of the run to resume"):
        model.fit([1, 2], [3, 4], resume=True)
    with pytest.raises(ValueError, match="validation is not that of the run to resume"):
        model.fit(resume=True, validation=0.5)
    with pytest.raises(TypeError, match="need users"):
        model.fit(items=[1], resume=True)
    model.fit(tastes(), resume=True, validation=0.2)  # nothing is left to do
    assert bits(model) == before


def failing_at(call, monkeypatch, what):
    """Make the loss of a call of the compiled steps what it is where a run diverges."""
    steps, calls = RaggedSteps.steps, []

    def diverging(self, tables, *arguments):
        calls.append(1)
        if len(calls) == call:
            tables.inputs.values[0] = np.nan
            if what == "loss":
                raise FloatingPointError("the loss of the batch is nan")
        return steps(self, tables, *arguments)

    monkeypatch.setattr(RaggedSteps, "steps", diverging)


@pytest.mark.parametrize("what", ["loss", "factor"])
def test_a_run_that_diverges_names_the_rates_and_keeps_the_epoch_before(what, monkeypatch, tmp_path):
    path = tmp_path / "model.zip"
    failing_at(5, monkeypatch, what)  # after a trial step and the two blocks of the first epoch
    model = unfitted()
    with pytest.raises(
        FloatingPointError, match=r"in epoch 2 of 6: .* learning_rate = 0\.01\d* of users and 0\.003\d*"
    ):
        model.fit(tastes(), checkpoint=path, checkpoint_seconds=0)
    assert len(model.history) == 1
    assert np.isfinite(model.user_factors).all()
    assert np.isfinite(ss.MatrixFactorization.load(path).user_factors).all()
    monkeypatch.undo()


def test_a_run_that_diverges_in_its_first_epoch_leaves_the_model_as_it_was():
    optimizer = ss.Adam(1e30, mode="row_counted")
    model = ss.MatrixFactorization(**SMALL | {"optimizer": optimizer, "normalize": False, "temperature": 1.0})
    with pytest.raises(FloatingPointError, match=r"diverged in epoch 1 of 6.* 9\.16667e\+29 of users"):
        model.fit(tastes())
    assert not model.is_fitted


@pytest.mark.parametrize("of_fit", [{}, WITH_VALIDATION], ids=["all pairs", "validation"])
def test_a_saved_model_comes_back_with_all_its_bits(of_fit, tmp_path):
    optimizers = (ss.Adam(0.1, beta_1=0.5, mode="row_counted"), ss.Adam(0.01, epsilon=1e-9, mode="row_counted"))
    model = fitted(epochs=2, optimizer=optimizers, of_fit=of_fit)
    path = tmp_path / "model.zip"
    model.save(path)
    loaded = ss.MatrixFactorization.load(path)
    assert bits(loaded) == bits(model)
    assert loaded.settings.described() == model.settings.described()
    assert loaded.recommend(7, k=3)[0].tolist() == model.recommend(7, k=3)[0].tolist()
    assert loaded.interactions.user_ids == model.interactions.user_ids
    before = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("optimizer", [ss.SGD(0.1), ss.RowwiseAdagrad(0.1), ss.Adam(0.1)], ids=repr)
def test_tables_with_slots_of_any_shape_come_back(optimizer):
    counts = np.array([1, 0, 2])
    made = new_tables(counts, counts[:2], 4, (optimizer, optimizer), seed=1)
    arrays = made.arrays()
    again = from_arrays(arrays, (3, 2), 4, (optimizer, optimizer)).arrays()
    assert again.keys() == arrays.keys()
    assert all(again[name] is arrays[name] for name in arrays)
    with pytest.raises(ValueError, match="users must be float32"):
        from_arrays({**arrays, "users": arrays["items"]}, (3, 2), 4, (optimizer, optimizer))


def test_ids_of_any_kind_are_saved(tmp_path):
    users, items = ["a\nb", "", "\ud800", "ü"], [2**62, -1, 0, 7]
    model = ss.MatrixFactorization(dim=2, epochs=1).fit(users, items)
    model.save(tmp_path / "model.zip")
    loaded = ss.MatrixFactorization.load(tmp_path / "model.zip")
    assert (loaded.user_ids, loaded.item_ids) == (sorted(users), sorted(items))


def test_foreign_and_damaged_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "model.zip"
    ss.SkipGram(10, 2, 2, seed=1).save(path)
    with pytest.raises(ValueError, match="matrix factorization"):
        ss.MatrixFactorization.load(path)
    fitted(epochs=1).save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        ss.MatrixFactorization.load(path)
    with pytest.raises(FileNotFoundError):
        ss.MatrixFactorization.load(tmp_path / "none.zip")
    with pytest.raises(TypeError, match="load returns a new MatrixFactorization"):
        unfitted().load(path)


def test_the_loss_curve_is_a_table_and_a_picture(tmp_path):
    model = fitted(of_fit=WITH_VALIDATION)
    model.save_loss_curve(tmp_path / "loss.csv")
    with (tmp_path / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["recall"]) for row in rows] == [report.recall for report in model.history]
    assert [point.loss for point in read_loss(tmp_path / "loss.csv")] == [report.loss for report in model.history]
    without = fitted(epochs=1)
    without.save_loss_curve(tmp_path / "loss.csv")
    assert ",,," in (tmp_path / "loss.csv").read_text()
    if find_spec("matplotlib"):
        for one, name in ((model, "both.png"), (without, "loss.png")):
            one.save_loss_curve(tmp_path / name)
            assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    else:
        with pytest.raises(MissingExtraError, match=r"sampledsoftmax\[plot\]"):
            model.save_loss_curve(tmp_path / "loss.png")


def test_progress_is_reported_after_each_block_and_epoch():
    blocks, epochs = [], []
    model = fitted(of_fit={"on_progress": blocks.append, "on_epoch": epochs.append})
    assert epochs == model.history
    assert [p.epoch for p in blocks] == [epoch for epoch in range(1, 7) for _ in range(2)]
    assert [p.pairs for p in blocks] == sorted({p.pairs for p in blocks})
    assert blocks[-1].pairs == blocks[-1].total_pairs == 6 * tastes().num_pairs
    for report in epochs:
        own = [p for p in blocks if p.epoch == report.epoch]
        sizes = np.diff([0, *(p.pairs for p in blocks)])[2 * report.epoch - 2 : 2 * report.epoch]
        assert report.loss == pytest.approx(np.average([p.loss for p in own], weights=sizes))

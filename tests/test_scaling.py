"""The simulation of threads on made-up times, the timed kernels against those that train, and the page."""

import json
from unittest.mock import patch

import numpy as np
import pytest
from click.testing import CliRunner

import sampledsoftmax as ss
from benchmarks.cases import TINY
from benchmarks.scaling import report, steps, words
from benchmarks.scaling.command import command
from benchmarks.scaling.costs import Costs
from benchmarks.scaling.simulate import Stage, outcome, step_stages, word_stages
from benchmarks.scaling.steps import LayerSteps, StepTrace
from benchmarks.scaling.word_kernels import PHASES, SERIAL
from benchmarks.scaling.words import WordTrace
from sampledsoftmax.runtime.threadpool import thread_pool
from tests.word2vec.trainers import Task, copies, text_of

THREADS = (1, 2, 4, 8, 16)
FREE = Costs({1: 0.0}, {1: 0.0}, {1: 1e30}, 1e30)  # barriers, waking and memory take no time


def word_trace(work, update=0.0, row_bytes=0):
    """Return a trace of steps of `work` [steps, shards]: all in the phases that threads of a shard can divide."""
    work = np.asarray(work, float)
    phases = np.zeros((*work.shape, len(PHASES)))
    phases[..., SERIAL:] = work[..., np.newaxis] / (len(PHASES) - SERIAL)
    updates = {threads: np.full((work.shape[0], threads), update / threads) for threads in THREADS}
    rows = np.ones(work.shape, np.int64)
    return WordTrace(1000, 1, 64, row_bytes, 0, np.zeros((1, work.shape[1])), phases, updates, rows)


def word_seconds(trace, threads, costs=FREE):
    return outcome(word_stages(trace, threads, costs), 1, threads, costs)


@pytest.mark.parametrize("threads", THREADS)
def test_equal_shards_divide_perfectly(threads):
    trace = word_trace(np.full((3, 16), 2.0), update=8.0)
    found = word_seconds(trace, threads)
    assert found.seconds == pytest.approx(3 * (16 * 2.0 + 8.0) / threads)
    assert (found.waiting, found.memory, found.barriers) == (pytest.approx(0), 0, 0)


@pytest.mark.parametrize("threads", [4, 8, 16])
def test_threads_without_a_shard_share_what_can_be_divided(threads):
    trace = word_trace(np.full((3, 4), 2.0))
    trace.work[..., 0] = 1.0  # making examples is serial
    found = word_seconds(trace, threads)
    assert found.seconds == pytest.approx(3 * (1.0 + 2.0 * 4 / threads))
    assert found.work + found.waiting == pytest.approx(found.seconds)
    assert found.waiting == pytest.approx(3 * 1.0 * (1 - 4 / threads))


def test_a_batch_is_not_divided_below_a_tile():
    trace = word_trace(np.full((1, 1), 3.0))._replace(batch_size=12)  # three tiles
    assert [word_seconds(trace, threads).seconds for threads in (2, 4, 16)] == pytest.approx([2.0, 1.0, 1.0])


def test_one_slow_shard_bounds_a_step():
    work = np.ones((2, 8))
    work[:, 3] = 5.0
    trace = word_trace(work)
    assert [word_seconds(trace, threads).seconds for threads in (1, 2, 8)] == pytest.approx([24.0, 16.0, 10.0])
    found = word_seconds(trace, 8)
    assert (found.work, found.waiting) == (pytest.approx(3.0), pytest.approx(7.0))


def test_memory_that_all_threads_share_makes_the_curve_flat():
    trace = word_trace(np.full((1, 16), 1.0), 32.0, row_bytes=100)  # 16 rows read, then read and written
    costs = Costs({1: 0.0}, {1: 0.0}, {1: 200.0}, 400.0)  # bytes per second
    found = [word_seconds(trace, threads, costs) for threads in THREADS]
    assert [one.seconds for one in found] == pytest.approx([16 + 32, 8 + 16, 4 + 8, 4 + 8, 4 + 8])  # 1600 / 400 = 4
    assert found[-1].memory == pytest.approx(12.0 - 3.0)


def test_one_thread_has_waited_for_its_memory_already():
    trace = word_trace(np.full((1, 16), 1.0), 32.0, row_bytes=100)
    costs = Costs({1: 0.0}, {1: 0.0}, {1: 10.0}, 20.0)  # too slow for all rows: some come from a cache
    assert word_seconds(trace, 1, costs).memory == 0
    assert word_seconds(trace, 16, costs).seconds == pytest.approx((16 + 32) / 2)


def test_barriers_are_counted_and_grow_with_the_threads():
    costs = Costs({1: 0.0, 2: 0.5}, {1: 1.0, 2: 4.0}, {1: 1e30}, 1e30)
    trace = word_trace(np.zeros((3, 4)))
    assert word_seconds(trace, 1, costs).barriers == pytest.approx(1.0)
    assert word_seconds(trace, 2, costs).barriers == pytest.approx(4.0 + 7 * 0.5)  # reading, then two in each step
    assert word_seconds(trace, 4, costs).barriers == pytest.approx(3 * 3.0 + 7 * 1.0)
    # Two threads of each shard wait for each other too, three times in a step.
    assert word_seconds(trace, 8, costs).work == pytest.approx(3 * 3 * 0.5)


def test_a_shard_that_has_no_thread_of_its_own_waits_for_the_others():
    trace = word_trace(np.ones((1, 6)))
    assert word_seconds(trace, 4).seconds == pytest.approx(2.0)  # ranges of 1, 2, 1, 2 shards


def step_trace(threads, **changes):
    parts = {"sample": np.zeros(2), "pack": np.zeros(threads), "static": np.zeros(threads)}
    empty = {"examples": np.zeros(0), "classes": np.zeros(0), "rows": 0}
    return StepTrace(**(parts | empty | changes))


def step_seconds(trace, outside=0.0, sizes=(0, 0, 0)):
    return outcome(step_stages(trace, sizes, outside), 1, trace.static.size, FREE)


def test_the_first_phase_has_two_parts_and_the_rest_of_a_call_is_serial():
    sample = np.array([3.0, 2.0])
    assert step_seconds(step_trace(1, sample=sample), 1.0).seconds == pytest.approx(6.0)
    assert step_seconds(step_trace(4, sample=sample), 1.0).seconds == pytest.approx(4.0)


def test_the_next_free_thread_takes_the_next_chunk():
    examples = step_trace(2, static=np.array([4.0, 1.0]), examples=np.ones(4))
    assert step_seconds(examples).seconds == pytest.approx(5.0)  # three chunks for the second thread, one for the first
    classes = step_trace(4, classes=np.ones(6))
    assert step_seconds(classes).seconds == pytest.approx(2.0)


def test_a_stage_is_its_slowest_thread():
    stage = Stage(np.array([[1.0, 3.0], [2.0, 2.0]]), np.zeros(2))
    assert outcome([stage], 0, 2, FREE) == pytest.approx((5.0, 4.0, 1.0, 0.0, 0.0))


def test_costs_beyond_what_is_measured():
    costs = Costs({1: 0.0, 2: 0.2, 4: 0.6}, {1: 1.0, 2: 2.0, 4: 7.0}, {1: 10.0, 2: 16.0}, 100.0)
    assert [costs.barrier_seconds(threads) for threads in (1, 2, 4, 8)] == pytest.approx([0.0, 0.2, 0.6, 1.2])
    assert [costs.wake_seconds(threads) for threads in (1, 4, 10)] == pytest.approx([1.0, 7.0, 18.0])
    assert [costs.bandwidth_of(threads) for threads in (1, 2, 8, 64)] == [10.0, 16.0, 80.0, 100.0]


@pytest.mark.slow
@pytest.mark.parametrize("center_is_input", [True, False])
def test_the_timed_block_trains_the_same_bits(center_is_input):
    task = Task(center_is_input=center_is_input, optimizer=ss.RowwiseAdagrad(0.1))
    expected, found, blocks = task.on(text_of(task, 90), threads=1), task.on(text_of(task, 90), threads=3), []
    one = expected.train_block(0, 0, 0.1)
    with patch.object(thread_pool, "run", words._traced(3, blocks)), np.errstate(over="ignore"):  # without the JIT
        assert found.train_block(0, 0, 0.1) == one
    for left, right in zip(copies(expected.tables), copies(found.tables), strict=True):
        np.testing.assert_array_equal(left, right)
    (block,) = blocks
    assert block.words == 90
    assert block.updates.shape == (one.steps, 3)
    assert (block.work.sum(axis=2) > 0).all()
    assert (block.rows > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, pytest.param(3, marks=pytest.mark.compiled)])  # NumPy sums in another order
def test_the_timed_step_trains_the_same_bits(threads):
    plain, timed, found = LayerSteps(TINY), LayerSteps(TINY), []
    loss, gradient = plain.layer.step(plain.inputs, plain.labels)
    with patch.object(thread_pool, "run", steps._traced(threads, found)):
        other_loss, other_gradient = timed.layer.step(timed.inputs, timed.labels)
    assert loss == other_loss
    np.testing.assert_array_equal(gradient, other_gradient)
    np.testing.assert_array_equal(plain.layer.weights, timed.layer.weights)
    np.testing.assert_array_equal(plain.layer.biases, timed.layer.biases)
    assert (found[0].static > 0).all()
    assert found[0].rows >= TINY.num_sampled


def test_without_the_corpus_words_are_drawn_by_frequency(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMPLEDSOFTMAX_DATA", str(tmp_path))
    name, (vocabulary, stream) = words.corpus(small=True)
    assert name == "synthetic"
    assert (np.diff(vocabulary.counts) <= 0).all()
    np.testing.assert_array_equal(np.bincount(stream.ids), vocabulary.counts)
    assert stream.offsets[-1] == stream.ids.size


@pytest.mark.slow
@pytest.mark.compiled
def test_a_small_run_records_and_prints(tmp_path):
    path = tmp_path / "scaling.json"
    args = ["--small", "--rounds", "1", "--seconds", "0", "--shards", "4", "--json", str(path)]
    found = CliRunner().invoke(command, args)
    assert found.exit_code == 0, found.output
    section = json.loads(path.read_text())["scaling"]
    kinds = [result["kind"] for result in section["results"]]
    assert kinds == ["words", "step"]
    for result in section["results"]:
        assert [row["threads"] for row in result["rows"]] == [1, 2, 4, 8, 16, 32, 64]
        assert all(row["seconds"] > 0 for row in result["rows"])
        assert result["rows"][0]["measured"] > 0
    assert report.text(section) in found.output


def test_errors_are_one_line(tmp_path):
    found = CliRunner().invoke(command, ["--redraw"])
    assert found.exit_code == 2
    assert "--redraw is for --write" in found.output


def test_the_page_shows_the_recorded_results():
    text = report.PAGE.read_text()
    section = json.loads(report.JSON.read_text())["scaling"]
    assert report.page(text, section) == text


def test_rows_of_a_table_are_simulated_measured_and_the_error():
    rows = [{"threads": 1, "seconds": 2.0, "measured": 1.6}, {"threads": 2, "seconds": 1.0, "measured": None}]
    section = {"results": [{"kind": "words", "shards": 4, "words": 8000, "rows": rows}]}
    head, table, names = report.word_table(section)
    assert head == ["shards", "", "1", "2"]
    assert table == [
        ["4", "simulated", "4 (1.0x)", "8 (2.0x)"],
        ["4", "measured", "5 (1.0x)", ""],
        ["4", "error", "+25%", ""],
    ]
    assert names == 2

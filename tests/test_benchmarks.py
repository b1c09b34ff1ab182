"""The benchmark suite at tiny sizes: it verifies, prints, records, draws and refuses."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import contestants, larger_than_memory, report, sampler, sharded, small_calls, step, truth
from benchmarks.__main__ import restart_with_one_blas_thread
from benchmarks.cases import CASES, OPTIMIZERS, TINY, Case
from benchmarks.cli import main
from benchmarks.contestants import SPECS, Spec
from benchmarks.contestants.ours import Fast
from benchmarks.draws import AT_LEAST, SAMPLERS, Draw, first_draws, turn
from benchmarks.limits.limit import row_bytes
from benchmarks.limits.sgemm import ONE_THREAD
from benchmarks.record import Record
from benchmarks.sections import RUN, Options
from benchmarks.session import Effort, Session
from benchmarks.table import aligned, markdown
from benchmarks.timing import summary
from benchmarks.views import step_view
from benchmarks.worker import WorkerProcess

pytestmark = [
    pytest.mark.compiled,
    # Warnings about processes that libraries start.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

NOTHING = Effort(rounds=1, seconds=0.0)


class Wrong(Fast):
    """Returns half of its loss, and changes rows that it does not use."""

    def step(self, inputs, labels):
        loss = super().step(inputs, labels)
        self.model.embeddings[:] += np.float32(1e-3)
        return loss / 2


class Failing(Fast):
    """Raises at its first step."""

    def step(self, inputs, labels):
        raise RuntimeError("first line\nsecond line")


class Dying(Fast):
    """Ends its process."""

    def step(self, inputs, labels):
        sys.exit(3)


def spec(cls):
    return Spec(cls.__name__, cls.__name__, f"{__name__}:{cls.__name__}")


def fast():
    return next(spec for spec in SPECS if spec.name == "fast")


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Run all sections once; return the output, the recorded sections and the folder of the file and plots."""
    folder = tmp_path_factory.mktemp("benchmarks")
    files = ["--cases", "tiny", "--json", str(folder / "f.json"), "--plots", str(folder / "f")]
    short = ["--rounds", "1", "--seconds", "0.01"]
    output = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "THEIRS", "no_such_module")  # its op is compared in this process, below
        for command in (
            ["step", "--contestants", "fast-1,steps,reference,tensorflow,limit", *short],
            ["sampler", *short],
            ["scale", "--contestants", "fast", *short],
            ["memory", "--optimizers", "adagrad"],
        ):
            ran = CliRunner().invoke(main, command + files)
            assert ran.exit_code == 0, ran.output
            output += ran.output
    return output, json.loads((folder / "f.json").read_text()), folder


def without_tensorflow(labels):
    return [label for label in labels if label != "TensorFlow" or importlib.util.find_spec("tensorflow")]


LABELS = ["sampledsoftmax, 1 thread", "sampledsoftmax, steps()", "TensorFlow", "reference (NumPy)"]


def test_contestants_agree_and_are_timed(suite):
    output, sections, _ = suite
    assert [result["optimizer"] for result in sections["step"]["results"]] == list(OPTIMIZERS)
    for result in sections["step"]["results"]:
        assert Case(**result["case"]) == TINY
        assert result["left_out"] == result["refused"] == {}
        assert [row["label"] for row in result["rows"]] == without_tensorflow(LABELS)
        for row in result["rows"]:
            assert row["loss_error"] <= truth.LOSS_RTOL
            assert row["row_error"] <= truth.ROW_ATOL
            assert row["step_error"] <= truth.STEP_RTOL
            assert 0 < row["min_us"] <= row["median_us"] <= row["max_us"]
            assert row["samples"] >= 4
    assert sections["step"]["results"][0]["rows"][0]["threads"] == 1
    for label in without_tensorflow(LABELS):
        assert output.count(f"\n{label} ") >= len(OPTIMIZERS), label


def test_limit(suite):
    for result in suite[1]["step"]["results"]:
        limit = result["limit"]
        assert 0 < limit["us"] < min(row["min_us"] for row in result["rows"])
        assert set(limit["gflops"]) == {"sgemm", "sgemm_1_thread", "fma", "fma_1_thread"}
        assert limit["mflop"] == pytest.approx(3 * 2 * TINY.batch_size * TINY.num_sampled * TINY.dim / 1e6, abs=0.1)
    assert row_bytes(TINY, "adagrad") == 2 * row_bytes(TINY, "sgd")
    assert row_bytes(TINY, "sgd") <= (2 * TINY.batch_size + TINY.num_sampled) * TINY.dim * 4 * 2


def test_samplers_are_timed_without_tensorflow(suite):
    output, sections, _ = suite
    results = sections["sampler"]["results"]
    assert [result["sampler"] for result in results] == list(SAMPLERS)
    assert all(result["sampledsoftmax"]["min_us"] > 0 for result in results)
    assert not any(result["refused"] or "tensorflow" in result for result in results)
    assert output.count("tensorflow is left out: no_such_module is not installed") == 1


@pytest.mark.slow
def test_samplers_draw_what_tensorflow_draws(tf, tmp_path):
    del tf
    vocab_file = tmp_path / "counts"
    sampler.write_counts(vocab_file, 60)
    for name in SAMPLERS:
        draw = Draw(name, 12 if name == "all" else 60, 12, 8)
        mine, theirs = (first_draws(side, draw, vocab_file) for side in sampler.SIDES)
        assert sampler.difference(mine, theirs) == ""
        assert len(turn("tensorflow", draw, vocab_file, 0.0)) == AT_LEAST
        theirs[1][0][0] += 1
        assert sampler.difference(mine, theirs) == "call 1 gives other candidates"


def test_scale_prints_a_sweep_of_each_size(suite):
    output = suite[0]
    for letter, points in {"V": (500, 5000), "S": (12, 24), "B": (24, 48)}.items():
        head = next(
            line for line in output.splitlines() if f"{letter}={points[0]:,} " in line and "last / first" in line
        )
        assert f"{letter}={points[1]:,}" in head
    assert "target for sampledsoftmax: last / first at most 1.6" in output


def test_training_needs_little_memory_beyond_its_tables(suite):
    for result in suite[1]["memory"]["results"]:
        assert result["tables_mb"] == pytest.approx(TINY.num_bytes(result["optimizer"]) / 1e6, abs=0.1)
        assert abs(result["training_mb"]) < 100


def test_plots_are_drawn(suite):
    folder = suite[2] / "f"
    names = {"limit.png", "step_by_classes.png", "step_by_sampled.png", "step_by_batch.png"}
    assert {path.name for path in folder.iterdir()} == names
    for path in folder.iterdir():
        assert path.read_bytes()[:4] == b"\x89PNG"
        assert 5_000 < path.stat().st_size < 80_000


def test_report_writes_the_page_from_the_file(suite, tmp_path):
    _, sections, folder = suite
    page = folder / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):  # the second time, it replaces its own results
        ran = CliRunner().invoke(report.command, [str(folder / "f.json"), str(page)])
        assert ran.exit_code == 0, ran.output
        text = page.read_text()
        assert text.startswith("before\n")
        assert text.endswith("\nafter\n")
        assert "old" not in text
        assert [text.count(f"### {title}\n") for title in report.TITLES.values()] == [1, 1, 1, 1]
    assert f"| {sections['step']['results'][0]['rows'][0]['label']} | 1 |" in text
    assert "](f/limit.png)" in text
    (tmp_path / "empty.md").write_text("no marks")
    assert CliRunner().invoke(report.command, [str(folder / "f.json"), str(tmp_path / "empty.md")]).exit_code == 1


@pytest.mark.slow
def test_missing_contestant_is_named_and_skipped(monkeypatch, capsys):
    missing = Spec("absent", "Absent", "benchmarks.nowhere:Absent", needs="no_such_module")
    monkeypatch.setattr(contestants, "SPECS", (fast(), missing))
    record = Record(None)
    assert step.run("step", record, [TINY], ["sgd"], ["fast", "absent"], NOTHING) == 0
    output = capsys.readouterr().out
    assert output.count("absent is left out: no_such_module is not installed: pip install '.[bench]'") == 1
    assert list(record.sections["step"]["missing"]) == ["absent"]
    assert [row["name"] for row in record.sections["step"]["results"][0]["rows"]] == ["fast"]


@pytest.mark.slow
def test_wrong_contestant_is_refused_and_a_failing_one_left_out(monkeypatch, capsys):
    specs = (spec(Wrong), spec(Failing), spec(Dying), fast())
    monkeypatch.setattr(contestants, "SPECS", specs)
    record = Record(None)
    assert step.run("step", record, [TINY], ["sgd"], [spec.name for spec in specs], NOTHING) == 1
    result = record.sections["step"]["results"][0]
    assert [row["name"] for row in result["rows"]] == ["fast"]
    assert "its first losses are" in result["refused"]["Wrong"]
    assert "rows of embeddings that it does not use" in result["refused"]["Wrong"]
    assert result["left_out"]["Failing"] == "RuntimeError: first line"
    assert result["left_out"]["Dying"].startswith("its process ended with code 3")
    assert "Wrong is REFUSED: its first losses" in capsys.readouterr().out


def test_a_refusal_fails_the_command(monkeypatch):
    monkeypatch.setitem(RUN, "step", lambda record, options: 1)
    ran = CliRunner().invoke(main, ["step"])
    assert ran.exit_code == 1
    assert "1 contestants compute something else" in ran.output


def test_all_runs_every_section_and_unknown_names_are_errors(monkeypatch):
    ran = []
    for name in RUN:
        monkeypatch.setitem(RUN, name, lambda record, options, name=name: ran.append((name, options)) or 0)
    assert CliRunner().invoke(main, ["all", "--cases", "w1,v10k", "--rounds", "2"]).exit_code == 0
    assert [name for name, _ in ran] == ["step", "sampler", "scale", "memory"]
    assert all(options == Options(["w1", "v10k"], [], [], Effort(2, 0.5)) for _, options in ran)
    for option in ("--cases", "--contestants", "--optimizers"):
        refused = CliRunner().invoke(main, ["step", option, "nothing"])
        assert refused.exit_code == 2
        assert "'nothing' is not one of" in refused.output


def test_every_program_is_a_subcommand():
    words = {"words", "word-report", "word-corpora", "word-seeds", "word-settings"}
    assert set(main.commands) == {
        "all",
        "break-even",
        "expected-count",
        "larger-than-memory",
        "parity",
        "proposals",
        "ragged",
        "ray",
        "recommend",
        "recommend-report",
        "report",
        "samplers-quality",
        "samplers-report",
        "scaling",
        "separate-candidates",
        "small-calls",
        "torch",
        *RUN,
        *words,
    }
    for name in main.commands:
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_small_calls_are_compared_and_timed():
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    ran = CliRunner().invoke(main, ["small-calls", "--tiny", "--rounds", "1", "--seconds", "0"])
    assert ran.exit_code == 0, ran.output
    _, head, *rows = ran.output.splitlines()
    assert head.split() == ["call", "sampledsoftmax", "TensorFlow", "ratio"]
    assert [row.split()[0] for row in rows] == ["sampled_softmax_loss_and_grad", "SampledSoftmax.step"]
    with pytest.raises(click.ClickException, match=r"wrong: the first call returns 1.0, TensorFlow's 2.0"):
        small_calls.measure(small_calls.Pair("wrong", lambda: 1.0, lambda: 2.0), 1, 0)


def test_break_even_restarts_once_with_one_blas_thread(monkeypatch):
    restarted = []
    monkeypatch.setattr("os.execve", lambda *arguments: restarted.append(arguments))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    restart_with_one_blas_thread()
    (_, arguments, environment) = restarted.pop()
    assert arguments == sys.orig_argv
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    for name, value in ONE_THREAD.items():
        monkeypatch.setenv(name, value)
    restart_with_one_blas_thread()
    assert restarted == []


def test_default_contestants_have_no_forced_vectors_and_no_reference_in_the_largest_case():
    names = [spec.name for spec in contestants.chosen([], CASES[0])]
    assert not [name for name in names if name.startswith("fast-") and name != "fast-1"]
    assert {"fast", "steps", "tensorflow", "torch", "torch-compile", "jax", "reference"} <= set(names)
    assert "reference" not in [spec.name for spec in contestants.chosen([], CASES[-1])]
    assert [spec.name for spec in contestants.chosen(["reference"], CASES[-1])] == ["reference"]


def test_truth_has_changed_and_unchanged_rows():
    expected = truth.truth(TINY, "sgd")
    assert all(0 < changed.sum() < changed.size for changed in expected.changed.values())
    for name, changed in expected.changed.items():
        moved = expected.after[name] != expected.before[name]
        assert not moved[~changed].any()
        assert moved[changed].any()
    good = truth.compare(
        expected, expected.losses, {name: rows.astype(np.float32) for name, rows in expected.after.items()}
    )
    assert good.problem == ""
    rows = {name: rows.copy() for name, rows in expected.after.items()}
    rows["weights"][expected.changed["weights"]] += 1e-3
    assert "rows after its first step are off" in truth.compare(expected, expected.losses, rows).problem


def test_summary_and_tables():
    times = summary([[3e-6, 1e-6], [2e-6]])
    assert (times["samples"], times["min_us"], times["median_us"], times["max_us"]) == (3, 1.0, 2.0, 3.0)
    assert times["round_min_us"] == [1.0, 2.0]
    assert aligned(["a", "b"], [["long", "1"]]) == "a     b\nlong  1"
    assert markdown(["a", "b"], [["c", "1"]]) == "| a | b |\n| --- | ---: |\n| c | 1 |"


def test_other_sections_stay_in_the_file(tmp_path):
    path = tmp_path / "figures.json"
    for section in ("one", "two"):
        record = Record(path)
        record.begin(section, {})
        record.add(section, {"figure": section})
    assert {name: section["results"] for name, section in json.loads(path.read_text()).items()} == {
        "one": [{"figure": "one"}],
        "two": [{"figure": "two"}],
    }


def test_a_case_that_does_not_fit_in_memory_is_skipped():
    session = Session(replace(TINY, num_classes=10**13), "sgd", NOTHING)
    assert "GB of memory are free" in session.run([WorkerProcess(fast())], None)["left_out"]["fast"]


def test_contestants_that_do_not_fit_together_rebuild_their_tables_for_each_turn(monkeypatch):
    monkeypatch.setattr("benchmarks.session.free_memory_bytes", lambda: 2 * TINY.num_bytes("sgd"))
    worker = WorkerProcess(fast())
    result = Session(TINY, "sgd", Effort(rounds=2, seconds=0.0)).run([worker], None)
    worker.close()
    assert not result["all_in_memory"]
    assert len(result["rows"][0]["round_min_us"]) == 2
    assert "one contestant's tables in memory at a time" in step_view(result).text()


@pytest.mark.slow
def test_a_step_on_shards_is_timed(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed")
    path = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "ray", "--cases", "tiny", "--steps", "2", "--json", path]
    ran = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr  # a process of its own: Ray's threads stay
    result = json.loads(path.read_text())["ray"]["results"][0]
    assert result["same_bits"]
    assert result["bytes"] == result["bytes_computed"] < result["bytes_pickled"]
    assert CliRunner().invoke(main, ["ray", "--cases", "w9"]).exit_code == 2


def test_the_page_about_shards_shows_the_results():
    docs = Path(__file__).parents[1] / "docs"
    section = json.loads((docs / "ray.json").read_text())["ray"]
    assert sharded.page(section) in (docs / "ray.md").read_text()


def test_an_epoch_of_ragged_labels_is_timed(tmp_path):
    path = tmp_path / "results.json"
    ran = CliRunner().invoke(
        main, ["ragged", "--small", "--rounds", "1", "--processor-time", "--batch-size", "64", "--json", str(path)]
    )
    assert ran.exit_code == 0, ran.output
    assert "of the limit" in ran.output
    result = json.loads(path.read_text())["ragged"]["results"][0]
    assert result["data"] == "synthetic"
    np.testing.assert_allclose(result["limit_seconds"], result["products_seconds"] + result["rows_seconds"])


SMALL_TABLES = ["--num-classes", "3000", "--in-memory", "500", "--dim", "8", "--num-sampled", "16", "--batch-size", "4"]


def test_tables_in_files_are_timed_beside_one_in_memory(tmp_path):
    file = tmp_path / "f.json"
    command = ["larger-than-memory", *SMALL_TABLES, "--steps", "2", "--folder", str(tmp_path), "--json", str(file)]
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code == 0, ran.output
    before, made, *_ = ran.output.splitlines()[1:]
    assert before.startswith("tables: 0.0 GB (3,000 rows of 8 float32, and biases); memory of the machine: ")
    assert made.startswith("made in ")
    made, *timed = json.loads(file.read_text())["larger-than-memory"]["results"]
    assert made["bytes"] > 3000 * 9 * 4
    assert [one["kind"] for one in timed] == 2 * list(larger_than_memory.KINDS)
    assert all(one["ms_per_step"] > 0 for one in timed)
    assert [path.name for path in tmp_path.iterdir()] == ["f.json"]


def test_the_page_on_large_tables_shows_the_file_of_results():
    docs = Path(__file__).parents[1] / "docs"
    page = (docs / "larger-than-memory.md").read_text()
    shown = page.split("<!-- measured -->")[1].split("<!-- as measured -->")[0].strip()
    assert shown == larger_than_memory.on_page(json.loads((docs / "larger-than-memory.json").read_text()))

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from sampledsoftmax.cli import main
from sampledsoftmax.cli.train import STANDARD_LIBRARY_DEFAULTS
from sampledsoftmax.skip_gram import SkipGram
from sampledsoftmax.words.vectors import WordVectors

SMALL = ["--vector-size", "8", "--min-count", "1", "--sample", "0", "--num-sampled", "3", "--epochs", "2"]


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(1)
    words = [list("abcde" if i % 2 else "12345") for i in range(60)]
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(rng.permutation(line)) + "\n" for line in words))
    return str(path)


def failed(capsys, *args, code=1):
    """Run a command that fails and return its one line."""
    assert main(list(args)) == code
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert captured.err.startswith("sampledsoftmax: ")
    return captured.err.removeprefix("sampledsoftmax: ").rstrip("\n")


def test_train_then_neighbors(tmp_path, corpus, capsys):
    output = tmp_path / "run"
    assert main(["train", corpus, "--output", str(output), *SMALL]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 4
    lines = captured.err.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["epoch 1/2", "epoch 2/2"]
    assert lines[2].startswith(f"10 vectors in {output} after ")
    assert {"vectors.txt", "settings.json", "loss.csv"} <= {path.name for path in output.iterdir()}
    settings = json.loads((output / "settings.json").read_text())
    assert (settings["corpus"], settings["vector_size"], settings["window"]) == ([corpus], 8, 5)
    assert (settings["epochs_done"], settings["vocabulary_size"], settings["words"]) == (2, 10, 300)

    assert main(["neighbors", str(output), "a", "1", "--topn", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = WordVectors.load_word2vec_format(output / "vectors.txt").most_similar("a", 3)
    assert lines[0] == "a: " + ", ".join(f"{word} {cosine:.2f}" for word, cosine in expected)
    assert lines[1].startswith("1: ")
    assert len(lines) == 2


def test_same_command_same_files(tmp_path, corpus, capsys):
    for name in ("one", "two"):
        assert main(["train", corpus, "--output", str(tmp_path / name), *SMALL]) == 0
    capsys.readouterr()
    for file in ("vectors.txt", "settings.json", "loss.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_no_corpus_means_the_standard_library(tmp_path, monkeypatch, capsys):
    names = [["append", "extend", "min", "max"]] * 30
    monkeypatch.setattr(
        "sampledsoftmax.words.python_source.PythonSource.__init__",
        lambda self: self.__dict__.update(sentences=names, unreadable=["x.py"]),
    )
    options = ["--num-sampled", "2", "--vector-size", "4", "--epochs", "1"]
    assert main(["train", "--output", str(tmp_path), *options]) == 0
    captured = capsys.readouterr()
    assert "30 files, 120 names, 1 files unreadable" in captured.err
    assert [line.split(":")[0] for line in captured.out.splitlines()] == ["append", "min"]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert {name: settings[name] for name in STANDARD_LIBRARY_DEFAULTS} == STANDARD_LIBRARY_DEFAULTS
    assert settings["corpus"] == []


def test_mistakes_are_one_line(tmp_path, corpus, capsys):
    output = str(tmp_path / "run")
    train = ["train", corpus, "--output", output]
    file = str(tmp_path / "file")
    (tmp_path / "file").write_text("")
    assert failed(capsys, "train", corpus) == "Missing option '--output'."
    assert failed(capsys, "trian").startswith("No such command 'trian'.")
    assert failed(capsys, *train, "--epoch", "2").startswith("No such option")
    assert "'many' is not a valid integer" in failed(capsys, *train, "--epochs", "many")
    assert failed(capsys, *train, "--epochs", "0") == "epochs must be at least 1, got 0"
    assert failed(capsys, "train", "nowhere", "--output", output) == "corpus nowhere does not exist"
    (tmp_path / "folder").mkdir()
    message = failed(capsys, "train", str(tmp_path / "folder"), "--output", output)
    assert message.endswith("folder is a directory without files")
    assert not os.path.exists(output)
    assert failed(capsys, "train", file, "--output", output) == "the corpus is empty: it holds no words"
    assert "cannot be written: is not a directory" in failed(capsys, "train", corpus, "--output", file)
    assert failed(capsys, *train, "--min-count", "100").startswith("0 of the 10 distinct words")
    assert failed(capsys, *train, "--min-count", "1").startswith("num_sampled=64 unique candidates")
    assert failed(capsys, "neighbors", output, "a").endswith("name the --output directory of a training run")
    assert failed(capsys, "neighbors", output) == "Missing argument 'WORD...'."


def test_an_unknown_word_is_one_line(tmp_path, capsys):
    WordVectors(["append", "min"], np.eye(2)).save_word2vec_format(tmp_path / "vectors.txt")
    line = failed(capsys, "neighbors", str(tmp_path), "min", "apend")
    assert line == "no vector for the word 'apend'; near it: append"
    assert failed(capsys, "neighbors", str(tmp_path), "min", "--topn", "0") == "topn must be at least 1, got 0"


def stop_at(monkeypatch, at, error):
    real, steps = SkipGram.step, iter(range(1, 10_000))

    def step(model, inputs, labels):
        if next(steps) == at:
            raise error
        return real(model, inputs, labels)

    monkeypatch.setattr(SkipGram, "step", step)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted; {} keeps the vectors of epoch 1"),
        (FloatingPointError(), 1, "learning_rate=0.2; use a smaller one; {} keeps the vectors of epoch 1"),
    ],
)
def test_a_run_that_stops_keeps_the_last_epoch(tmp_path, corpus, capsys, monkeypatch, error, code, message):
    output, one = tmp_path / "run", tmp_path / "one"
    options = [*SMALL, "--batch-size", "100"]
    assert main(["train", corpus, "--output", str(one), *options, "--epochs", "1"]) == 0
    steps = json.loads((one / "settings.json").read_text())["steps"]
    capsys.readouterr()
    stop_at(monkeypatch, steps + 2, error)
    assert main(["train", corpus, "--output", str(output), *options]) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].endswith(message.format(output))
    assert len(lines) == 2
    assert (output / "vectors.txt").read_bytes() == (one / "vectors.txt").read_bytes()


def test_a_run_that_stops_at_once_leaves_nothing(tmp_path, corpus, capsys, monkeypatch):
    stop_at(monkeypatch, 1, KeyboardInterrupt())
    line = failed(capsys, "train", corpus, "--output", str(tmp_path / "run"), *SMALL, code=130)
    assert line == "interrupted; no epoch was complete"
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("missing", ["click", "tqdm"])
def test_a_missing_extra_is_named(capsys, monkeypatch, missing):
    for name in [name for name in sys.modules if name.startswith("sampledsoftmax.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert failed(capsys, "--help") == f"{missing} is not installed: pip install 'sampledsoftmax[cli]'"


def test_help_shows_defaults(capsys):
    assert main(["train", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "[default: 100]" in shown
    assert "20 for the standard library]" in shown
    assert main([]) == 0
    assert "neighbors" in capsys.readouterr().out


def test_the_module_runs_as_a_program(tmp_path):
    program = [sys.executable, "-m", "sampledsoftmax"]
    done = subprocess.run([*program, "neighbors", str(tmp_path), "a"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("sampledsoftmax: ")
    assert done.stderr.count("\n") == 1
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("sampledsoftmax 0.")

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from sampledsoftmax.cli import main
from sampledsoftmax.cli.train import STANDARD_LIBRARY_DEFAULTS
from sampledsoftmax.word2vec.training import trainer
from sampledsoftmax.word2vec.training.run import Run
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

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
    lines = [line for line in captured.err.splitlines() if not line.startswith("compiling ")]  # if that takes long
    assert [line.split(":")[0] for line in lines[:3]] == ["memory", "epoch 1/2", "epoch 2/2"]
    assert lines[3].startswith(f"10 vectors in {output} after ")
    assert {"vectors.txt", "settings.json", "loss.csv"} <= {path.name for path in output.iterdir()}
    settings = json.loads((output / "settings.json").read_text())
    assert (settings["corpus"], settings["vector_size"], settings["window"]) == ([corpus], 8, 5)
    assert (settings["epochs_done"], settings["vocabulary_size"], settings["words"]) == (2, 10, 300)

    assert main(["neighbors", str(output), "a", "1", "--topn", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = WordVectors.load_word2vec_format(output / "vectors.txt").most_similar("a", topn=3)
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
        "sampledsoftmax.word2vec.corpus.python_source.PythonSource.__init__",
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
    assert not os.path.exists(output)
    assert failed(capsys, "train", file, "--output", output) == "the corpus is empty: it has no words"
    assert "cannot be written: is not a directory" in failed(capsys, "train", corpus, "--output", file)
    assert failed(capsys, *train, "--min-count", "100").startswith("0 of the 10 distinct words")
    assert failed(capsys, *train, "--min-count", "1", "--num-sampled", "64").startswith(
        "num_sampled=64 unique candidates"
    )
    assert failed(capsys, "neighbors", output, "a").endswith("name the --output directory of a training run")
    assert failed(capsys, "neighbors", output) == "Missing argument 'WORD...'."


def test_an_unknown_word_is_one_line(tmp_path, capsys):
    WordVectors(["append", "min"], np.eye(2)).save_word2vec_format(tmp_path / "vectors.txt")
    line = failed(capsys, "neighbors", str(tmp_path), "min", "apend")
    assert line == "no vector for the word 'apend'; near it: append"
    assert failed(capsys, "neighbors", str(tmp_path), "min", "--topn", "0") == "topn must be at least 1, got 0"


def press_ctrl_c_at(monkeypatch, block):
    real, blocks = Run._train_block, iter(range(1, 10_000))

    def train_block(run):
        if next(blocks) == block:
            os.kill(os.getpid(), signal.SIGINT)
        return real(run)

    monkeypatch.setattr(trainer, "POSITIONS_PER_BLOCK", 64)
    monkeypatch.setattr(Run, "_train_block", train_block)


def test_a_run_that_is_stopped_goes_on(tmp_path, corpus, capsys, monkeypatch):
    output, whole = tmp_path / "run", tmp_path / "whole"
    press_ctrl_c_at(monkeypatch, 0)
    assert main(["train", corpus, "--output", str(whole), *SMALL]) == 0
    press_ctrl_c_at(monkeypatch, 3)
    train = ["train", corpus, "--output", str(output), *SMALL]
    capsys.readouterr()
    assert main(train) == 130
    kept = f"{output / 'model.zip'} has the run up to its last checkpoint: continue with --resume"
    assert capsys.readouterr().err.splitlines()[-1] == f"sampledsoftmax: interrupted; {kept}"
    assert {"model.zip", "loss.csv"} <= {path.name for path in output.iterdir()}
    assert failed(capsys, *train).startswith(f"{output} has a run that was stopped in epoch 1 of 2: continue it with")
    line = failed(capsys, *train, "--resume", "--window", "3", "--epochs", "2", "--seed", "5")
    assert line == f"the run in {output} has other settings: window=5, not 3; seed=1, not 5"
    (tmp_path / "other.txt").write_text("a b c d\n" * 10)
    line = failed_after(capsys, "train", str(tmp_path / "other.txt"), "--output", str(output), "--resume")
    assert "this is not the corpus of the run to resume" in line
    assert main([*train, "--resume"]) == 0
    for file in ("vectors.txt", "settings.json", "loss.csv"):
        assert (output / file).read_bytes() == (whole / file).read_bytes()
    capsys.readouterr()
    (output / "vectors.txt").unlink()  # killed after the last checkpoint
    assert main([*train, "--resume"]) == 0
    assert capsys.readouterr().err.startswith(f"the run in {output} is finished: there is nothing left to train")
    assert (output / "vectors.txt").read_bytes() == (whole / "vectors.txt").read_bytes()


def test_more_text(tmp_path, corpus, capsys, monkeypatch):
    output, more = tmp_path / "run", tmp_path / "more.txt"
    more.write_text("a new word of more text\n" * 30)
    train = ["train", corpus, "--output", str(output), *SMALL]
    grow = ["train", str(more), "--output", str(output), "--grow-vocab"]
    assert failed(capsys, *grow) == f"word model {output / 'model.zip'} does not exist"
    press_ctrl_c_at(monkeypatch, 2)
    assert main(train) == 130
    capsys.readouterr()
    assert failed(capsys, *grow) == f"the run in {output} is not finished: continue it with --resume first"
    assert failed(capsys, *grow, "--resume").startswith("resume=True continues a run, grow_vocab=True starts one")
    assert main([*train, "--resume"]) == 0
    assert main(grow) == 0
    words = WordVectors.load_word2vec_format(output / "vectors.txt").words
    assert sorted(words[:10]) == sorted("abcde12345")
    assert sorted(words[10:]) == ["more", "new", "of", "text", "word"]


def failed_after(capsys, *args):
    """Return the last line of a command that fails after some others."""
    assert main(list(args)) == 1
    return capsys.readouterr().err.splitlines()[-1]


def test_a_damaged_model_is_not_overwritten(tmp_path, corpus, capsys):
    output = tmp_path / "run"
    output.mkdir()
    (output / "model.zip").write_bytes(b"foreign")
    for more in ([], ["--resume"]):
        line = failed(capsys, "train", corpus, "--output", str(output), *SMALL, *more)
        assert line.startswith(f"{output / 'model.zip'} is not a word model or is damaged")
    assert (output / "model.zip").read_bytes() == b"foreign"
    line = failed(capsys, "train", corpus, "--output", str(tmp_path / "none"), "--resume")
    assert line == f"word model {tmp_path / 'none' / 'model.zip'} does not exist"


def test_a_run_that_diverges_says_so(tmp_path, corpus, capsys):
    rates = ["--learning-rate", "1e30", "--batch-size", "4"]
    line = failed_after(capsys, "train", corpus, "--output", str(tmp_path / "run"), *SMALL, *rates)
    assert "training diverged at step" in line
    assert "learning_rate=1e+30; use a smaller one; nothing was saved" in line


def test_tensorboard(tmp_path, corpus, capsys, monkeypatch):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    assert main(["train", corpus, "--output", str(tmp_path), *SMALL, "--tensorboard"]) == 0
    events = EventAccumulator(str(tmp_path)).Reload()
    names = {*events.Tags()["scalars"], *events.Tags()["tensors"]}
    assert names == {"loss", "smoothed", "learning_rate"}
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    line = failed_after(capsys, "train", corpus, "--output", str(tmp_path / "b"), *SMALL, "--tensorboard")
    assert line == "sampledsoftmax: tensorboard is not installed: pip install 'sampledsoftmax[tensorboard]'"


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

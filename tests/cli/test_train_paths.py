"""Corpora and output directories of `train`: checked before the work, and locked during it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from sampledsoftmax.cli import MAX_LINE, main
from sampledsoftmax.io.folder_lock import FolderLock
from sampledsoftmax.word2vec.training.output_directory import OutputDirectory
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

SMALL = ["--vector-size", "4", "--min-count", "1", "--sample", "0", "--num-sampled", "2", "--epochs", "1"]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "text.txt").write_text("a b c d\n" * 40)
    return folder


def train(corpus, output, *more):
    return main(["train", str(corpus), "--output", str(output), *SMALL, *more])


def line(capsys):
    """Return the one line of a command that failed before any work."""
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    return captured.err.removeprefix("sampledsoftmax: ").rstrip("\n")


def test_the_output_may_be_in_the_corpus_folder(corpus, capsys):
    output = corpus / "deep" / "run"
    assert train(corpus, output) == 0
    first = (output / "vectors.txt").read_bytes()
    assert train(corpus, output, "--resume") == 0
    assert train(corpus, output) == 0
    assert train(f"{corpus}/**", output) == 0
    assert (output / "vectors.txt").read_bytes() == first
    capsys.readouterr()


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "UTF8"])
def test_encodings(encoding, corpus, tmp_path, capsys):
    (corpus / "text.txt").write_text("ü b c d\n" * 40, encoding=encoding)
    assert train(corpus, tmp_path / "run", "--encoding", encoding) == 0
    assert "ü" in WordVectors.load_word2vec_format(tmp_path / "run" / "vectors.txt").words
    capsys.readouterr()
    assert train(corpus, tmp_path / "none", "--encoding", "utf9") == 1
    assert line(capsys).startswith("encoding must be one that Python knows, such as 'utf-8'")
    assert not (tmp_path / "none").exists()


def test_files_that_are_not_of_a_run_are_not_replaced(corpus, tmp_path, capsys):
    contents = {"settings.json": b'{"theme": "dark"}', "vectors.txt": b"my notes", "loss.csv": b"loss;2024\n"}
    for name, content in contents.items():
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        (folder / name).write_bytes(content)
        assert train(corpus, folder) == 1
        assert line(capsys).startswith(f"{folder / name} is not the file of that name of a run and would be replaced")
        assert (folder / name).read_bytes() == content
    assert train(tmp_path / "vectors" / "vectors.txt", tmp_path / "vectors") == 1
    assert "vectors.txt is part of the corpus and would be replaced: name another directory" in line(capsys)
    for name in ("loss.png", "model.zip", "settings.json"):
        (tmp_path / f"no-{name}" / name).mkdir(parents=True)
        assert train(corpus, tmp_path / f"no-{name}") == 1
        assert f"{name} is a directory: name another output directory, or remove it" in line(capsys)


def test_a_file_that_is_read_only_is_found_before_the_work(corpus, tmp_path, capsys, monkeypatch):
    assert train(corpus, tmp_path / "run") == 0
    capsys.readouterr()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "loss.csv" not in str(path) and real(path, mode))
    assert train(corpus, tmp_path / "run") == 1
    assert line(capsys) == f"{tmp_path / 'run' / 'loss.csv'} cannot be written: it is read-only"


def test_empty_names_are_refused(corpus, tmp_path, capsys, monkeypatch):
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    commands = {
        "the output directory has an empty name": ["train", str(corpus), "--output", ""],
        "corpus has an empty name": ["train", "", "--output", "run"],
        "--counts is empty: name a file": ["sample", "--counts", ""],
        "--plot must name a .png file, got ''": ["sample", "--plot", ""],
    }
    for message, command in commands.items():
        assert main(command) == 1
        assert line(capsys).startswith(message)
    assert list((tmp_path / "cwd").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_in_the_output_directory_are_followed(corpus, tmp_path, capsys):
    (tmp_path / "real").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "vectors.txt").symlink_to(tmp_path / "real" / "vectors")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert train(corpus, tmp_path / "link") == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "run" / "vectors.txt").is_symlink()
    assert (tmp_path / "real" / "vectors").read_text().startswith("4 4\n")
    capsys.readouterr()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_that_are_not_text_do_not_fail_after_the_work(corpus, tmp_path, capsys):
    odd = os.fsdecode(b"caf\xe9")
    os.rename(corpus / "text.txt", corpus / odd)
    assert train(corpus / odd, tmp_path / odd) == 0
    settings = json.loads((tmp_path / odd / "settings.json").read_text(encoding="utf-8"))
    assert settings["corpus"] == [str(corpus / odd)]
    assert "caf\\udce9" in capsys.readouterr().err


def test_two_runs_in_one_directory(corpus, tmp_path, capsys):
    output = tmp_path / "run"
    with OutputDirectory(output).locked():
        assert train(corpus, output) == 1
        assert line(capsys).startswith(f"folder {output} is in use by process {os.getpid()} on ")
        for more in ("--resume", "--grow-vocab"):
            assert train(corpus, output, more) == 1
            assert "is in use by process" in line(capsys)
    assert train(corpus, output) == 0
    capsys.readouterr()


HOLD = """
import sys, time
from sampledsoftmax.word2vec.training.output_directory import OutputDirectory
with OutputDirectory(sys.argv[1]).locked():
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_the_lock_of_a_process_that_was_killed_is_void(corpus, tmp_path, capsys):
    output = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(output)], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"locked\n"
        assert train(corpus, output) == 1
        assert f"is in use by process {other.pid} on " in line(capsys)
        other.kill()
    assert train(corpus, output) == 0
    capsys.readouterr()


def test_a_command_that_fails_gives_the_lock_back(corpus, tmp_path, capsys):
    output = tmp_path / "run"
    assert train(corpus, output, "--min-count", "1000") == 1
    assert train(corpus, output) == 0
    FolderLock(output).release()
    capsys.readouterr()


def test_messages_are_cut_to_a_line(corpus, tmp_path, capsys):
    long = "x" * 100_000
    commands = [
        ["train", long, "--output", str(tmp_path / "run")],
        ["train", str(corpus), "--output", long],
        ["train", str(corpus), "--output", str(tmp_path / "run"), "--encoding", long],
        ["train", str(corpus), "--output", str(tmp_path / "run"), "--sampler", long],
        ["train", str(corpus), "--output", str(tmp_path / "run"), "--epochs", long],
        ["explain", "--html", long],
        ["explain", "--num-sampled", long],
        ["sample", "--counts", long],
        ["sample", "--sampler", long],
        [long],
        [f"--{long}"],
    ]
    for command in commands:
        assert main(command) == 1, command[0][:20]
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert len(captured.err) < MAX_LINE + 40, command[:2]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
@pytest.mark.compiled
def test_ctrl_c_while_compiling_gets_a_word_at_once(corpus, tmp_path):
    """With nothing compiled, the first step takes many seconds; what it says comes before that ends."""
    command = [sys.executable, "-m", "sampledsoftmax", "train", str(corpus), "--output", str(tmp_path / "run"), *SMALL]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as run:
        lines = iter(run.stderr.readline, "")
        assert next(lines).startswith("memory: ")
        assert next(lines).startswith("compiling the training step")
        run.send_signal(signal.SIGINT)
        said = list(lines)
        assert run.stdout.read() == ""
    assert run.returncode == 130
    notice, last = sorted(said, reverse=True)  # a thread says the one, and may come second
    assert notice.startswith("stopping: one moment; press Ctrl-C again")
    assert last == "sampledsoftmax: interrupted; nothing was saved\n"

"""`sampledsoftmax explain`: its output and its errors."""

import os
import subprocess
import sys

import pytest

from sampledsoftmax.cli import main
from sampledsoftmax.explanation.example import explain_example
from sampledsoftmax.explanation.in_batch_example import explain_in_batch_example
from tests.cli.test_commands import failed
from tests.explain.test_model import WORDS, tables
from tests.word2vec.runs import write_run


def test_the_worked_example(capsys, tmp_path):
    assert main(["explain"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{explain_example(path='reference')}\n"
    assert captured.err == ""

    page = tmp_path / "page.html"
    options = ["--num-sampled", "3", "--seed", "9", "--keep-hits", "--no-log-q", "--html", str(page)]
    assert main(["explain", *options]) == 0
    captured = capsys.readouterr()
    switches = {"remove_accidental_hits": False, "subtract_log_q": False}
    expected = explain_example(3, 9, path="reference", **switches)
    assert captured.out == f"{expected}\n"
    assert captured.err == f"\npage: {page}\n"
    assert page.read_text(encoding="utf-8") == expected.to_html()


def test_the_in_batch_example(capsys, tmp_path):
    assert main(["explain", "--in-batch"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{explain_in_batch_example()}\n"
    assert captured.err == ""

    page = tmp_path / "page.html"
    assert main(["explain", "--in-batch", "--keep-hits", "--no-log-q", "--html", str(page)]) == 0
    captured = capsys.readouterr()
    expected = explain_in_batch_example(remove_accidental_hits=False, subtract_log_q=False)
    assert captured.out == f"{expected}\n"
    assert captured.err == f"\npage: {page}\n"
    assert page.read_text(encoding="utf-8") == expected.to_html()


def test_words_of_a_model(capsys, tmp_path):
    write_run(tmp_path, WORDS, tables()["embeddings"], tables()["weights"])
    assert main(["explain", "--model", str(tmp_path), "--word", "king", "--word", "queen"]) == 0
    lines = capsys.readouterr().out.splitlines()
    examples = next(i for i, line in enumerate(lines) if line.startswith("  example"))
    assert [line.split()[:4] for line in lines[examples + 1 : examples + 3]] == [
        ["0", "king", "2", "queen"],
        ["1", "queen", "1", "king"],
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--word", "king"], "--word needs --model DIR"),
        (["--num-sampled", "13"], "num_sampled = 13 unique candidates cannot be drawn from num_classes = 12"),
        (["--num-sampled", "0"], "num_sampled must be at least 1, got 0"),
        (["--num-sampled", "many"], "'many' is not a valid integer"),
        (
            ["--html", "no folder/page.html"],
            "no folder is not a directory: create it, or name another file than no folder/page.html",
        ),
        (["--model", "nowhere", "--word", "king"], "nowhere does not exist: name the --output directory"),
        (["--model", "nowhere"], "--model needs --word WORD, at least once"),
        (["--in-batch", "--seed", "16"], "--seed does not go with --in-batch: its batch is fixed"),
        (["--in-batch", "--num-sampled", "3"], "--num-sampled does not go with --in-batch"),
        (["--in-batch", "--model", "nowhere"], "--model does not go with --in-batch"),
        (["--in-batch", "--word", "king"], "--word does not go with --in-batch"),
        (["king"], "unexpected extra argument"),
    ],
)
def test_invalid_options(capsys, args, message):
    assert message in failed(capsys, "explain", *args)


def test_an_unknown_word(capsys, tmp_path):
    write_run(tmp_path, WORDS, tables()["embeddings"], tables()["weights"])
    message = failed(capsys, "explain", "--model", str(tmp_path), "--word", "kin")
    assert message == "no vector for the word 'kin'; near it: king"


@pytest.mark.parametrize(("options", "start"), [([], "1. The question"), (["--in-batch"], "Logits")])
def test_a_new_installation_compiles_nothing(tmp_path, options, start):
    """The numbers come from the reference, which takes about a second; compiling would take thirty."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "sampledsoftmax", "explain", *options]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.startswith(start)
    assert not list((tmp_path / "cache").rglob("*.nb?"))

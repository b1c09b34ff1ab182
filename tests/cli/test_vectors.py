"""The commands that work on trained vectors: analogy, evaluate, export, plot."""

import json
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from sampledsoftmax.cli import main
from sampledsoftmax.word2vec.evaluation.held_out import held_out
from sampledsoftmax.word2vec.vectors.formats import load
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors
from tests.cli.test_commands import failed
from tests.word2vec.runs import write_run

WORDS = ["man", "king", "woman", "queen", "far", "near"]
INNER = np.array([[1, 0], [1, 1], [0, 0.1], [0.1, 1], [-1, -1], [-1, -0.5]], np.float32)
OUTER = INNER[::-1].copy()


@pytest.fixture
def run(tmp_path):
    """Return a directory with all tables."""
    write_run(tmp_path, WORDS, INNER, OUTER, window=1)
    return tmp_path


@pytest.fixture
def only_vectors(tmp_path):
    """Return a directory with vectors.txt alone."""
    folder = tmp_path / "vectors"
    folder.mkdir()
    WordVectors(WORDS, INNER).save_word2vec_format(folder / "vectors.txt")
    return folder


def test_analogy(only_vectors, capsys):
    assert main(["analogy", str(only_vectors), "man", "king", "woman", "--topn", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "man is to king as woman is to:"
    assert lines[1].split()[0] == "queen"
    assert len(lines) == 3
    assert failed(capsys, "analogy", str(only_vectors), "man", "kin", "woman").endswith("near it: king")
    assert failed(capsys, "analogy", str(only_vectors), "man", "king") == "Missing argument 'C'."


def test_which_table(run, only_vectors, capsys):
    assert main(["neighbors", str(run), "man", "--which", "out", "--topn", "1"]) == 0
    expected = WordVectors(WORDS, OUTER).most_similar("man", topn=1)[0][0]
    assert capsys.readouterr().out.startswith(f"man: {expected} ")
    line = failed(capsys, "neighbors", str(only_vectors), "man", "--which", "mean")
    assert line == "which='mean' needs the output weights, which are missing: use which='in'"
    assert failed(capsys, "neighbors", str(run), "man", "--which", "all").startswith("Invalid value for '--which'")


def test_evaluate(run, tmp_path, capsys):
    questions, pairs, scores = tmp_path / "questions.txt", tmp_path / "pairs.tsv", tmp_path / "scores.json"
    questions.write_text(": family\nMan King Woman Queen\nman king woman far\nman king girl x\n: none\n")
    pairs.write_text("man\tking\t9\nman\tfar\t1\nman\tqueen\t3\nman\tx\t3\n")
    options = ["--analogies", str(questions), "--similarities", str(pairs), "--json", str(scores)]
    assert main(["evaluate", str(run), *options]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["family", "1", "2", "67%", "0.500"] in lines
    assert ["none", "0", "0", "-", "-"] in lines
    assert ["total", "1", "2", "67%", "0.500"] in lines
    assert [str(pairs), "3", "4", "1.000"] in [line[:4] for line in lines]
    written = json.loads(scores.read_text())
    assert written["analogies"]["total"] == {
        "name": "total", "correct": 1, "covered": 2, "questions": 3, "accuracy": 0.5,
    }  # fmt: skip
    assert written["analogies"]["sections"][1]["accuracy"] is None
    assert written["similarities"][str(pairs)]["covered"] == 3
    assert main(["evaluate", str(run), "--analogies", str(questions), "--case-sensitive"]) == 0
    assert ["total", "0", "1", "33%", "0.000"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_evaluate_on_text(run, only_vectors, tmp_path, capsys):
    text, scores = tmp_path / "text.txt", tmp_path / "scores.json"
    text.write_text("man king other\nwoman\nqueen far near\n")
    assert main(["evaluate", str(run), "--text", str(text), "--json", str(scores)]) == 0
    expected = held_out(INNER, OUTER, None, [0, 1, 3, 4, 4, 5], [1, 0, 4, 3, 5, 4])
    shown = capsys.readouterr().out
    assert "6 pairs within 1 words, 85.7% of its words known" in shown
    assert f"{expected.loss:.4f}" in shown
    assert f"word counts alone: {-np.log(np.array([5, 6, 2, 3, 1, 2]) / 21).mean():.4f}" in shown
    written = json.loads(scores.read_text())["text"]
    assert written["loss"] == pytest.approx(expected.loss)
    assert written["recall"]["1"] == expected.recall[1]
    assert main(["evaluate", str(run), "--text", str(text), "--max-pairs", "2", "--window", "2"]) == 0
    assert " 2 pairs within 2 words" in capsys.readouterr().out
    line = failed(capsys, "evaluate", str(only_vectors), "--text", str(text))
    assert line == "the loss on text needs the output weights, but only vectors are given"
    text.write_text("no known word\n")
    assert "has no two known words in a line: 0 of its 3" in failed(capsys, "evaluate", str(run), "--text", str(text))


def test_mistakes_of_evaluate_are_one_line(run, tmp_path, capsys):
    line = failed(capsys, "evaluate", str(run))
    assert line == "nothing to evaluate: name a file with --analogies, --similarities or --text"
    assert failed(capsys, "evaluate", str(run), "--analogies", "nowhere") == "nowhere does not exist"
    line = failed(capsys, "evaluate", str(run), "--text", "nowhere", "--json", str(run))
    assert line == f"{run} is a directory: name a file in it"
    assert failed(capsys, "evaluate", str(run), "--text", "nowhere") == "corpus nowhere does not exist"
    line = failed(capsys, "evaluate", "nowhere", "--text", "nowhere")
    assert line == "nowhere does not exist: name the --output directory of a training run"
    (tmp_path / "pairs").write_text("a b c\nd e f\n")
    assert "line 2: two words and a number" in failed(
        capsys, "evaluate", str(run), "--similarities", str(tmp_path / "pairs")
    )


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("word2vec", "v.txt"),
        ("word2vec", "v.vec.gz"),
        ("word2vec-binary", "v.bin"),
        ("numpy", "v.npz"),
        ("safetensors", "v.safetensors"),
    ],
)
def test_export_gives_the_same_vectors_back(run, tmp_path, capsys, form, name):
    if form == "safetensors":
        pytest.importorskip("safetensors")
    file = tmp_path / name
    assert main(["export", str(run), "--format", form, "--output", str(file), "--which", "both"]) == 0
    assert capsys.readouterr().err == f"6 vectors of dimension 4 in {file}\n"
    expected = WordVectors.from_tables(WORDS, INNER, OUTER, "both")
    loaded = load(file)
    assert loaded.words == WORDS
    np.testing.assert_array_equal(loaded.vectors, expected.vectors)
    assert main(["neighbors", str(file), "man", "--topn", "1"]) == 0
    assert capsys.readouterr().out.startswith("man: ")


@pytest.mark.parametrize("form", ["word2vec", "word2vec-binary"])
def test_words_that_are_not_utf_8_are_exported_as_they_were_read(tmp_path, form):
    (tmp_path / "odd.txt").write_bytes(b"2 1\ncaf\xe9 1\nb 2\n")
    out, options = tmp_path / "out", ["--errors", "surrogateescape"]
    command = ["export", str(tmp_path / "odd.txt"), "--format", form, "--output", str(out)]
    assert main([*command, *options]) == 0
    assert b"caf\xe9 " in out.read_bytes()
    assert main(["neighbors", str(out), "b", *options]) == 0
    assert main([*command, "--errors", "replace"]) == 0
    assert "caf\ufffd ".encode() in out.read_bytes()


def test_export_for_the_projector(run, tmp_path, capsys):
    file = tmp_path / "vectors.tsv"
    assert main(["export", str(run), "--format", "projector", "--output", str(file)]) == 0
    assert capsys.readouterr().err == f"6 vectors of dimension 2 in {file}, words in {tmp_path / 'metadata.tsv'}\n"
    assert file.read_text().splitlines()[2] == "0.0\t0.1"
    assert (tmp_path / "metadata.tsv").read_text().splitlines() == WORDS


def test_mistakes_of_export_are_one_line(run, tmp_path, capsys):
    command = ["export", str(run), "--format", "numpy"]
    assert failed(capsys, *command) == "Missing option '--output'."
    assert "Invalid value for '--format'" in failed(capsys, "export", str(run), "--format", "x", "--output", "y")
    assert failed(capsys, *command, "--output", str(tmp_path)).endswith("is a directory: name a file in it")
    assert "is not a directory: create it" in failed(capsys, *command, "--output", str(tmp_path / "no" / "file"))


@pytest.fixture
def words(tmp_path):
    """Return a file of enough words for a map."""
    rows = np.random.default_rng(1).normal(size=(60, 5)).astype(np.float32)
    path = tmp_path / "words.vec"
    WordVectors([f"w{i}" for i in range(58)] + ["$x_1", "</script><img/src=x>日本"], rows).save_word2vec_format(path)
    return str(path)


def external_resources(page):
    """Return the external resources of a page."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.extend(v for k, v in attributes if k in ("src", "href"))
    parser.feed(page)
    return found


def test_plot(words, run, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    pytest.importorskip("bokeh")
    output = tmp_path / "maps"
    assert main(["plot", words, "--method", "pca", "--output", str(output)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{output / 'map.png'}: 60 words, ")
    assert (output / "map.png").read_bytes().startswith(b"\x89PNG")
    page = (output / "map.html").read_text()
    assert "$x_1" in page
    assert "The 60 most frequent of 60 words (PCA)" in page
    assert external_resources(page) == []
    assert sorted(path.name for path in output.iterdir()) == ["map.html", "map.png"]
    (run / "loss.csv").write_text("epoch,step,pairs,words,loss\n1,1,10,5,2.5\n")
    assert main(["plot", str(run), "--method", "pca", "--word", "king", "--neighbors", "2"]) == 0
    assert "3 words" in capsys.readouterr().err
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_mistakes_of_plot_are_one_line(words, run, capsys, monkeypatch):
    assert failed(capsys, "plot", words, "--words", "2") == "words must be at least 3, got 2"
    assert failed(capsys, "plot", words, "--word", "w58") == "no vector for the word 'w58'; near it: w5, w8, w18"
    line = failed(capsys, "plot", words, "--word", "w5", "--neighbors", "1")
    assert line == "a map needs at least three words, got 2"
    assert "Invalid value for '--method'" in failed(capsys, "plot", words, "--method", "x")
    monkeypatch.setitem(sys.modules, "umap", None)
    line = failed(capsys, "plot", words, "--method", "umap")
    assert line == "umap-learn is not installed: pip install 'sampledsoftmax[umap]'"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    line = failed(capsys, "plot", words, "--method", "pca")
    assert line == "matplotlib is not installed: pip install 'sampledsoftmax[plot]'"


@pytest.mark.parametrize("command", ["analogy", "evaluate", "export", "neighbors", "plot"])
def test_help(command, capsys):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "DIR is the --output directory of a training run" in " ".join(shown.split())
    assert "--which [in|out|mean|both]" in shown


@pytest.mark.skipif(sys.platform != "linux", reason="file names of other systems are Unicode")
def test_names_of_files_that_are_not_utf8_are_written_as_escapes(run, tmp_path, capsys):
    text, pairs, scores = (tmp_path / f"\udcff{name}" for name in ("text.txt", "pairs.txt", "scores.json"))
    text.write_text("man king woman queen\n" * 9)
    pairs.write_text("man king 1\nwoman queen 2\n")
    options = ["--text", str(text), "--similarities", str(pairs), "--json", str(scores)]
    assert main(["evaluate", str(run), *options]) == 0
    capsys.readouterr()
    written = json.loads(scores.read_text(encoding="utf-8"))
    assert written["text"]["file"] == str(text)
    assert list(written["similarities"]) == [str(pairs)]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["export", "DIR", "--format", "numpy", "--output", ""], "--output is empty: name a file"),
        (["export", "DIR", "--format", "numpy", "--output", "-"], "--output - is no file: write --output /dev/stdout"),
        (["plot", "DIR", "--output", ""], "--output is empty: name a file, or a folder"),
        (["evaluate", "DIR", "--text", "t", "--json", ""], "--json is empty"),
        (["evaluate", "DIR", "--text", "t", "--json", "-"], "--json - is no file"),
        (["evaluate", "DIR", "--similarities", ""], "path is empty"),
        (["explain", "--html", ""], "--html is empty"),
        (["explain", "--model", "", "--word", "man"], "is empty: name a file"),
        (["neighbors", "", "man"], "is empty: name a file"),
    ],
    ids=" ".join,
)
def test_names_that_are_empty_are_not_the_current_folder(run, monkeypatch, capsys, command, message):
    monkeypatch.chdir(run)
    before = sorted(path.name for path in run.iterdir())
    assert message in failed(capsys, *(str(run) if word == "DIR" else word for word in command))
    assert sorted(path.name for path in run.iterdir()) == before

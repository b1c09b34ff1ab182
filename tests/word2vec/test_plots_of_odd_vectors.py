"""Plots of vectors that are alike, zero, few or of one dimension, and of words with any characters."""

import subprocess
import sys

import numpy as np
import pytest

from sampledsoftmax.io.loss_plot import LossPoint, read_loss, save_loss_plot
from sampledsoftmax.word2vec.plots import map_page
from sampledsoftmax.word2vec.plots.map_page import save_page
from sampledsoftmax.word2vec.plots.map_picture import save_picture
from sampledsoftmax.word2vec.plots.word_map import METHODS, frequent_words, project, words_with_neighbors
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

RNG = np.random.default_rng(1)
ODD = [
    "$\\frac 1 2", "$AAPL", "$", "$$", "a_b^c", "\\", "back\\slash", "{curly}", "%d %s", "new\nline", "tab\there",
    "nul\0", "\x1b[31m", "\ud800", "", " ", "\u00a0", "שלום", "مرحبا", "日本語", "\U0001f600", "e\u0301\u0302",
    "<b>&amp;</b>", "</script><script>x()</script>", "x" * 100_000, "\u202eright", 7,
]  # fmt: skip


def vectors_of(rows):
    return WordVectors([f"w{i}" for i in range(len(rows))], np.asarray(rows, np.float64))


def needed(method):
    if method != "pca":
        pytest.importorskip({"tsne": "sklearn", "umap": "umap"}[method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (np.ones((30, 4)), "alike in direction"),
        (np.ones((30, 4)) * np.arange(1, 31)[:, np.newaxis], "alike in direction"),
        (np.ones((30, 4)) + RNG.normal(size=(30, 4)) * 1e-9, "alike in direction"),
        (np.arange(1, 31)[:, np.newaxis], "alike in direction"),
        (np.zeros((30, 4)), "zero"),
        (np.ones((3, 2)) * 1e200, "alike in direction"),
    ],
)
def test_vectors_without_differences_are_refused(method, rows, what):
    with pytest.raises(
        ValueError, match=f"the {len(rows)} vectors of the map are all {what}: there is nothing to draw"
    ):
        frequent_words(vectors_of(rows), 1000, method)


@pytest.mark.parametrize("num_words", [1, 2])
def test_maps_need_three_words(num_words):
    vectors = vectors_of(np.eye(num_words))
    with pytest.raises(ValueError, match=f"a map needs at least three words, got {num_words}"):
        frequent_words(vectors, 1000, "pca")
    with pytest.raises(ValueError, match=f"a map needs at least three words, got {num_words}"):
        words_with_neighbors(vectors, ["w0"], 10, "pca")


ROWS = {
    "three words": np.eye(3),
    "two directions": np.repeat(np.eye(4)[:2], 15, axis=0),
    "one word apart": np.vstack([np.ones((29, 4)), [[1.0, -1.0, 0.0, 0.0]]]),
    "with zeros": np.vstack([np.zeros((10, 4)), RNG.normal(size=(20, 4))]),
    "very large and small": RNG.normal(size=(30, 4)) * 10.0 ** RNG.integers(-300, 300, (30, 1)),
    "fewer than the neighbors": RNG.normal(size=(4, 3)),
    "two dimensions": RNG.normal(size=(30, 2)),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ROWS)
def test_maps_of_few_and_equal_vectors_are_finite(method, name):
    needed(method)
    word_map = frequent_words(vectors_of(ROWS[name]), 1000, method)
    assert word_map.points.shape == (len(ROWS[name]), 2)
    assert np.isfinite(word_map.points).all()


def test_vectors_of_one_dimension():
    rows = np.repeat([[1.0], [-1.0]], 15, axis=0)
    assert len(np.unique(project(rows, "pca"), axis=0)) == 2
    for method in ("tsne", "umap"):
        with pytest.raises(ValueError, match=f"method '{method}' needs vectors of at least two dimensions: use 'pca'"):
            project(rows, method)


@pytest.fixture
def odd():
    pytest.importorskip("matplotlib")
    pytest.importorskip("bokeh")
    rows = RNG.normal(size=(len(ODD) + 5, 6))
    return WordVectors([*ODD, *(f"w{i}" for i in range(5))], rows)


def test_any_words_are_drawn(odd, tmp_path):
    word_map = frequent_words(odd, 1000, "pca")
    assert save_picture(tmp_path / "map.png", odd, word_map, "the words $ and \\frac\n" + "x" * 10_000) > 10
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "map.png").stat().st_size < 2_000_000
    save_page(tmp_path / "map.html", odd, word_map, "<b>title</b> & more")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "<title>&lt;b&gt;title&lt;/b&gt; &amp; more</title>" in page
    assert "<script>x()" not in page
    assert "x" * 1000 not in page


@pytest.mark.parametrize("word", [word for word in ODD if word not in ("", " ")], ids=ascii)
def test_a_word_of_any_characters_is_a_title(odd, tmp_path, word):
    chosen = words_with_neighbors(odd, [word], 5, "pca")
    assert save_picture(tmp_path / "map.png", odd, chosen, f"{word} and the words nearest to it") > 0


def test_neighbors_on_the_page_do_not_depend_on_blocks(odd, tmp_path, monkeypatch):
    word_map = frequent_words(odd, 1000, "pca")
    save_page(tmp_path / "one.html", odd, word_map, "map")
    monkeypatch.setattr(map_page, "_BLOCK", 3 * len(odd))
    near = {}
    for name in ("one", "two"):
        monkeypatch.setattr(map_page, "_BLOCK", 10**9 if name == "one" else 3 * len(odd))
        near[name] = map_page._nearest(odd, word_map, [str(i) for i in range(len(odd))])
    assert near["one"] == near["two"]
    assert len(near["one"]) == len(odd)
    assert all(str(i) not in text.split(", ") for i, text in enumerate(near["one"]))


def test_the_command_draws_or_refuses_and_never_crashes(tmp_path):
    """In a process of its own, since some of these once ended with a segmentation fault."""
    program = "import sys; from sampledsoftmax.cli import main; sys.exit(main(sys.argv[1:]))"
    pytest.importorskip("matplotlib")
    pytest.importorskip("bokeh")
    for name, rows, code in (("same", np.ones((30, 4)), 1), ("two", np.repeat(np.eye(2), 15, axis=0), 0)):
        vectors_of(rows).save(tmp_path / f"{name}.zip")
        command = [
            sys.executable,
            "-c",
            program,
            "plot",
            str(tmp_path / f"{name}.zip"),
            "--output",
            str(tmp_path / name),
        ]
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert run.returncode == code
        assert "Traceback" not in run.stderr
        assert (tmp_path / name).exists() == (code == 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: the columns epoch, pairs and loss are expected, got None"),
        (b"epoch,pairs,loss\n1,10,nan\n", "line 2: the loss is nan"),
        (b"epoch,pairs,loss\n1,10,2.5\n\n1,20,inf\n", "line 4: the loss is inf"),
        (b"epoch,pairs,loss\n1,-10,2.5\n", "line 2: pairs must be in"),
        (b"epoch,pairs,loss\n1," + b"9" * 400 + b",2.5\n", "line 2: pairs must be in"),
        (b"epoch,pairs,loss\n1," + b"9" * 5000 + b",2.5\n", "line 2: numbers are expected"),
        (b"epoch,pairs,loss\n1,10,2.\0005\n", "line 2: numbers are expected|near line 2, is damaged"),
        (b"epoch,pairs,loss\n1,10,\xff\n", "is damaged: 'utf-8' codec"),
        (b'epoch,pairs,loss\n1,10,"' + b"x" * 200_000 + b'"\n', "near line 2, is damaged: field larger"),
        (b"epoch,pairs,loss\n1,10," + b"x" * 100_000 + b"\n", "line 2: numbers are expected"),
    ],
)
def test_loss_files_that_are_refused(tmp_path, content, message):
    (tmp_path / "loss.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        read_loss(tmp_path / "loss.csv")
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    "points",
    [
        [LossPoint(1, 10, 2.5)],
        [LossPoint(1, 0, 0.0)],
        [LossPoint(1, 10, 2.5), LossPoint(1, 10, 2.5), LossPoint(2, 10, 0.0)],
        [LossPoint(1, 10, float("nan")), LossPoint(1, 20, float("nan"))],
        [LossPoint(1, 10, 1e308), LossPoint(2, 20, -1e308)],
        [LossPoint(1, 2**62, 2.5), LossPoint(2, 5, 2.0)],
        [],
    ],
)
def test_loss_curves_of_few_and_odd_points_are_drawn(tmp_path, points):
    pytest.importorskip("matplotlib")
    assert save_loss_plot(tmp_path / "loss.png", points)
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")

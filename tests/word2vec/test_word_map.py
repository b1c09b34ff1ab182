import numpy as np
import pytest

from sampledsoftmax.io.loss_plot import LossPoint, read_loss
from sampledsoftmax.word2vec.plots.map_picture import save_picture
from sampledsoftmax.word2vec.plots.word_map import WordMap, frequent_words, grouped, project, words_with_neighbors
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors


def rows(num_words=40, dim=6, seed=1):
    values = np.random.default_rng(seed).normal(size=(num_words, dim))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_pca_keeps_the_distances_of_points_of_a_plane():
    turned = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    plane = np.hstack([np.random.default_rng(1).normal(size=(20, 2)), np.zeros((20, 3))])
    places = project(plane @ turned, "pca")
    for points in (plane[:, :2], places):
        points -= points.mean(axis=0)
    np.testing.assert_allclose(places @ places.T, plane @ plane.T, atol=1e-12)
    assert np.var(places[:, 0]) >= np.var(places[:, 1])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_pca_of_narrow_vectors(dim):
    places = project(rows(5, dim), "pca")
    assert places.shape == (5, 2)
    assert np.isfinite(places).all()


def test_tsne_keeps_groups_apart_and_is_the_same_each_time():
    pytest.importorskip("sklearn")
    centers = np.repeat(np.eye(3), 10, axis=0)
    units = centers + np.random.default_rng(1).normal(scale=0.05, size=(30, 3))
    places = project(units, "tsne")
    distances = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) // 10 == np.arange(30) // 10).all()
    np.testing.assert_array_equal(project(units, "tsne"), places)


def test_groups_are_those_that_are_there():
    true = np.random.default_rng(3).integers(0, 10, 200)
    units = rows(10, 50)[true] + np.random.default_rng(4).normal(scale=0.02, size=(200, 50))
    found = grouped(units)
    assert len({(a, b) for a, b in zip(true, found, strict=True)}) == 10
    assert (np.diff(np.bincount(found)) <= 0).all()
    assert grouped(np.ones((3, 2))).tolist() == [0, 0, 0]


def test_maps():
    vectors = WordVectors([f"w{i}" for i in range(40)], rows())
    word_map = frequent_words(vectors, 1000, "pca")
    assert word_map.ids.tolist() == list(range(40))
    chosen = words_with_neighbors(vectors, ["w7", "w9"], 5, "pca")
    near = [word for word, _ in vectors.most_similar("w7", topn=5)]
    assert [vectors.words[i] for i in chosen.ids[:2]] == ["w7", "w9"]
    assert {"w7", *near} - {"w9"} == {vectors.words[i] for i in chosen.ids[chosen.groups == 0]}
    with pytest.raises(ValueError, match="words must be at least 3, got 2"):
        frequent_words(vectors, 2, "pca")
    with pytest.raises(ValueError, match="method must be one of 'pca', 'tsne', 'umap', got 'svd'"):
        frequent_words(vectors, 3, "svd")


def test_labels_without_room_are_left_out(tmp_path):
    pytest.importorskip("matplotlib")
    vectors = WordVectors([f"word{i}" for i in range(40)], rows())
    places = np.full((40, 2), 5.5)
    places[30:] = np.arange(1, 11)[:, np.newaxis]
    word_map = WordMap(np.arange(40), places, np.arange(40) % 10, "pca")
    # one label on the right and one on the left of the dot that thirty words share, and one at each of the ten others
    assert save_picture(tmp_path / "map.png", vectors, word_map, "map") == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the columns epoch, pairs and loss are expected"),
        ("epoch,loss\n1,2\n", "line 1: the columns"),
        ("epoch,pairs,loss\n", "has no rows"),
        ("epoch,pairs,loss\n1,2,3\n1,x,2\n", "line 3: numbers are expected"),
        ("epoch,pairs,loss\n1,2\n", "line 2: numbers are expected"),
    ],
)
def test_a_damaged_loss_file_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "loss.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_loss(tmp_path / "loss.csv")


def test_the_loss_file_of_a_run(tmp_path):
    (tmp_path / "loss.csv").write_text("epoch,step,pairs,words,loss,more\n1,5,10,4,2.5,x\n2,6,20,8,2.25,\n")
    assert read_loss(tmp_path / "loss.csv") == [LossPoint(1, 10, 2.5), LossPoint(2, 20, 2.25)]

"""Maps of words: projection of vectors to the plane, and groups of similar words."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.extras import need
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.word2vec.vectors.word_table import Word
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

METHODS = ("pca", "tsne", "umap")
NUM_GROUPS = 10
_ROUNDS = 30
_DIGITS = 6  # of the coordinates of a direction, in which two alike ones agree


@not_a_number(has_arrays=True)
class WordMap(NamedTuple):
    """Words as points in the plane.

    Attributes
    ----------
    ids : int64 [num_points]
        Words of the points, in decreasing priority of their labels: the most frequent, or the requested, words first.
    points : float64 [num_points, 2]
        Coordinates; distances have no unit.
    groups : int64 [num_points]
        Group of each word, in [0, NUM_GROUPS).
    method : str
        The projection method.
    """

    ids: NDArray[np.int64]
    points: NDArray[np.float64]
    groups: NDArray[np.int64]
    method: str


def frequent_words(vectors: WordVectors, how_many: int, method: str) -> WordMap:
    """Return a map of the first words, with the groups of `grouped`.

    Raises
    ------
    TypeError, ValueError
        There are fewer than three words, or as for `project`.

    Examples
    --------
    >>> rows = np.random.default_rng(1).normal(size=(30, 5))
    >>> word_map = frequent_words(WordVectors([f"w{i}" for i in range(30)], rows), 20, "pca")
    >>> word_map.points.shape, bool((word_map.groups < NUM_GROUPS).all())
    ((20, 2), True)
    """
    ids = np.arange(min(validation.whole_number("words", how_many, at_least=3), len(vectors)))
    _check_size(ids.size)
    units = vectors.units(ids)
    return WordMap(ids, project(units, method), grouped(units), method)


def words_with_neighbors(vectors: WordVectors, words: Sequence[Word], num_neighbors: int, method: str) -> WordMap:
    """Return a map of some words and their nearest words; a group is a word and its neighbors.

    Raises
    ------
    UnknownWordError, TypeError, ValueError
        A word has no vector, there are fewer than three words, or as for `project`.

    Examples
    --------
    >>> rows = np.random.default_rng(1).normal(size=(30, 5))
    >>> word_map = words_with_neighbors(WordVectors([f"w{i}" for i in range(30)], rows), ["w3", "w5"], 2, "pca")
    >>> word_map.ids[:2], word_map.groups[:2]
    (array([3, 5]), array([0, 1]))
    """
    index = vectors.key_to_index
    found = [[word, *(near for near, _ in vectors.most_similar([word], topn=num_neighbors))] for word in words]
    groups = {word: number % NUM_GROUPS for number, word in enumerate(words)}
    for number, near in enumerate(found):
        for word in near:
            groups.setdefault(word, number % NUM_GROUPS)
    ids = np.array([index[word] for word in groups])
    _check_size(ids.size)
    return WordMap(ids, project(vectors.units(ids), method), np.array(list(groups.values())), method)


def project(units: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    """Project rows [num_points, dim] to points [num_points, 2], finite; deterministic.

    Parameters
    ----------
    units : float64 [num_points, dim]
        Rows of length one, at least three.
    method : str
        "pca": the two principal components, by singular value decomposition. "tsne": scikit-learn's t-SNE, which
        preserves neighborhoods. "umap": umap-learn's UMAP, with the same aim. These two need at least two dimensions.

    Raises
    ------
    MissingExtraError
        The library of the method is not installed.
    ValueError
        All rows are alike, so that there is nothing to draw, or the method cannot project them.
    """
    validation.choice("method", method, METHODS)
    if len(np.unique(units.round(_DIGITS), axis=0)) < 2:
        what = "zero" if not units.any() else "alike in direction"
        raise ValueError(f"the {len(units)} vectors of the map are all {what}: there is nothing to draw")
    if method != default_method(units, method):
        raise ValueError(f"method {method!r} needs vectors of at least two dimensions: use 'pca'")
    methods: dict[str, Callable[[NDArray[np.float64]], Any]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}
    points = np.asarray(methods[method](units), dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError(f"method {method!r} gives no finite points for these vectors: use 'pca'")
    return points


def default_method(rows: NDArray[Any], wanted: str) -> str:
    """Return the method, or "pca" for vectors [num_points, dim] of one dimension, which the others cannot project.

    Examples
    --------
    >>> default_method(np.eye(3), "tsne"), default_method(np.ones((3, 1)), "tsne")
    ('tsne', 'pca')
    """
    return wanted if rows.shape[1] > 1 else "pca"


def _check_size(num_words: int) -> None:
    if num_words < 3:
        raise ValueError(f"a map needs at least three words, got {num_words}")


def grouped(units: NDArray[np.float64], rounds: int = _ROUNDS) -> NDArray[np.int64]:
    """Return the group of each row, in [0, NUM_GROUPS): k-means by cosine, with initial centers far from one another.

    Groups are numbered by decreasing size, so that colors do not depend on the order of the rows.

    Examples
    --------
    >>> grouped(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]))
    array([1, 0, 0, 1, 0])
    """
    centered = units - units.mean(axis=0)
    rows = centered / np.maximum(np.linalg.norm(centered, axis=1, keepdims=True), 1e-12)
    chosen = [0]
    while len(chosen) < min(NUM_GROUPS, len(rows)):
        nearest = (rows @ rows[chosen].T).max(axis=1)
        chosen.append(int(nearest.argmin()))
    centers = rows[chosen]
    for _ in range(rounds):
        group = (rows @ centers.T).argmax(axis=1)
        sums = np.zeros_like(centers)
        np.add.at(sums, group, rows)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centers = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centers)
    sizes = np.bincount(group, minlength=len(centers))
    rank = np.empty(len(centers), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(centers))
    return np.asarray(rank[group])


def _pca(units: NDArray[np.float64]) -> NDArray[np.float64]:
    centered = units - units.mean(axis=0)
    left, sizes, axes = np.linalg.svd(centered, full_matrices=False)
    if sizes.size == 1:  # vectors of dimension one
        left, sizes, axes = np.hstack([left, 0 * left]), np.append(sizes, 0.0), np.vstack([axes, axes])
    signs = np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(axis=1)])  # an SVD does not determine the signs
    return np.asarray(left[:, :2] * sizes[:2] * signs)


def _tsne(units: NDArray[np.float64]) -> Any:
    sklearn = need("sklearn.manifold", "scikit-learn", "tsne")
    perplexity = min(30.0, (len(units) - 1) / 3)
    # one thread takes seconds for so few points; more threads would not be faster, and could round differently
    with need("threadpoolctl", "scikit-learn", "tsne").threadpool_limits(1):
        return sklearn.TSNE(2, perplexity=perplexity, init="pca", metric="cosine", random_state=1).fit_transform(units)


def _umap(units: NDArray[np.float64]) -> Any:
    umap = need("umap", "umap-learn", "umap")
    neighbors = min(15, len(units) - 1)
    return umap.UMAP(n_neighbors=neighbors, metric="cosine", random_state=1, n_jobs=1).fit_transform(units)

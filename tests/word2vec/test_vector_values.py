"""Vectors that cannot change behind what was computed from them, and numbers of any size."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sampledsoftmax as ss
from sampledsoftmax.word2vec.evaluation.analogies import evaluate_analogies
from sampledsoftmax.word2vec.evaluation.similarities import evaluate_similarities, pearson
from sampledsoftmax.word2vec.vectors import unknown_word
from sampledsoftmax.word2vec.vectors.lengths import row_lengths, table_of_units, unit, unit_rows
from sampledsoftmax.word2vec.vectors.suggestions import near_words
from sampledsoftmax.word2vec.vectors.word_vectors import UnknownWordError, WordVectors


def test_vectors_of_a_layer_stay_those_of_before_its_training():
    layer = ss.SampledSoftmax(30, 4, 8, optimizer=ss.SGD(0.5), seed=1)
    words = [f"item{i}" for i in range(30)]
    items, tables = WordVectors(words, layer.weights), WordVectors.from_tables(words, layer.weights, None)
    before = layer.weights.copy(), items.most_similar("item0")
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(64, 4)).astype("f4"), rng.integers(0, 30, 64)
    for _ in range(20):
        layer.step(inputs, labels)
    assert not np.array_equal(layer.weights, before[0])
    for vectors in (items, tables):
        np.testing.assert_array_equal(vectors.vectors, before[0])
        assert vectors.similarity("item0", "item0") == pytest.approx(1.0)
        assert vectors.most_similar("item0") == before[1]


@pytest.mark.parametrize("which", ["in", "out", "mean", "both"])
def test_what_a_caller_changes_later_changes_no_vectors(which):
    words, inner, outer = ["a", "b", "c"], np.eye(3), np.eye(3)[::-1].copy()
    vectors = WordVectors.from_tables(words, inner, outer, which)
    before = vectors.vectors.copy(), vectors.most_similar("a")
    words[0] = "changed"
    inner[:] = 7.0
    outer[:] = 8.0
    np.testing.assert_array_equal(vectors.vectors, before[0])
    assert vectors.words == ["a", "b", "c"]
    assert vectors.most_similar("a") == before[1]


def test_nothing_that_is_handed_out_can_be_written():
    vectors = WordVectors(["a", "b"], np.eye(2))
    for array in (
        vectors.vectors, vectors["a"], vectors.lengths, vectors.norms, vectors.vectors_norm,
        vectors.get_vector("a", norm=True),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 5.0
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag to True"):
        vectors.vectors.flags.writeable = True
    vectors.get_normed_vectors()[...] = 5.0
    vectors[["a"]][...] = 5.0
    assert vectors.similarity("a", "a") == 1.0


def test_a_memory_map_is_not_copied_where_that_is_asked_for(tmp_path):
    np.save(tmp_path / "table.npy", np.eye(3))
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r+")
    vectors = WordVectors(["a", "b", "c"], mapped, copy=False)
    assert np.shares_memory(vectors.vectors, mapped)
    assert mapped.flags.writeable
    assert not vectors.vectors.flags.writeable
    assert not np.shares_memory(WordVectors(["a", "b", "c"], mapped).vectors, mapped)
    with pytest.raises(TypeError, match="copy must be True or False"):
        WordVectors(["a", "b", "c"], mapped, copy=None)


ROWS = np.array([[3.0, 4.0, 0.0], [4.0, 3.0, 0.0], [0.0, 1.0, 2.0], [-1.0, 0.0, 0.5]])
PLAIN = WordVectors(list("abcd"), ROWS)
SIZES = [(1e200, np.float64), (1e-200, np.float64), (1e307, np.float64), (1e-307, np.float64), (1e30, np.float32),
         (1e-30, np.float32), (5e37, np.float32), (1e-36, np.float32)]  # fmt: skip


@pytest.mark.parametrize(("size", "dtype"), SIZES)
def test_cosines_do_not_depend_on_lengths(size, dtype, tmp_path):
    vectors = WordVectors(list("abcd"), (ROWS * size).astype(dtype))
    mixed = WordVectors(list("abcd"), (ROWS * [[size], [1.0], [1 / size], [size]]).astype(dtype))
    for large in (vectors, mixed):
        assert large.similarity("a", "a") == pytest.approx(1.0)
        for ask in (
            lambda v: v.similarity("a", "c"),
            lambda v: [x for _, x in v.most_similar("a")],
            lambda v: v.most_similar(["a", "b"], ["c"], topn=None),
            lambda v: v.most_similar_cosmul(["a", "b"], ["c"], topn=None),
            lambda v: v.distances("a"),
            lambda v: v.units([0, 1, 2, 3]),
            lambda v: v.get_normed_vectors(),
            lambda v: v.get_mean_vector(["a", "b", "c"]),
            lambda v: v.rank("a", "c"),
        ):
            np.testing.assert_allclose(ask(large), ask(PLAIN), rtol=2e-6, atol=2e-6)
        assert [word for word, _ in large.analogy("a", "b", "c")] == ["d"]
        assert large.doesnt_match(["a", "b", "d"]) == "d"
    assert vectors.n_similarity(["a", "b"], ["c", "d"]) == pytest.approx(PLAIN.n_similarity(["a", "b"], ["c", "d"]))
    (tmp_path / "questions").write_text(": all\na b c d\n")
    (tmp_path / "pairs").write_text("a b 3\na c 2\na d 1\n")
    scores = evaluate_similarities(mixed, tmp_path / "pairs")
    np.testing.assert_allclose(scores, evaluate_similarities(PLAIN, tmp_path / "pairs"), rtol=1e-5)
    assert evaluate_analogies(mixed, tmp_path / "questions").total.correct == 1
    both = WordVectors.from_tables(list("abcd"), vectors.vectors, vectors.vectors, "both")
    np.testing.assert_allclose(both.lengths, 2**0.5, rtol=1e-6)
    mean = WordVectors.from_tables(list("abcd"), vectors.vectors, vectors.vectors, "mean")
    np.testing.assert_allclose(mean.vectors, vectors.vectors, rtol=1e-6)


def test_queries_with_vectors_of_any_size():
    for size in (1e200, 1e-200, 1e308, 5e-324):
        query = np.array([size, 0.0, 0.0])
        assert PLAIN.similar_by_vector(query, topn=1) == [("b", 0.8)]
        assert PLAIN.most_similar([query], topn=1) == [("b", 0.8)]
        assert PLAIN.distances(query)[1] == pytest.approx(0.2)
        assert PLAIN.most_similar([("b", size)], topn=1) == [("a", pytest.approx(0.96))]
    assert PLAIN.similar_by_vector(np.zeros(3), topn=1) == [("a", 0.0)]
    with pytest.raises(ValueError, match="the mean must be finite"):
        WordVectors(["a", "b"], np.full((2, 2), 3e38, np.float32)).get_mean_vector([np.full(2, 1e300)])


@given(
    st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1, max_size=6)
)
def test_units_of_any_finite_numbers_have_length_one(rows):
    table = np.array(rows)
    units = unit_rows(table, row_lengths(table))
    lengths = np.sqrt((units * units).sum(axis=1))
    np.testing.assert_allclose(lengths, (table != 0).any(axis=1), rtol=1e-12)
    np.testing.assert_allclose(table_of_units(table), units, atol=1e-12)
    np.testing.assert_allclose([unit(row) for row in table], units, atol=1e-12)


def test_correlations_of_large_scores():
    assert pearson([1e308, -1e308, 0.0], [1.0, -1.0, 0.0]) == pytest.approx(1.0)


def test_an_unknown_word_makes_no_hints_until_it_is_shown(monkeypatch):
    asked = []
    monkeypatch.setattr(unknown_word, "near_words", lambda *given: asked.append(given[0]) or ["near"])
    vectors = WordVectors(["a", "b"], np.eye(2))
    for unknown in (
        lambda: vectors["x"], lambda: vectors.get("x"), lambda: "x" in vectors, lambda: vectors.get_index("x", -1),
        lambda: vectors.doesnt_match(["x", "a"]), lambda: vectors.get_mean_vector(["x", "a"]),
        lambda: vectors.most_similar("x"), lambda: vectors.similarity("a", "x"), lambda: vectors.has_index_for("x"),
    ):  # fmt: skip
        try:
            unknown()
        except KeyError as error:
            last = error
    assert asked == []
    assert str(last) == "no vector for the word 'x'; near it: near"
    assert repr(last) == "UnknownWordError('x')"
    assert str(last).endswith("near")
    assert asked == ["x"]


def test_the_error_survives_copies_and_chains():
    vectors = WordVectors([f"word{i}" for i in range(50_000)], np.ones((50_000, 1)))
    with pytest.raises(UnknownWordError) as raised:
        vectors["wordd7"]
    data = pickle.dumps(raised.value)
    assert len(data) < 500
    twin = pickle.loads(data)
    assert type(twin) is UnknownWordError
    assert twin.args == ("wordd7",)
    assert str(twin) == str(raised.value) == "no vector for the word 'wordd7'; near it: word7, word17, word27"

    def wrapped():
        try:
            vectors["wordd7"]
        except KeyError as error:
            raise RuntimeError("not found") from error

    with pytest.raises(RuntimeError) as outer:
        wrapped()
    assert isinstance(outer.value.__cause__, UnknownWordError)


def test_messages_stay_short_and_in_a_line():
    vectors = WordVectors(["new\nline", "b"], np.eye(2))
    for word in ("x" * 10_000_000, "new\nlines", "\ud800", "a\0b", 10**1000):
        with pytest.raises(UnknownWordError) as raised:
            vectors[word]
        message = str(raised.value)
        assert len(message) < 300
        assert "\n" not in message
    with pytest.raises(TypeError) as refused:
        vectors.most_similar([["x" * 10_000_000]])
    assert len(str(refused.value)) < 300


def test_hints_of_a_script_with_thousands_of_characters_are_bounded():
    """What is looked up depends on 100 characters, not on all that occur."""
    rng = np.random.default_rng(0)
    words = ["".join(map(chr, rng.integers(0x4E00, 0x9FA5, 4))) for _ in range(20_000)]
    looked_up = []

    class Ids(dict):
        def __contains__(self, word):
            looked_up.append(word)
            return super().__contains__(word)

    near_words("oov1", words, Ids(zip(words, range(20_000), strict=True)))
    assert 1000 < len(looked_up) < 10_000

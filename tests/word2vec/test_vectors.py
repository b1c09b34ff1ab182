import numpy as np
import pytest

from sampledsoftmax.word2vec.vectors.suggestions import near_words
from sampledsoftmax.word2vec.vectors.word_vectors import UnknownWordError, WordVectors


def example(num_words=40, dim=7, dtype=np.float32, seed=1):
    values = np.random.default_rng(seed).normal(size=(num_words, dim)).astype(dtype)
    return WordVectors([f"wörd{i}" for i in range(num_words)], values)


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_most_similar_is_a_sort_by_cosine():
    vectors = example(dtype=np.float64)
    found = vectors.most_similar("wörd3", topn=5)
    cosines = {w: cosine(vectors["wörd3"], vectors[w]) for w in vectors.words if w != "wörd3"}
    expected = sorted(cosines, key=cosines.get, reverse=True)[:5]
    assert [w for w, _ in found] == expected
    np.testing.assert_allclose([c for _, c in found], [cosines[w] for w in expected], rtol=1e-12)
    assert len(vectors.most_similar("wörd3", topn=1000)) == 39
    np.testing.assert_allclose(vectors.similarity("wörd1", "wörd2"), cosine(vectors["wörd1"], vectors["wörd2"]))


def test_equal_cosines_come_in_the_order_of_ids_and_zeros_are_no_neighbors():
    vectors = WordVectors(list("abcd"), np.array([[1.0, 0], [2, 0], [0, 0], [3, 0]]))
    assert vectors.most_similar("a") == [("b", 1.0), ("d", 1.0), ("c", 0.0)]
    assert vectors.similarity("c", "c") == 0.0
    assert vectors.analogy("c", "c", "c", topn=1) == [("a", 0.0)]


def test_analogy_leaves_its_words_out():
    vectors = example(dtype=np.float64)
    units = {w: vectors[w] / np.linalg.norm(vectors[w]) for w in vectors.words}
    a, b, c = "wörd1", "wörd2", "wörd3"
    target = units[b] - units[a] + units[c]
    expected = max(set(vectors.words) - {a, b, c}, key=lambda w: cosine(target, units[w]))
    assert vectors.analogy(a, b, c, topn=1)[0][0] == expected
    assert not {a, b, c} & {w for w, _ in vectors.analogy(a, b, c, topn=100)}


def test_unknown_words_suggest_near_ones():
    vectors = WordVectors(["append", "extend"], np.eye(2))
    assert "apend" not in vectors
    with pytest.raises(UnknownWordError) as raised:
        vectors["apend"]
    assert str(raised.value) == "no vector for the word 'apend'; near it: append"
    assert isinstance(raised.value, KeyError)
    with pytest.raises(UnknownWordError, match=r"no vector for the word 'q'$"):
        vectors.most_similar("q")
    with pytest.raises(ValueError, match="topn must be at least 1, got 0"):
        vectors.most_similar("append", topn=0)


def test_bad_vectors_are_refused():
    with pytest.raises(ValueError, match="words must be distinct, 'a' is repeated"):
        WordVectors(["a", "b", "a"], np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"vectors must have shape \[2, dim\], got \[3, 2\]"):
        WordVectors(["a", "b"], np.ones((3, 2)))
    with pytest.raises(ValueError, match="vectors must be finite, that of 'b' is not"):
        WordVectors(["a", "b"], np.array([[1.0], [np.nan]]))
    with pytest.raises(TypeError, match="vectors must be float32 or float64, got int64"):
        WordVectors(["a"], np.ones((1, 2), dtype=np.int64))


def test_vectors_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        example().vectors[0, 0] = 1.0


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("num_words", "dim"), [(1, 1), (2, 65), (65, 3)])
def test_files_give_the_same_bits_back(tmp_path, binary, num_words, dim):
    vectors = example(num_words, dim)
    values = vectors.vectors.copy()
    values[0, 0] = np.float32(1e-45)
    vectors = WordVectors(vectors.words, values)
    vectors.save_word2vec_format(tmp_path / "v", binary=binary)
    loaded = WordVectors.load_word2vec_format(tmp_path / "v", binary=binary)
    assert loaded.words == vectors.words
    np.testing.assert_array_equal(loaded.vectors, vectors.vectors)
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_the_text_format_is_that_of_word2vec(tmp_path):
    WordVectors(["in", "out"], np.array([[0.1, -2], [1e-7, 3]], np.float32)).save_word2vec_format(tmp_path / "v")
    assert (tmp_path / "v").read_text() == "2 2\nin 0.1 -2.0\nout 1e-07 3.0\n"


def test_files_of_other_programs_are_read(tmp_path):
    (tmp_path / "text").write_bytes(b"2 2\nin 0.5 -2 \nout 1e-7 3 \n")
    loaded = WordVectors.load_word2vec_format(tmp_path / "text")
    np.testing.assert_array_equal(loaded.vectors, np.array([[0.5, -2], [1e-7, 3]], np.float32))
    numbers = np.array([0.5, 10.0], "<f4").tobytes()
    for between in (b"", b"\n"):
        (tmp_path / "binary").write_bytes(b"2 2\nin " + numbers + between + b"out " + numbers + between)
        assert WordVectors.load_word2vec_format(tmp_path / "binary", binary=True).words == ["in", "out"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: a header of two numbers"),
        (b"two 2\n", "line 1: a header of two numbers"),
        (b"2 2\na 1 2\nb 1\n", "line 3: a word and 2 numbers are expected, got 2 fields"),
        (b"2 2\na 1 2\nb 1 x\n", "line 3: could not convert"),
        (b"2 2\na 1 2\nb 1 nan\n", "line 3: number 2 is nan"),
        (b"2 2\na 1 2\n", "ends after 1 of the 2 words"),
        (b"1 2\na 1 2\nb 1 2\n", "line 3: more lines than the 1 words"),
        (b"2 2\na 1 2\na 1 2\n", "word 'a' is repeated, as number 1 and 2"),
        (b"1 2\n\xff 1 2\n", r"line 2: the word b'\\xff' is not UTF-8"),
        (b"1 2\n 1 2\n", "line 2: the word is missing"),
    ],
)
def test_damaged_text_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        WordVectors.load_word2vec_format(tmp_path / "v")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"2 2", "line 1: a header of two numbers"),
        (b"9999999999 300\na ", "ends early: 2 bytes are too few for the 9999999999 words"),
        (b"1 2\nabcdefg      ", "ends within word 1 of the 1"),
        (b"1 1\na \0\0\0\0rest", "4 bytes follow the 1 words"),
        (b"1 1\na \0\0\xc0\x7f\n", "word 1: number 1 is nan"),
        (b"1 1\n\xff \0\0\0\0\n", "word 1: the word .* is not UTF-8"),
        (b"2 1\na \0\0\0\0\na \0\0\0\0\n", "word 'a' is repeated"),
    ],
)
def test_damaged_binary_is_named_with_its_word(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        WordVectors.load_word2vec_format(tmp_path / "v", binary=True)


def test_a_word_with_white_space_is_refused_and_the_old_file_is_kept(tmp_path):
    (tmp_path / "v").write_text("old")
    for word in ("a b", "", "a\n"):
        with pytest.raises(ValueError, match="words of the word2vec format cannot be empty or contain a space"):
            WordVectors([word], np.ones((1, 2))).save_word2vec_format(tmp_path / "v")
    assert (tmp_path / "v").read_text() == "old"


def test_lists_of_words_mean_what_gensim_means():
    gensim = pytest.importorskip("gensim.models")
    vectors = example(dtype=np.float32)
    peer = gensim.KeyedVectors(7)
    peer.add_vectors(vectors.words, vectors.vectors)
    a, b, c, d = vectors.words[:4]
    for positive, negative in ((a, []), ([a, b], [c]), ([a, a, b], [c, d]), ([], [d]), (a, d)):
        theirs = peer.most_similar(positive, negative, topn=9)
        ours = vectors.most_similar(positive, negative, topn=9)
        assert [word for word, _ in ours] == [word for word, _ in theirs]
        np.testing.assert_allclose([x for _, x in ours], [x for _, x in theirs], atol=1e-6)
    words = vectors.words[5:12]
    assert vectors.doesnt_match(words) == peer.doesnt_match(words)
    np.testing.assert_allclose(
        vectors.n_similarity(words, [a, b]), peer.n_similarity(words, [a, b]), rtol=1e-5, atol=1e-6
    )
    ours = vectors.similar_by_vector(vectors[a], topn=3)
    assert [word for word, _ in ours] == [word for word, _ in peer.similar_by_vector(vectors[a], topn=3)]


def test_lists_without_words_are_refused():
    vectors = example()
    with pytest.raises(ValueError, match="positive must hold at least one word, got none"):
        vectors.most_similar([])
    with pytest.raises(ValueError, match="words must hold at least one word"):
        vectors.doesnt_match([])
    with pytest.raises(ValueError, match="others must hold at least one word"):
        vectors.n_similarity(["wörd1"], [])
    with pytest.raises(UnknownWordError, match="no vector for the word 'wörd99'; near it: wörd9"):
        vectors.most_similar(["wörd1", "wörd99"])
    with pytest.raises(TypeError, match="topn must be a whole number"):
        vectors.most_similar("wörd1", topn=["wörd2"])
    with pytest.raises(TypeError, match=r"negative is 5, but topn is the third argument, as in gensim: write topn=5"):
        vectors.most_similar("wörd1", 5)
    with pytest.raises(ValueError, match=r"vector must have shape \[7\], got \[2\]"):
        vectors.similar_by_vector([1.0, 2.0])


def test_tables_of_a_model():
    rng = np.random.default_rng(1)
    words, inner, outer = ["a", "b"], *rng.normal(size=(2, 2, 3)).astype(np.float32)
    assert np.shares_memory(WordVectors.from_tables(words, inner, None, copy=False).vectors, inner)
    assert not np.shares_memory(WordVectors.from_tables(words, inner, None).vectors, inner)
    np.testing.assert_array_equal(WordVectors.from_tables(words, inner, outer, "out").vectors, outer)
    np.testing.assert_array_equal(WordVectors.from_tables(words, inner, outer, "mean").vectors, (inner + outer) / 2)
    both = WordVectors.from_tables(words, inner, outer, "both")
    expected = (cosine(inner[0], inner[1]) + cosine(outer[0], outer[1])) / 2
    np.testing.assert_allclose(both.similarity("a", "b"), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="which='out' needs the output weights"):
        WordVectors.from_tables(words, inner, None, "out")
    with pytest.raises(ValueError, match="which must be one of 'in', 'out', 'mean', 'both', got 'sum'"):
        WordVectors.from_tables(words, inner, outer, "sum")
    with pytest.raises(ValueError, match=r"weights must have shape \[2, 3\], got \[1, 3\]"):
        WordVectors.from_tables(words, inner, outer[:1], "mean")


def test_vectors_of_rare_words_are_near_the_mean():
    words, rows = ["often", "once", "never"], np.array([[4.0, 0.0], [0.0, 2.0], [2.0, 1.0]])
    vectors = WordVectors.from_tables(words, rows, None, counts=np.array([1000, 1, 0]), shrinkage=1.0)
    np.testing.assert_allclose(vectors.vectors, [[4 - 2 / 1001, 1 / 1001], [1.0, 1.5], [2.0, 1.0]], rtol=1e-12)
    np.testing.assert_array_equal(rows, [[4.0, 0.0], [0.0, 2.0], [2.0, 1.0]])
    huge = np.array([[1e308], [-1e308], [1e308]])
    assert WordVectors.from_tables(words, huge, None, counts=[1, 1, 1], shrinkage=3.0)["once"] == pytest.approx(
        0, abs=1e293
    )
    with pytest.raises(ValueError, match=r"shrinkage=2 needs counts, which are missing"):
        WordVectors.from_tables(words, rows, None, shrinkage=2)
    with pytest.raises(ValueError, match=r"counts must have shape \[3\], got \[2\]"):
        WordVectors.from_tables(words, rows, None, counts=[1, 2], shrinkage=2)
    with pytest.raises(ValueError, match=r"counts\[1\] = -1 is not a count"):
        WordVectors.from_tables(words, rows, None, counts=[1, -1, 2], shrinkage=2)


@pytest.mark.parametrize("num_words", [7, 64, 1001])
def test_copies_of_a_row_come_in_the_order_of_ids(num_words):
    rng = np.random.default_rng(num_words)
    rows = rng.normal(size=(3, 33)).astype(np.float32)
    vectors = WordVectors([str(i) for i in range(num_words)], rows[rng.integers(0, 3, num_words)])
    found = [(-value, int(word)) for word, value in vectors.most_similar("0", topn=num_words)]
    assert found == sorted(found)
    assert len({value for value, _ in found}) <= 3
    few = vectors.most_similar("0", topn=3)
    assert few == vectors.most_similar("0", topn=num_words)[:3]


def test_lengths_and_ranks_hold_for_very_large_and_small_numbers():
    for large, small in ((1e20, 1e-20), (1e30, 1e-30), (8e37, 1e-42)):
        rows = np.array([[3, 4], [3 * small, 4 * small], [4 * large, 3 * large], [0, 1], [0, 0]])
        vectors = WordVectors(list("abcde"), rows.astype(np.float32))
        assert [word for word, _ in vectors.most_similar("a")] == ["b", "c", "d", "e"]
        assert vectors.similarity("a", "b") == pytest.approx(1.0, abs=1e-3)  # 1e-42 has few bits


def test_suggestions():
    words = ["house", "mouse", "houses", "horse", "HOUSE", "international", "Zürich", "x" * 41]
    ids = {word: i for i, word in enumerate(words)}
    assert near_words("House", words, ids) == ["house", "HOUSE", "mouse"]
    assert near_words("hosue", words, ids) == ["house", "HOUSE"]
    assert near_words("ouse", words, ids) == ["house", "mouse", "HOUSE"]
    assert near_words("hhouses", words, ids, how_many=1) == ["houses"]
    assert near_words("zurich", words, ids) == ["Zürich"]
    assert near_words("intrenatoinal", words, ids) == ["international"]
    for word in ("", "qqqqqq", "x" * 42):
        assert near_words(word, words, ids) == []

"""The first lines that a user of gensim writes: the same meaning, or an error that says what to write."""

import copy
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.word2vec.vectors.left_out import LEFT_OUT
from sampledsoftmax.word2vec.vectors.word_vectors import UnknownWordError

WORDS = [f"word{i}" for i in range(60)]
ROWS = np.random.default_rng(3).normal(size=(60, 9)).astype(np.float32)
VECTORS = ss.WordVectors(WORDS, ROWS)


@pytest.fixture(scope="module")
def peer():
    gensim = pytest.importorskip("gensim.models")
    vectors = gensim.KeyedVectors(9)
    vectors.add_vectors(WORDS, ROWS)
    return vectors


def assert_same(ours, theirs):
    """Compare lists of words with numbers, or arrays."""
    if isinstance(ours, list):
        assert [word for word, _ in ours] == [word for word, _ in theirs]
        ours, theirs = [x for _, x in ours], [x for _, x in theirs]
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


QUERIES = {
    "a word": lambda v: v.most_similar("word3"),
    "positive and negative": lambda v: v.most_similar(["word3", "word4"], ["word5"], 7),
    "two words": lambda v: v.most_similar("word3", "word5", topn=5),
    "negative alone": lambda v: v.most_similar(negative=["word3"]),
    "None": lambda v: v.most_similar(positive=None, negative=["word3"]),
    "weights": lambda v: v.most_similar([("word3", 0.5), ("word9", 2.0), "word8"], [("word7", -0.25)]),
    "vectors": lambda v: v.most_similar([ROWS[4], "word9"], [ROWS[1]]),
    "a vector with a weight": lambda v: v.most_similar([(ROWS[4], 0.5), "word9"]),
    "one vector": lambda v: v.most_similar(ROWS[4]),
    "an index": lambda v: v.most_similar(3),
    "indices": lambda v: v.most_similar([3, np.int64(5)], [7]),
    "all cosines": lambda v: v.most_similar("word3", topn=None),
    "the first words": lambda v: v.most_similar("word3", restrict_vocab=10),
    "more than all": lambda v: v.most_similar("word3", restrict_vocab=1000, topn=100),
    "a part": lambda v: v.most_similar("word3", clip_start=20, clip_end=40),
    "all of a part": lambda v: v.most_similar("word3", clip_start=20, clip_end=40, topn=None),
    "by word": lambda v: v.similar_by_word("word3", 4),
    "by key": lambda v: v.similar_by_key("word3", topn=4, restrict_vocab=30),
    "by vector": lambda v: v.similar_by_vector(ROWS[3], topn=4),
    "by vector, all": lambda v: v.similar_by_vector(ROWS[3], topn=None, restrict_vocab=30),
    "product": lambda v: v.most_similar_cosmul(["word3", "word4"], ["word5"]),
    "product, two words": lambda v: v.most_similar_cosmul("word3", "word5", 3),
    "product, all": lambda v: v.most_similar_cosmul(positive=["word3"], topn=None),
    "similarity": lambda v: v.similarity("word3", "word4"),
    "distance": lambda v: v.distance("word3", "word4"),
    "distances": lambda v: v.distances("word3"),
    "some distances": lambda v: v.distances(ROWS[3], ["word8", "word1"]),
    "lists of words": lambda v: v.n_similarity(["word3", "word4"], ["word5"]),
    "a mean": lambda v: v.get_mean_vector(["word3", "nowhere", "word4"]),
    "a weighted mean": lambda v: v.get_mean_vector(["word3", ROWS[4]], [0.5, -2.0], pre_normalize=False),
    "a normalized mean": lambda v: v.get_mean_vector(["word3", "word4"], post_normalize=True),
    "a vector": lambda v: v.get_vector("word3"),
    "a normalized vector": lambda v: v.get_vector("word3", norm=True),
    "a matrix": lambda v: v[["word3", "word5"]],
    "normalized vectors": lambda v: v.get_normed_vectors(),
}


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # some of these are names of gensim 3
@pytest.mark.parametrize("name", QUERIES)
def test_queries_give_what_gensim_gives(peer, name):
    assert_same(QUERIES[name](VECTORS), QUERIES[name](peer))


NAMES = {
    "len": len,
    "rank": lambda v: v.rank("word3", "word4"),
    "closer_than": lambda v: v.closer_than("word3", "word4"),
    "words_closer_than": lambda v: v.words_closer_than("word3", "word4"),
    "most_similar_to_given": lambda v: v.most_similar_to_given("word3", ["word4", "word5", "word6"]),
    "doesnt_match": lambda v: v.doesnt_match(["word3", "nowhere", "word4", "word5", "word6"]),
    "centrality": lambda v: [word for _, word in v.rank_by_centrality(["word3", "word4", "word5", "word6"])],
    "key_to_index": lambda v: dict(v.key_to_index),
    "index_to_key": lambda v: list(v.index_to_key),
    "vector_size": lambda v: v.vector_size,
    "get_index": lambda v: (v.get_index("word3"), v.get_index("nowhere", 99), v.get_index(4)),
    "has_index_for": lambda v: (v.has_index_for("word3"), v.has_index_for("nowhere"), "word3" in v),
    "init_sims": lambda v: v.init_sims(),
    "fill_norms": lambda v: v.fill_norms(),
}


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_names_mean_what_they_mean_in_gensim(peer, name):
    assert NAMES[name](VECTORS) == NAMES[name](peer)


def test_names_of_gensim_3():
    assert VECTORS.index2word == VECTORS.index2entity == WORDS
    assert "word3" in VECTORS.vocab
    assert "nowhere" not in VECTORS.vocab
    assert VECTORS.vocab["word3"].index == 3
    assert len(VECTORS.vocab) == 60
    assert sorted(VECTORS.vocab, key=lambda word: -VECTORS.vocab[word].index)[0] == "word59"
    with pytest.raises(AttributeError, match=r"counts belong to the model: model\.vocabulary\.counts"):
        VECTORS.vocab["word3"].count  # noqa: B018
    np.testing.assert_array_equal(VECTORS.syn0, ROWS)
    np.testing.assert_array_equal(VECTORS.word_vec("word3"), ROWS[3])
    np.testing.assert_array_equal(VECTORS.word_vec("word3", use_norm=True), VECTORS.get_vector("word3", norm=True))
    np.testing.assert_array_equal(VECTORS.vectors_norm, VECTORS.get_normed_vectors())
    assert VECTORS.vectors_norm is VECTORS.vectors_norm
    np.testing.assert_array_equal(VECTORS.norms, VECTORS.lengths)


def test_the_class_has_its_gensim_name_too(tmp_path):
    VECTORS.save_word2vec_format(tmp_path / "vectors.bin", binary=True)
    read = ss.KeyedVectors.load_word2vec_format(tmp_path / "vectors.bin", binary=True, limit=4)
    assert type(read) is ss.WordVectors
    assert read.words == WORDS[:4]
    with pytest.raises(TypeError, match=r"fvocab must be None, got str .counts\.txt.: counts belong to the model"):
        VECTORS.save_word2vec_format(tmp_path / "other.txt", fvocab="counts.txt")
    assert not (tmp_path / "other.txt").exists()


@pytest.mark.parametrize("words", [VECTORS.vocab, VECTORS.key_to_index, dict.fromkeys(WORDS)])
def test_a_mapping_of_words_selects_the_rows_of_its_keys(words):
    np.testing.assert_array_equal(VECTORS[words], ROWS)


def test_printed_vectors_say_how_many_there_are():
    assert repr(VECTORS) == "<WordVectors: 60 words, dimension 9>"


@pytest.mark.parametrize("name", LEFT_OUT)
def test_names_that_are_left_out_say_what_to_write(name):
    with pytest.raises(AttributeError, match=f"WordVectors has no {name}: .{{20,}}"):
        getattr(VECTORS, name)
    assert not hasattr(VECTORS, name)


def test_everything_public_in_gensim_is_there_or_explained(peer):
    theirs = {name for name in dir(peer) if not name.startswith("_")}
    assert theirs <= set(dir(VECTORS)) | set(LEFT_OUT)


def test_other_names_raise_as_always():
    with pytest.raises(AttributeError, match="'WordVectors' object has no attribute 'similar'"):
        VECTORS.similar  # noqa: B018


def test_changes_say_what_to_write():
    for change in (
        lambda: VECTORS.words.append("new"),
        VECTORS.words.sort,
        lambda: VECTORS.words.__setitem__(0, "new"),
        VECTORS.index_to_key.clear,
        lambda: VECTORS.__setitem__("word3", ROWS[0]),
        lambda: VECTORS.key_to_index.__setitem__("new", 3),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()
    for name in ("words", "vectors"):
        with pytest.raises(AttributeError, match=f"{name} cannot be assigned"):
            setattr(VECTORS, name, [])
    with pytest.raises(ValueError, match=r"replace must be False: write ss\.WordVectors"):
        VECTORS.init_sims(replace=True)
    assert VECTORS.words == WORDS


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: VECTORS.most_similar("word3", 5), "negative is 5, but topn is the third argument, as in gensim"),
        (lambda: VECTORS.most_similar("word3", 5, ["word4"]), "write topn=5, or negative=.5. for a word"),
        (lambda: VECTORS.most_similar(("word3", 0.5)), r"write it in a list, positive=\[\(word, weight\)\]"),
        (lambda: VECTORS.most_similar({"word3", "word4"}), "the order of a set is not repeatable"),
        (lambda: VECTORS.most_similar([("word3", "word4")]), "the weight of positive.0. must be a number"),
        (lambda: VECTORS.most_similar([("word3", float("nan"))]), "the weight of positive.0. must be finite"),
        (lambda: VECTORS.most_similar([3.5]), "a word is a str or an int, got float 3.5"),
        (lambda: VECTORS.most_similar([None]), "a word is a str or an int, got NoneType None"),
        (lambda: VECTORS.most_similar(b"word3"), "positive must hold words, got bytes"),
        (lambda: VECTORS.most_similar([ROWS[0, :3]]), r"a vector must have shape \[9\], got \[3\]"),
        (lambda: VECTORS.most_similar([ROWS]), r"got an array of float32 with shape \[60, 9\]"),
        (lambda: VECTORS.most_similar([ROWS[0] * np.nan]), r"positive\[0\] must be finite, number 0 is nan"),
        (lambda: VECTORS.similar_by_vector(ROWS[0] * np.inf), "vector must be finite"),
        (lambda: VECTORS.distances(ROWS[0] * np.nan), "word_or_vector must be finite"),
        (lambda: VECTORS.most_similar("word3", indexer=object()), "indexer must be None: searches are exact"),
        (lambda: VECTORS.most_similar("word3", restrict_vocab=0), "restrict_vocab must be at least 1"),
        (lambda: VECTORS.most_similar("word3", clip_start=60), "clip_start must be at most 59"),
        (lambda: VECTORS.most_similar("word3", clip_start=5, clip_end=5), "clip_end must be at least 6"),
        (VECTORS.most_similar, "positive must hold at least one word, got none"),
        (lambda: VECTORS.most_similar_cosmul(negative=["word3"]), "positive must hold at least one word"),
        (lambda: VECTORS.most_similar_cosmul([("word3", 0.5)]), "takes no weights: use most_similar"),
        (lambda: VECTORS.doesnt_match(["no", "such"]), "none of the 2 words has a vector"),
        (lambda: VECTORS.get_mean_vector(["word3"], [1.0, 2.0]), r"weights must have shape \[1\], got \[2\]"),
        (lambda: VECTORS.load("path"), r"load returns a new WordVectors .*: write model = WordVectors.load\(...\)"),
        (lambda: VECTORS.load_word2vec_format("path"), "WordVectors.load_word2vec_format"),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_iteration_is_over_words():
    assert list(VECTORS) == WORDS
    assert [word for word in VECTORS if word == "word3"] == ["word3"]
    assert VECTORS[np.array(["word3", "word4"])].shape == (2, 9)
    assert VECTORS[()].shape == (0, 9)
    np.testing.assert_array_equal(VECTORS["word3", "word4"], ROWS[3:5])
    assert VECTORS.get("word3") is not None
    assert VECTORS.get("nowhere", 5) == 5


def test_words_that_are_ints():
    items = ss.WordVectors(np.array([10, 20, 30]), np.eye(3))
    assert items.words == [10, 20, 30]
    assert all(type(word) is int for word in items.words)
    np.testing.assert_array_equal(items[np.int32(20)], [0, 1, 0])
    assert items.most_similar(10, topn=1) == [(20, 0.0)]
    assert items.most_similar([(10, 0.5)], [np.uint8(20)], topn=1)[0][0] == 30
    assert 10 in items
    assert np.int64(10) in items
    assert 0 not in items
    assert True not in items
    with pytest.raises(UnknownWordError, match=r"no vector for the word 0$"):
        items[0]
    both = ss.WordVectors(["1", 1, 2], np.eye(3))
    assert both["1"] @ both[1] == 0
    with pytest.raises(UnknownWordError):
        both[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ab", "words must be a sequence of words, got str 'ab'"),
        ({"a", "b"}, "the order of a set is not repeatable"),
        ({"a": 0, "b": 1}, "words must be a sequence of words, got dict"),
        (["a", None], r"words\[1\] must be a str or an int, got NoneType None"),
        (["a", True], r"words\[1\] must be a str or an int, got bool True"),
        (["a", 1.0], r"words\[1\] must be a str or an int, got float 1.0"),
        ([b"a", "b"], r"words\[0\] must be a str or an int, got bytes"),
        (["a", "a"], "'a' is repeated, as number 0 and 1"),
        ([1, np.int8(1)], "1 is repeated"),
    ],
)
def test_words_of_other_types_are_refused(words, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ss.WordVectors(words, np.eye(2))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_is_refused(shape):
    with pytest.raises(ValueError, match="vectors must hold at least one word and one number"):
        ss.WordVectors([f"w{i}" for i in range(shape[0])], np.empty(shape))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_are_the_same_and_as_safe(again):
    twin = again(VECTORS)
    assert twin.words == WORDS
    np.testing.assert_array_equal(twin.vectors, ROWS)
    assert twin.most_similar("word3") == VECTORS.most_similar("word3")
    assert not twin.vectors.flags.writeable
    with pytest.raises(TypeError, match="this list cannot be changed"):
        twin.words.append("x")

"""Corpora of ids in arrays: padded rows, CSR, ragged arrays; they give what lists of the same ints give."""

import functools
import re
from types import SimpleNamespace

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.word2vec.corpus import id_sentences as module
from sampledsoftmax.word2vec.corpus.corpus import read_sentences
from sampledsoftmax.word2vec.corpus.id_sentences import PaddedIds, RaggedIds, id_sentences
from sampledsoftmax.word2vec.encoding.encode import encode_and_grow, encode_corpus, encode_more
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary

SETTINGS = {"vector_size": 4, "min_count": 1, "sample": 0, "epochs": 1, "window": 2}
LARGEST = 2**63 - 1


def random_walks(seed=1, num_walks=60, most=7, num_ids=9):
    """Return lists of ints of 0 to `most` ids, far apart."""
    rng = np.random.default_rng(seed)
    values = np.append(rng.integers(0, LARGEST, num_ids - 1), LARGEST)
    return [values[rng.integers(num_ids, size=rng.integers(most + 1))].tolist() for _ in range(num_walks)]


WALKS = random_walks()


def padded(walks, left=False, dtype=np.int64):
    array = np.full((len(walks), 1 + max(map(len, walks))), -1, dtype)
    for row, walk in zip(array, walks, strict=True):
        row[(row.size - len(walk) if left else 0) : (row.size if left else len(walk))] = walk
    return array


def ragged(walks):
    return np.array([i for walk in walks for i in walk]), np.cumsum([0, *map(len, walks)])


def csr(walks):
    ids, offsets = ragged(walks)
    return SimpleNamespace(indptr=offsets, indices=ids, data=None, format="csr")


class Tensor:
    """An array of another library, which NumPy can turn into one of its own."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array

    def __iter__(self):
        raise AssertionError("iteration over the columns of a table, or over tensors")


KINDS = {
    "padded": padded,
    "padded on the left": lambda walks: padded(walks, left=True),
    "column by column": lambda walks: np.asfortranarray(padded(walks)),
    "big-endian": lambda walks: padded(walks).astype(">i8"),
    "tensor": lambda walks: Tensor(padded(walks)),
    "CSR": csr,
    "RaggedLabels": lambda walks: ss.RaggedLabels(*ragged(walks)),
    "ragged": lambda walks: SimpleNamespace(**dict(zip(("values", "row_splits"), ragged(walks), strict=True))),
    "list of arrays": lambda walks: [np.array(walk, np.int64) for walk in walks],
    "array of arrays": lambda walks: np.array([np.array(walk, np.int64) for walk in walks] + [None], object)[:-1],
    "lists and arrays": lambda walks: [np.array(walk, np.int64) if len(walk) % 2 else walk for walk in walks],
}


def as_lists(stream):
    return [array.tolist() for array in stream]


@pytest.mark.parametrize("size", [1, 5, 2**19])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_what_lists_give(kind, size, monkeypatch):
    monkeypatch.setattr(module, "_TOKENS_PER_BLOCK", size)
    corpus, known = KINDS[kind](WALKS), Vocabulary.build(WALKS[:20], 1)
    for min_count in (1, 30):
        found, expected = encode_corpus(corpus, min_count), encode_corpus(WALKS, min_count)
        assert found.vocabulary.words == expected.vocabulary.words
        assert found.vocabulary.counts.tolist() == expected.vocabulary.counts.tolist()
        assert all(type(word) is int for word in found.vocabulary.words)
        assert as_lists(found.stream) == as_lists(expected.stream)
    assert as_lists(encode_more(corpus, known)) == as_lists(encode_more(WALKS, known))
    grown, expected = encode_and_grow(corpus, known, 2), encode_and_grow(WALKS, known, 2)
    assert grown.vocabulary.words == expected.vocabulary.words
    assert as_lists(grown.stream) == as_lists(expected.stream)
    assert Vocabulary.build(corpus, 1).words == Vocabulary.build(WALKS, 1).words
    assert as_lists(known.encode(corpus)) == as_lists(known.encode(WALKS))


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">u8"])
def test_ids_of_any_integer_dtype(dtype):
    walks = np.array([[3, 1, 127], [1, 3, 1]], dtype)
    assert encode_corpus(walks, 1).vocabulary.words == [1, 3, 127]
    assert encode_corpus(list(walks), 1).vocabulary.words == [1, 3, 127]


def test_memory_mapped_walks(tmp_path):
    np.save(tmp_path / "walks.npy", padded(WALKS))
    mapped = np.load(tmp_path / "walks.npy", mmap_mode="r")
    assert as_lists(encode_corpus(mapped, 1).stream) == as_lists(encode_corpus(WALKS, 1).stream)


def test_a_corpus_can_be_iterated_several_times():
    for kind in ("padded", "CSR"):
        corpus = read_sentences(KINDS[kind](WALKS))
        for _ in range(2):
            assert [ids.tolist() for ids in corpus] == WALKS


def test_in_a_list_minus_one_is_a_word():
    assert encode_corpus([np.array([5, -1]), np.array([-1, 4])], 1).vocabulary.words == [-1, 4, 5]


def test_an_array_in_a_list_may_hold_what_int64_does_not():
    corpus = [np.array([2**64 - 1, 3], np.uint64), np.array([3, 2**64 - 1], np.uint64)]
    assert encode_corpus(corpus, 1).vocabulary.words == [3, 2**64 - 1]


def test_scipy_keeps_the_order_of_a_row():
    sparse = pytest.importorskip("scipy.sparse")
    walks = [[5, 3, 5, 0], [], [2, 1, 0]]
    ids, offsets = ragged(walks)
    for make in (sparse.csr_array, sparse.csr_matrix):
        matrix = make((np.ones(ids.size), ids, offsets), shape=(3, 6))
        assert [ids.tolist() for ids in read_sentences(matrix)] == walks
    for form in ("csc", "coo", "lil", "bsr"):
        message = (
            f"corpus must be in CSR form, csr_array((data, ids, offsets)), got '{form}', where the ids of a row have "
            "no order"
        )
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            read_sentences(matrix.asformat(form))


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    walks = torch.tensor([[3, 1, -1], [1, 2, 3]])
    for corpus in (walks, walks.int(), [walks[0, :2], walks[1]]):
        assert [list(map(int, ids)) for ids in encode_corpus(corpus, 1).stream] == [[1, 0, 0, 2, 1], [0, 2, 5]]
    with pytest.raises(TypeError, match=r"^corpus must hold integer ids or words, got dtype float32: fill gaps"):
        encode_corpus(walks.float(), 1)


@pytest.mark.parametrize("size", [2, 2**19])
@pytest.mark.parametrize(
    ("corpus", "error", "message"),
    [
        (
            np.arange(3),
            ValueError,
            "corpus must have shape [num_sentences, length], got [3]: write corpus[None] if it is one sentence, "
            "RaggedLabels(corpus, row_splits) if it is more than one",
        ),
        (np.zeros((1, 2, 3), int), ValueError, "corpus must have shape [num_sentences, length], got [1, 2, 3]"),
        (np.array(3), ValueError, "corpus must have shape [num_sentences, length], got []"),
        (
            np.array([[1, 2], [3, np.nan]]),
            TypeError,
            "corpus must hold integer ids or words, got dtype float64: fill gaps with -1, and write .astype(np.int64)",
        ),
        (np.array([0.5]), TypeError, "corpus must hold integer ids or words, got dtype float64: fill gaps with -1"),
        (np.eye(2, dtype=bool), TypeError, "corpus must hold integer ids or words, got dtype bool"),
        (np.ones((1, 1), complex), TypeError, "corpus must hold integer ids or words, got dtype complex128"),
        (np.zeros((1, 1), "M8[s]"), TypeError, "corpus must hold integer ids or words, got dtype datetime64[s]"),
        (
            np.ma.masked_array([[1, 2]], [[False, True]]),
            TypeError,
            "corpus must be an array without a mask: write corpus.filled(...)",
        ),
        ([[1, 2]] * 5 + [[3, -2]], ValueError, "corpus[5, 1] = -2 is no id: ids are 0 or more, and -1 is padding"),
        ([[1, -1, -7]], ValueError, "corpus[0, 2] = -7 is no id: ids are 0 or more, and -1 is padding"),
        (
            [[1, 2, 3]] * 4 + [[3, -1, 2]],
            ValueError,
            "corpus[4, 1] = -1 is between ids: padding is at the start or at the end of a row",
        ),
        (np.array([[1, 2], [3, 2**63]], np.uint64), ValueError, f"corpus[1, 1] = {2**63} does not fit in int64"),
        (
            ss.RaggedLabels([4, 3, -1, 2], [0, 2, 4]),
            ValueError,
            "corpus.values[2] = -1 is no id: ids are 0 or more, without padding",
        ),
        (
            ss.RaggedLabels(np.array([4, 3, 2**64 - 1], np.uint64), [0, 2, 3]),
            ValueError,
            f"corpus.values[2] = {2**64 - 1} does not fit in int64",
        ),
        (ss.RaggedLabels([4.0], [0, 1]), TypeError, "corpus.values must hold integer ids, got dtype float64"),
        (ss.RaggedLabels([[4]], [0, 1]), ValueError, "corpus.values must have shape [num_tokens], got [1, 1]"),
        (ss.RaggedLabels([4], 1), ValueError, "corpus.row_splits must have shape [num_sentences + 1], got []"),
        (ss.RaggedLabels([4], []), ValueError, "corpus.row_splits must have shape [num_sentences + 1], got [0]"),
        (
            SimpleNamespace(indices=[4, 3], indptr=[0, 1]),
            ValueError,
            "corpus.indptr must begin with 0 and end with 2, the number of corpus.indices, got 0 and 1",
        ),
        (
            SimpleNamespace(indices=[4, 3], indptr=[0, 2, 1, 2]),
            ValueError,
            "corpus.indptr[2] = 1 must be at least corpus.indptr[1] = 2",
        ),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_what_is_no_corpus_of_ids(corpus, error, message, size, monkeypatch):
    monkeypatch.setattr(module, "_TOKENS_PER_BLOCK", size)
    corpus = np.array(corpus) if isinstance(corpus, list) else corpus
    model = ss.Word2Vec(**SETTINGS)
    for read in (lambda: encode_corpus(corpus, 1), lambda: Vocabulary.build(corpus), lambda: model.train(corpus)):
        with pytest.raises(error, match=f"^{re.escape(message)}"):
            read()
    assert not model.is_trained


@pytest.mark.parametrize("corpus", [np.zeros((0, 4), int), np.zeros((3, 0), int), np.array([]), np.full((2, 2), -1)])
def test_an_array_without_ids_is_an_empty_corpus(corpus):
    with pytest.raises(ValueError, match=r"^the corpus is empty: it has no words$"):
        encode_corpus(corpus, 1)
    assert encode_more(corpus, Vocabulary.build(WALKS, 1)).offsets.tolist() == [0] * (len(corpus) + 1)


def test_arrays_of_words_are_no_ids():
    words = np.array([["to", "be"], ["or", "not"]])
    for corpus in (words, words.astype(object)):
        assert id_sentences(corpus) is None
        assert sorted(encode_corpus(corpus, 1).vocabulary.words) == ["be", "not", "or", "to"]


def test_classes_say_what_they_hold():
    assert isinstance(id_sentences(np.zeros((2, 3), int)), PaddedIds)
    assert isinstance(id_sentences(ss.RaggedLabels([1], [0, 1])), RaggedIds)


# Training


def bits(model):
    return [table.values.tobytes() for table in model.tables]


@functools.cache
def trained_on_lists(**options):
    return ss.Word2Vec(WALKS, **options)


@pytest.mark.compiled
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_tokens_give_the_same_bits(kind):
    options = {**SETTINGS, "epochs": 2, "min_count": 20, "sample": 0.01, "threads": 2}
    model, expected = ss.Word2Vec(KINDS[kind](WALKS), **options), trained_on_lists(**options)
    assert bits(model) == bits(expected)
    assert model.vocabulary.words == expected.vocabulary.words
    sizes = [(m.corpus_count, m.corpus_total_words, m.words_left_out) for m in (model, expected)]
    assert sizes[0] == sizes[1] == (60, sum(map(len, WALKS)), sizes[0][2])
    assert sizes[0][2] > 0


class Stops:
    """A callback that stops a run."""

    def on_epoch_end(self, model):
        """Stop as Ctrl-C does."""
        raise KeyboardInterrupt


@pytest.mark.compiled
def test_a_run_on_arrays_goes_on_grows_is_saved_and_resumed(tmp_path):
    """At each step the model has the bits of one that gets lists, and each may resume the run of the other."""
    more = random_walks(seed=2, num_ids=12)
    array, ids = padded(WALKS), ss.RaggedLabels(*ragged(more))
    model, twin = ss.Word2Vec(**SETTINGS), ss.Word2Vec(**SETTINGS)
    for one, first, second in ((model, array, ids), (twin, WALKS, more)):
        one.build_vocab(first)
        one.train(first, epochs=2)
        one.build_vocab(second, update=True)
        one.train(second)
        one.train(random_walks(seed=3), grow_vocab=True)
        with pytest.raises(KeyboardInterrupt):
            one.train(first, epochs=3, callbacks=[Stops()])
    assert bits(model) == bits(twin)
    model.save(tmp_path / "run.zip")
    loaded = ss.Word2Vec.load(tmp_path / "run.zip")
    with pytest.raises(ValueError, match=r"^this is not the corpus of the run to resume"):
        loaded.train(array[:, ::-1], resume=True)
    loaded.train(array, resume=True)
    twin.train(WALKS, resume=True)
    model.train(csr(WALKS), resume=True, checkpoint=tmp_path / "checkpoint.zip")
    assert ss.Word2Vec.load(tmp_path / "checkpoint.zip").is_finished
    assert bits(model) == bits(twin) == bits(loaded)
    assert loaded.words_left_out == 0


def test_arrays_are_read_each_time_whether_or_not_there_is_a_cache(tmp_path):
    for corpus in (padded(WALKS), csr(WALKS)):
        reused = []
        for _ in range(2):
            encode_corpus(corpus, 1, tmp_path / "cache", on_reuse=reused.append)
        assert reused == []
    assert list((tmp_path / "cache").iterdir()) == []


# Vectors by id


@pytest.fixture(scope="module")
def by_id():
    """Vectors of the ids 42, 3 and 7."""
    return ss.WordVectors([42, 3, 7], np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 2.0]]))


def test_vectors_answer_by_id(by_id):
    assert by_id[42].tolist() == by_id[np.int64(42)].tolist() == by_id[np.uint8(42)].tolist() == [1.0, 0.0]
    for several in ([3, 7], (3, 7), np.array([3, 7]), np.array([3, 7], np.uint8), [np.int32(3), 7]):
        assert by_id[several].tolist() == [[0.6, 0.8], [0.0, 2.0]]
    assert by_id.most_similar(42, topn=1) == by_id.most_similar(np.int64(42), topn=1) == [(3, 0.6)]
    assert by_id.most_similar([3, 7], topn=2) == by_id.most_similar(np.array([3, 7]), topn=2)
    found = by_id.most_similar(positive=[42], negative=[3])
    assert found == by_id.most_similar(np.array([42]), np.array([3])) == [(7, pytest.approx(-0.894, abs=1e-3))]
    assert by_id.similarity(3, np.int16(7)) == pytest.approx(0.8)
    assert by_id.key_to_index == {42: 0, 3: 1, 7: 2}
    assert by_id.index_to_key == [42, 3, 7]
    assert [type(word) for word in by_id.index_to_key] == [int] * 3
    assert (42 in by_id, np.int64(3) in by_id, 0 in by_id, "42" in by_id) == (True, True, False, False)
    with pytest.raises(KeyError, match="no vector for the word 0"):
        by_id[0]  # no index: the words are ints
    with pytest.raises(TypeError, match="a word is a str or an int, got float"):
        by_id[[3.0]]


def test_ids_are_kept_by_our_format_and_written_in_decimal_by_others(by_id, tmp_path):
    by_id.save(tmp_path / "vectors.zip")
    assert ss.WordVectors.load(tmp_path / "vectors.zip").words == [42, 3, 7]
    for binary in (False, True):
        by_id.save_word2vec_format(tmp_path / "vectors", binary=binary)
        read = ss.WordVectors.load_word2vec_format(tmp_path / "vectors", binary=binary)
        assert read.words == ["42", "3", "7"]
        assert read["42"].tolist() == [1.0, 0.0]
        assert read[0].tolist() == [1.0, 0.0]  # words are strings, so an int is an index
    again = ss.WordVectors([int(word) for word in read.words], read.vectors)
    assert again[42].tolist() == [1.0, 0.0]


@pytest.mark.compiled
def test_items_that_are_used_together_are_near():
    """The example of the pages: random walks on two circles that do not touch."""
    rng = np.random.default_rng(3)
    steps = rng.choice([-1, 1], size=(300, 12)).cumsum(axis=1) % 8
    walks = steps + 8 * (np.arange(300) % 2)[:, None]
    model = ss.Word2Vec(walks, vector_size=8, window=2, sample=0, min_count=1, epochs=10)
    assert all(node >= 8 for node, _ in model.wv.most_similar(12, topn=5))
    assert all(node < 8 for node, _ in model.wv.most_similar(np.int64(2), topn=5))

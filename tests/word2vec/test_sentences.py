"""Any sequence of tokens is a sentence, wherever one is taken; what is not a sequence of words is refused by number."""

import array
import enum
from collections import Counter, UserList, deque

import numpy as np
import pytest

from sampledsoftmax.word2vec.encoding.encode import encode_and_grow, encode_corpus, encode_more
from sampledsoftmax.word2vec.encoding.sentences import token_lists
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary

WORDS = ["my", "dog", "my", "cat"]


class OldSequence:
    """A sequence by length and position alone."""

    def __init__(self, items):
        self._items = items

    def __len__(self):
        return len(self._items)

    def __getitem__(self, position):
        return self._items[position]


class Column(OldSequence):
    """What the columns of pandas, Arrow and Polars have in common."""

    def __add__(self, other):
        raise AssertionError("sentences are never added")

    __radd__ = __iadd__ = __add__

    def __iter__(self):
        raise AssertionError("items of an Arrow column are no str")

    def tolist(self):
        return list(self._items)


class Color(str, enum.Enum):
    RED = "red"

    def __str__(self):
        return "Color.RED"


class Level(enum.IntEnum):
    LOW = 1


KINDS = [list, tuple, deque, UserList, np.array, lambda s: np.array(s, object), OldSequence, Column]
ODD_WORDS = ["", "\n", "\0", "a\nb", "\ud800", "\ud800\udc00", " a ", "\u2028", "\x85", "x" * 100_000]


@pytest.mark.parametrize("kind", KINDS)
def test_any_sequence_is_a_sentence_wherever_one_is_taken(kind):
    text = [WORDS, ["a", "fish", "my"], []]
    corpus = [kind(sentence) for sentence in text]
    assert list(token_lists(corpus)) == text
    expected = encode_corpus(text, 1)
    found = encode_corpus(corpus, 1)
    assert found.vocabulary.words == expected.vocabulary.words == ["my", "a", "cat", "dog", "fish"]
    assert all(type(word) is str for word in found.vocabulary.words)
    for stream in (
        found.stream,
        encode_more(corpus, expected.vocabulary),
        expected.vocabulary.encode(corpus),
        encode_and_grow(corpus, expected.vocabulary, 1).stream,
    ):
        assert [array.tolist() for array in stream] == [array.tolist() for array in expected.stream]
    assert Vocabulary.build(corpus, 1).words == expected.vocabulary.words


def test_kinds_may_be_mixed():
    corpus = [WORDS, np.array(["a", "dog"], object), ("my", "fish"), np.array(["a", "b"])]
    assert [len(sentence) for sentence in token_lists(corpus)] == [4, 2, 2, 2]
    assert sorted(encode_corpus(corpus, 1).vocabulary.words) == ["a", "b", "cat", "dog", "fish", "my"]


@pytest.mark.parametrize(
    "numbers",
    [
        [3, 10, 3],
        range(3, 12, 7),
        np.array([3, 10], np.uint8),
        np.array([3, 10], object),
        [np.int64(3), np.int32(10)],
        array.array("l", [3, 10]),
        [np.array(3), 10],
    ],
    ids=repr,
)
def test_ints_of_any_kind_are_words_of_one_kind(numbers):
    words = encode_corpus([numbers, [10, 3, -1, 2**70]], 1).vocabulary.words
    assert set(words) == {3, 10, -1, 2**70}
    assert all(type(word) is int for word in words)


def test_an_int_and_its_digits_are_two_words_and_ints_come_first():
    vocabulary, stream = encode_corpus([["10", 10, 9, "b", "a"]], 1)
    assert vocabulary.words == [9, 10, "10", "a", "b"]
    assert stream.ids.tolist() == [2, 1, 0, 4, 3]
    assert encode_corpus(np.arange(6).reshape(2, 3), 1).vocabulary.words == [0, 1, 2, 3, 4, 5]


def test_words_are_plain_str_and_int():
    words = next(token_lists([[Color.RED, Level.LOW, np.str_("blue")]]))
    assert words == ["red", 1, "blue"]
    assert [type(word) for word in words] == [str, int, str]


@pytest.mark.parametrize("word", ODD_WORDS, ids=ascii)
def test_any_string_is_a_word(word):
    assert set(encode_corpus([[word, "b"], ["b", word]], 1).vocabulary.words) == {word, "b"}


MISSING = np.ma.masked_array([1, 2], [False, True])


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("to be", "is str 'to be', a sequence of tokens is expected: split it"),
        (np.str_("to be"), "is str_ .*: split it"),
        (b"to be", "is bytes b'to be', .*: split it"),
        (bytearray(b"to"), "is bytearray .*: split it"),
        ("x" * 10**7, r"is str 'x{79}\.\.\., "),
        ({"a", "b"}, "is a set, whose order is not repeatable"),
        (frozenset("ab"), "is a frozenset, whose order is not repeatable"),
        ({"a": 1}, "is a dict, which is no sequence"),
        (Counter("ab"), "is a Counter, which is no sequence"),
        ((word for word in "ab"), r"is a one-shot generator, .*: write list\(sentence\)"),
        (iter(["a"]), "is a one-shot list_iterator"),
        (np.array([["a", "b"]]), "is a ndarray of 2 dimensions"),
        (np.array("a"), "is a ndarray of 0 dimensions"),
        (None, "is NoneType None"),
        (3, "is int 3"),
        (list, "is type <class 'list'>"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_sentence(sentence, message):
    for take in (
        lambda corpus: encode_corpus(corpus, 1),
        lambda corpus: encode_more(corpus, Vocabulary.build([WORDS], 1)),
    ):
        with pytest.raises(TypeError, match=f"^sentence 2 of the corpus {message}"):
            take([WORDS, WORDS, sentence])


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (None, "NoneType None"),
        (float("nan"), "float nan"),
        (3.0, "float 3.0"),
        (True, "bool True"),
        (np.True_, "bool.* "),
        (b"a", "bytes b'a'"),
        (["a"], r"list \['a'\]"),
        (np.float32(3), "float32 "),
    ],
    ids=str,
)
def test_what_is_no_word(token, shown):
    expected = f"^token 1 of sentence 2 of the corpus is {shown}.*: tokens must be str or int$"
    for corpus in ([WORDS, [], ["a", token]], [WORDS, [], OldSequence(("a", token))]):
        with pytest.raises(TypeError, match=expected):
            encode_corpus(corpus, 1)
        with pytest.raises(TypeError, match=expected):
            Vocabulary.build([["a", "b"]], 1).encode(corpus)


def test_missing_entries_of_arrays_are_no_words():
    for sentence in (MISSING, np.array(["a", None], object), np.array(["a", np.nan], object)):
        with pytest.raises(TypeError, match=r"token 1 of sentence 0 of the corpus is (NoneType None|float nan)"):
            encode_corpus([sentence], 1)


@pytest.mark.parametrize(
    "corpus", [{("a", "b"), ("b", "c")}, {"a": 1}, {("a", "b"): 1}.keys()], ids=["set", "dict", "keys"]
)
def test_a_corpus_without_an_order_is_refused(corpus):
    for take in (lambda corpus: encode_corpus(corpus, 1), Vocabulary.build):
        with pytest.raises(TypeError, match=r"(no sequence|order is not repeatable): a list of sentences is expected"):
            take(corpus)

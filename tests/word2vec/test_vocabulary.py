import numpy as np
import pytest

from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary

TEXT = [["b", "a", "b"], ["a", "c"], [], ["d", "b"]]


def test_words_by_falling_count_then_by_themselves():
    vocabulary = Vocabulary.build(reversed(TEXT), min_count=1)
    assert vocabulary.words == ["b", "a", "c", "d"]
    assert vocabulary.counts.tolist() == [3, 2, 1, 1]
    assert vocabulary.counts.dtype == np.int64
    assert vocabulary.ids == {"b": 0, "a": 1, "c": 2, "d": 3}
    assert len(vocabulary) == 4


def test_encoding_leaves_out_other_words_and_keeps_sentences():
    vocabulary = Vocabulary.build(TEXT, min_count=2)
    ids, offsets = vocabulary.encode(TEXT)
    assert ids.tolist() == [0, 1, 0, 1, 0]
    assert offsets.tolist() == [0, 3, 4, 4, 5]
    assert ids.dtype == offsets.dtype == np.int64


@pytest.mark.parametrize("text", [[], [[]], [[], []]])
def test_empty_corpus(text):
    with pytest.raises(ValueError, match=r"^the corpus is empty: it has no words$"):
        Vocabulary.build(text)


def test_one_distinct_word():
    with pytest.raises(ValueError, match=r"one distinct word, 'a' \(3 times\): at least two are needed"):
        Vocabulary.build([["a", "a"], ["a"]], min_count=1)


def test_all_words_under_min_count():
    message = (
        r"^0 of the 4 distinct words of the corpus occur at least min_count=5 times: at least two are needed; "
        r"the most frequent one, 'b', occurs 3 times$"
    )
    with pytest.raises(ValueError, match=message):
        Vocabulary.build(TEXT, min_count=5)
    with pytest.raises(ValueError, match=r"^1 of the 4 distinct words"):
        Vocabulary.build(TEXT, min_count=3)


def test_a_sentence_that_is_a_string_is_refused():
    with pytest.raises(TypeError, match="sentence 1 of the corpus is str 'to be', a sequence of tokens is expected"):
        Vocabulary.build([["a"], "to be"])
    with pytest.raises(TypeError, match=r"token 1 of sentence 0 of the corpus is float .*: tokens must be str or int"):
        Vocabulary.build([["a", 3.0]])
    with pytest.raises(ValueError, match="min_count must be at least 1, got 0"):
        Vocabulary.build(TEXT, min_count=0)


def test_growing_keeps_ids_and_adds_new_words_behind():
    vocabulary = Vocabulary.build(TEXT, min_count=2)
    more = Vocabulary.build([["z", "y", "y", "a", "z", "x", "b", "x"]], min_count=1)
    grown = vocabulary.grow(more, min_count=2)
    assert grown.words == ["b", "a", "x", "y", "z"]
    assert grown.counts.tolist() == [4, 3, 2, 2, 2]
    assert grown.counts.dtype == np.int64
    assert grown.ids == {"b": 0, "a": 1, "x": 2, "y": 3, "z": 4}
    assert vocabulary.counts.tolist() == [3, 2]
    assert vocabulary.grow({}).words == ["b", "a"]
    assert vocabulary.grow({"q": 1, "a": 1}, min_count=2).counts.tolist() == [3, 3]
    with pytest.raises(ValueError, match="min_count must be at least 1, got 0"):
        vocabulary.grow({}, min_count=0)

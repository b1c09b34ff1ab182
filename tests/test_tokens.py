"""The kernels that cut text into tokens and look words up, beside `str.split` and a dict."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampledsoftmax.kernels.text.tokenize import cut_tokens
from sampledsoftmax.word2vec.encoding.word_index import TextTable

BLANKS = [chr(i) for i in range(0x110000) if chr(i).isspace()]


def naive(text):
    """Numbers of tokens by first appearance, how many stand before each line end, words, counts."""
    known, numbers, ends = {}, [], []
    *lines, rest = text.split("\n")
    for line in lines:
        numbers += [known.setdefault(token, len(known)) for token in line.split()]
        ends.append(len(numbers))
    numbers += [known.setdefault(token, len(known)) for token in rest.split()]
    return numbers, ends, list(known), [numbers.count(i) for i in range(len(known))]


def by_table(*texts, max_words=2**16):
    table, numbers, ends = TextTable(max_words), [], []
    for text in texts:
        found = table.number(text.encode())
        ends += [len(numbers) + end for end in found.ends.tolist()]
        numbers += found.numbers.tolist()
    counts = table.counts()
    return numbers, ends, table.words(np.arange(counts.size)), counts.tolist()


@pytest.mark.compiled
def test_blanks_are_those_of_str_split_and_no_others():
    for blank in BLANKS:
        assert by_table(f"a{blank}b")[2] == ["a", "b"], hex(ord(blank))
    others = [chr(i) for i in range(0x110000) if not (chr(i).isspace() or 0xD800 <= i < 0xE000)]
    word = "".join(others)
    table = TextTable()
    assert table.number(word.encode()).numbers.size == 1
    assert table.words(np.array([0])) == [word]


@pytest.mark.parametrize(
    "text", ["", "\n", " \t ", "a", "a\n", "\na", "a b", "\0", "a\0b \0", "\n\n\n", "a\r\nb\r\n", "e\u0301 \u00e9"]
)
def test_small_texts(text):
    assert by_table(text) == naive(text)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(st.sampled_from([*BLANKS, "\n", " "]), st.text(max_size=3)), max_size=60))
def test_any_text(parts):
    text = "".join(parts)
    assert by_table(text, max_words=2) == naive(text)


def test_more_words_than_the_table_had_room_for():
    random.seed(3)
    words = [str(random.randrange(3000)) for _ in range(5000)]
    texts = [" ".join(words[i : i + 777]) + "\n" for i in range(0, 5000, 777)]
    numbers, ends, known, counts = by_table(*texts, max_words=2)
    assert (numbers, ends, known, counts) == naive("".join(texts))
    assert len(known) > 2000


def test_words_of_one_hash_are_told_apart(monkeypatch):
    """All tokens get one hash: the letters alone decide."""
    real = cut_tokens

    def one_hash(data, spans, hashes, ends):
        found = real(data, spans, hashes, ends)
        hashes[:] = np.uint64(2**63 + 5)
        return found

    monkeypatch.setattr("sampledsoftmax.word2vec.encoding.word_index.cut_tokens", one_hash)
    text = "a b ab ba a abc\nb aa b abd"
    assert by_table(text, max_words=2) == naive(text)


def test_hashes_are_fnv_1a():
    """Test vectors of the FNV reference code: the same in any process, whatever PYTHONHASHSEED is."""
    data = np.frombuffer(b"a foobar", np.uint8)
    spans, hashes = np.empty((2, 2), np.uint64), np.empty(2, np.uint64)
    with np.errstate(over="ignore"):
        assert cut_tokens(data, spans, hashes, np.empty(0, np.int64)) == (2, 0)
    assert [hex(value) for value in hashes.tolist()] == ["0xaf63dc4c8601ec8c", "0x85944171f73967e8"]
    assert spans.tolist() == [[0, 1], [2, 8]]

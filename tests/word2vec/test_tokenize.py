"""The tokenizer kernels against `str.split` and a dict, and the one definition of white space."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampledsoftmax.kernels.text.tokenize import tokenize_text
from sampledsoftmax.kernels.text.white_space import IS_WHITE_SPACE, WHITE_SPACE
from sampledsoftmax.word2vec.corpus.text_blocks import text_blocks
from sampledsoftmax.word2vec.encoding.word_index import TextIndex

ALL_WHITE_SPACE = [chr(i) for i in range(0x110000) if chr(i).isspace()]


def naive(text):
    """Return token ids by first appearance, number of tokens before each line end, words, counts."""
    known, ids, ends = {}, [], []
    *lines, rest = text.split("\n")
    for line in lines:
        ids += [known.setdefault(token, len(known)) for token in line.split()]
        ends.append(len(ids))
    ids += [known.setdefault(token, len(known)) for token in rest.split()]
    return ids, ends, list(known), [ids.count(i) for i in range(len(known))]


def by_index(*texts, max_words=2**16):
    index, ids, ends = TextIndex(max_words), [], []
    for text in texts:
        block = index.add(text.encode())
        ends += [len(ids) + end for end in block.ends.tolist()]
        ids += block.ids.tolist()
    counts = index.counts()
    return ids, ends, index.words(np.arange(counts.size)), counts.tolist()


def test_the_definition_of_white_space_is_that_of_str_split():
    assert list(WHITE_SPACE) == ALL_WHITE_SPACE
    assert [chr(i) for i in np.flatnonzero(IS_WHITE_SPACE)] == ALL_WHITE_SPACE
    assert all(f"a{character}b".split() == ["a", "b"] for character in WHITE_SPACE)


@pytest.mark.compiled
def test_kernel_and_text_blocks_use_it_for_every_code_point(tmp_path):
    """Each white-space character separates tokens and may end a block; no other character does."""
    path = tmp_path / "text"
    for character in ALL_WHITE_SPACE:
        assert by_index(f"a{character}b")[2] == ["a", "b"], hex(ord(character))
        path.write_bytes(f"a{character}b".encode())
        assert b"".join(block for block, _ in text_blocks(path, "strict", 1)) == f"a{character}b\n".encode()
        assert next(text_blocks(path, "strict")).data == f"a{character}".encode(), hex(ord(character))
    word = "".join(chr(i) for i in range(0x110000) if not (chr(i).isspace() or 0xD800 <= i < 0xE000))
    index = TextIndex()
    assert index.add(word.encode()).ids.size == 1
    assert index.words(np.array([0])) == [word]
    text = word.replace("\0", "").encode()  # a file with NULs is no text
    path.write_bytes(text)
    assert [block for block, _ in text_blocks(path, "strict", 100)] == [text + b"\n"]


@pytest.mark.parametrize(
    "text", ["", "\n", " \t ", "a", "a\n", "\na", "a b", "\0", "a\0b \0", "\n\n\n", "a\r\nb\r\n", "e\u0301 \u00e9"]
)
def test_small_texts(text):
    assert by_index(text) == naive(text)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(st.sampled_from([*ALL_WHITE_SPACE, "\n", " "]), st.text(max_size=3)), max_size=60))
def test_any_text(parts):
    text = "".join(parts)
    assert by_index(text, max_words=2) == naive(text)


def test_the_table_grows():
    random.seed(3)
    words = [str(random.randrange(3000)) for _ in range(5000)]
    texts = [" ".join(words[i : i + 777]) + "\n" for i in range(0, 5000, 777)]
    ids, ends, known, counts = by_index(*texts, max_words=2)
    assert (ids, ends, known, counts) == naive("".join(texts))
    assert len(known) > 2000


def test_words_with_equal_hashes_are_distinguished(monkeypatch):
    """All tokens get one hash: only the letters differ."""
    real = tokenize_text

    def one_hash(data, white_space, spans, hashes, ends):
        found = real(data, white_space, spans, hashes, ends)
        hashes[:] = np.uint64(2**63 + 5)
        return found

    monkeypatch.setattr("sampledsoftmax.word2vec.encoding.word_index.tokenize_text", one_hash)
    text = "a b ab ba a abc\nb aa b abd"
    assert by_index(text, max_words=2) == naive(text)


def test_hashes_are_fnv_1a():
    """Test vectors of the FNV reference code: they do not depend on PYTHONHASHSEED."""
    data = np.frombuffer(b"a foobar", np.uint8)
    spans, hashes = np.empty((2, 2), np.uint64), np.empty(2, np.uint64)
    with np.errstate(over="ignore"):
        assert tokenize_text(data, IS_WHITE_SPACE, spans, hashes, np.empty(0, np.int64)) == (2, 0)
    assert [hex(value) for value in hashes.tolist()] == ["0xaf63dc4c8601ec8c", "0x85944171f73967e8"]
    assert spans.tolist() == [[0, 1], [2, 8]]

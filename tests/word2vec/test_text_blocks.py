"""Blocks of text against the whole text: any bytes, any block size."""

import gzip
import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sampledsoftmax.io.compression import compression_of_bytes
from sampledsoftmax.kernels.text.white_space import WHITE_SPACE
from sampledsoftmax.word2vec.corpus.corpus import TextFiles
from sampledsoftmax.word2vec.corpus.not_text import other_kind
from sampledsoftmax.word2vec.corpus.text_blocks import prefetch, text_blocks

TEXTS = st.lists(st.one_of(st.sampled_from([*WHITE_SPACE, "\n", " ", "\1"]), st.text(max_size=4)), max_size=40).map(
    lambda parts: "".join(parts).replace("\0", "")
)
SIZES = st.sampled_from([1, 2, 3, 7, 64])


def sentences(path, errors="strict", size=2**20):
    return list(TextFiles([path], errors, size))


def naive(data, errors="strict"):
    lines = list(io.BytesIO(data))
    lines[:1] = [line.removeprefix(b"\xef\xbb\xbf") for line in lines[:1]]
    return [line.decode("utf-8", errors).split() for line in lines]


@settings(deadline=None, max_examples=200)
@given(TEXTS, SIZES, st.booleans())
def test_any_text_in_blocks_of_any_size(tmp_path_factory, text, size, marked):
    path = tmp_path_factory.mktemp("blocks") / "text"
    data = (b"\xef\xbb\xbf" if marked else b"") + text.encode()
    path.write_bytes(data)
    assert sentences(path, size=size) == naive(data)
    for block, done in text_blocks(path, "strict", size):
        assert block.decode()[-1].isspace()
        assert 0 < done <= len(data)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(TEXTS.map(str.encode), st.binary(max_size=4)), max_size=8).map(b"".join), SIZES)
def test_broken_bytes_are_replaced_ignored_or_named(tmp_path_factory, data, size):
    data = data.replace(b"\0", b"")
    assume(compression_of_bytes(data) is None and other_kind(data, "utf-8") is None)
    path = tmp_path_factory.mktemp("blocks") / "text"
    path.write_bytes(data)
    for errors in ("replace", "ignore"):
        assert sentences(path, errors, size) == naive(data, errors)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place, line = error.start, data.count(b"\n", 0, error.start) + 1
        message = rf"text is not UTF-8: byte 0x{data[place]:02x} at position {place}, in line {line};"
        with pytest.raises(ValueError, match=message):
            sentences(path, size=size)
    else:
        assert sentences(path, size=size) == naive(data)


def test_a_token_longer_than_many_blocks(tmp_path):
    path = tmp_path / "long"
    path.write_text(f"a {'x' * 5000} b\n{'y' * 999}")
    assert sentences(path, size=64) == [["a", "x" * 5000, "b"], ["y" * 999]]
    blocks = [block for block, _ in text_blocks(path, "strict", 64)]
    assert b"".join(blocks) == path.read_bytes() + b"\n"
    assert [len(block) for block in blocks] == [2, 5003, 1000]


def test_a_line_longer_than_many_blocks_is_split(tmp_path):
    path = tmp_path / "line.gz"
    path.write_bytes(gzip.compress(b"word " * 10_000))
    assert max(len(block) for block, _ in text_blocks(path, "strict", 100)) <= 100
    assert sentences(path, size=100) == [["word"] * 10_000]


def test_white_space_outside_ascii_ends_a_block(tmp_path):
    path = tmp_path / "wide"
    path.write_text("\u8a00\u8449\u3000" * 1000, encoding="utf-8")
    blocks = [block for block, _ in text_blocks(path, "strict", 90)]
    assert max(map(len, blocks)) < 180
    assert sentences(path, size=90) == [["\u8a00\u8449"] * 1000]


def test_prefetch_propagates_errors_and_can_be_closed():
    def broken():
        yield 1
        raise ValueError("broken here")

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken here"):
        next(items)
    left = prefetch(iter(range(10)))
    assert next(left) == 0
    left.close()

"""Vector files as they are found: read, or refused with the line, the word or the byte, and the way out."""

import bz2
import gzip
import lzma
import os
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampledsoftmax.cli import main
from sampledsoftmax.word2vec.vectors import binary_reader
from sampledsoftmax.word2vec.vectors.formats import FORMATS, load, save
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

TWO = np.array([[1, 2], [3, 4]], np.float32)
SPACES = [chr(i) for i in range(0x3001) if chr(i).isspace() or unicodedata.category(chr(i)) == "Zs"]


def read(tmp_path, content, **options):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    return WordVectors.load_word2vec_format(path, **options)


def row(word, numbers, end=b"\n"):
    return word + b" " + np.array(numbers, "<f4").tobytes() + end


@pytest.mark.parametrize(
    "content",
    [
        b"2 2\na 1 2\nb 3 4\n\n",
        b"2 2\na 1 2\nb 3 4\n \n\r\n\n",
        b"2 2\na 1 2\nb 3 4",
        b"\xef\xbb\xbf2 2\na 1 2\nb 3 4\n",
        b"2 2\r\na 1 2\r\nb 3 4\r\n",
        b"2 2 \na 1 2  \nb 3 4 \n",
        b"2\t2\na 1 2\nb 3 4\n",
        b"02 2\na 1.0 +2e0\nb 3 4.\n",
        gzip.compress(b"2 2\na 1 2\nb 3 4\n", mtime=0),
        bz2.compress(b"2 2\na 1 2\nb 3 4\n"),
        lzma.compress(b"2 2\na 1 2\nb 3 4\n"),
    ],
)
def test_text_is_read_as_other_programs_leave_it(tmp_path, content):
    found = read(tmp_path, content)
    assert found.words == ["a", "b"]
    np.testing.assert_array_equal(found.vectors, TWO)


@pytest.mark.parametrize("content", [b"a 1 2\nb 3 4\n", b"\xef\xbb\xbfa 1 2 \r\nb 3 4", b"a 1 2\nb 3 4\n\n\n"])
def test_files_without_a_header(tmp_path, content):
    found = read(tmp_path, content, no_header=True)
    assert found.words == ["a", "b"]
    np.testing.assert_array_equal(found.vectors, TWO)
    assert read(tmp_path, content, no_header=True, limit=1).words == ["a"]
    assert read(tmp_path, content, no_header=True, limit=5).words == ["a", "b"]
    with pytest.raises(ValueError, match="GloVe files have none"):
        read(tmp_path, content)


def test_compression_is_told_by_content_and_damage_is_named(tmp_path):
    rows = np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32)
    WordVectors([f"w{i}" for i in range(300)], rows).save_word2vec_format(tmp_path / "v", binary=True)
    plain = (tmp_path / "v").read_bytes()
    for name, compress in (("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)):
        whole = compress(plain)
        np.testing.assert_array_equal(read(tmp_path, whole, binary=True).vectors, rows)
        broken = whole[: len(whole) // 2] + b"\0" * 50 + whole[len(whole) // 2 + 50 :]
        for damaged in (whole[: len(whole) // 2], broken):
            with pytest.raises(ValueError, match=f"vectors is a damaged {name} file"):
                read(tmp_path, damaged, binary=True)
    for name, first in (("Zstandard", b"\x28\xb5\x2f\xfd"), ("zip", b"PK\3\4")):
        with pytest.raises(
            ValueError, match=f"is compressed .{name}.: decompress it first; gzip, bzip2 and xz are read"
        ):
            read(tmp_path, first + b"x" * 100)
    assert read(tmp_path, b"1 1\nBZh 1\n").words == ["BZh"]
    assert read(tmp_path, b"BZh9 1\n", no_header=True).words == ["BZh9"]


@pytest.mark.parametrize("binary", [False, True])
def test_a_limit_reads_the_first_words(tmp_path, binary):
    path = tmp_path / "v"
    rows = np.random.default_rng(1).normal(size=(3000, 5)).astype(np.float32)
    words = [f"w{i}" for i in range(3000)]
    WordVectors(words, rows).save_word2vec_format(path, binary)
    for limit in (1, 1024, 2999, 3000, 10**12):
        found = WordVectors.load_word2vec_format(path, binary, limit=limit)
        assert found.words == words[:limit]
        np.testing.assert_array_equal(found.vectors, rows[:limit])
    half = path.read_bytes()[: len(path.read_bytes()) // 2]
    assert read(tmp_path, half, binary=binary, limit=1000).words == words[:1000]
    zipped = read(tmp_path, gzip.compress(path.read_bytes()), binary=binary, limit=2000)
    np.testing.assert_array_equal(zipped.vectors, rows[:2000])
    for limit in (0, -1, 1.5, "3"):
        with pytest.raises((TypeError, ValueError), match="limit must be"):
            WordVectors.load_word2vec_format(path, binary, limit=limit)


def test_repeated_words(tmp_path):
    text = b"4 1\na 1\nb 2\na 3\nc 4\n"
    binary = b"4 1\n" + row(b"a", [1]) + row(b"b", [2]) + row(b"a", [3]) + row(b"c", [4])
    for content, form in ((text, False), (binary, True)):
        with pytest.raises(ValueError, match=r"'a' is repeated, as number 1 and 3: on_duplicate='first'"):
            read(tmp_path, content, binary=form)
        found = read(tmp_path, content, binary=form, on_duplicate="first")
        assert found.words == ["a", "b", "c"]
        assert found.vectors[:, 0].tolist() == [1, 2, 4]
        assert read(tmp_path, content, binary=form, limit=2).words == ["a", "b"]
    with pytest.raises(ValueError, match="on_duplicate must be one of 'error', 'first', got 'last'"):
        read(tmp_path, text, on_duplicate="last")


def test_bytes_that_are_ignored(tmp_path):
    assert read(tmp_path, b"3 1\n\x97 1\nb 2\ncaf\xe9 3\n", errors="ignore").words == ["b", "caf"]
    assert read(tmp_path, b"2 1\n" + row(b"\x97", [1]) + row(b"b", [2]), binary=True, errors="ignore").words == ["b"]
    same = b"2 1\ncaf\xe9 1\ncaf\xe8 2\n"
    with pytest.raises(ValueError, match="'caf' is repeated"):
        read(tmp_path, same, errors="ignore")
    assert read(tmp_path, same, errors="ignore", on_duplicate="first").vectors.tolist() == [[1.0]]
    assert read(tmp_path, same, unicode_errors="ignore", on_duplicate="first").words == ["caf"]
    with pytest.raises(ValueError, match="nothing is left of any word with errors='ignore'"):
        read(tmp_path, b"1 1\n\x97 1\n", errors="ignore")
    with pytest.raises(ValueError, match=r"at byte 4 of the file: name its encoding"):
        read(tmp_path, b"1 1\n\x97 1\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"3 2\na 1 2\nb 3 4\n", r'ends after 2 of the 3 words of its header: correct the header to "2 2".*limit=2'),
        (b"1 2\na 1 2\nb 3 4\n\nc 5 6\n", "is empty|more lines than the 1 words"),
        (b"1 2\na 1 2\nb 3 4\nc 5 6\n", r'more lines than the 1 words of the header, 3 in all: .*"3 2".*limit=1'),
        (b"2 2\na 1 2\n\nb 3 4\n", "line 3: .* got 1 fields: the line is empty"),
        (b"2 2\nNew York 1 2\nb 3 4\n", "line 2: .* got 4 fields: a word with a space"),
        (b"2 2\na\t1\t2\nb\t3\t4\n", "line 2: .* must be separated by spaces, not tabs"),
        (b"2 2\na 1,5 2,5\nb 3 4\n", "line 2: could not convert b'1,5' to a number"),
        (b"1 2\na 1_0 2\n", "line 2: could not convert b'1_0' to a number"),
        (b"1 2\na 0x10 2\n", "could not convert b'0x10'"),
        (b"1 2\na 1 1e400\n", "line 2: number 2 is inf"),
        (b"1 2\na 1e39 2\n", "line 2: number 1 is inf, as float32"),
        (b"1 2\na 1 NaN\n", "line 2: number 2 is nan"),
        (b"1 2\na 1 infinity\n", "line 2: number 2 is inf"),
        ("1 1\na \u0663\n".encode(), "could not convert"),
        (b"1 999999999999999\na 1 2\n", "999999999999999 numbers are expected, got 3 fields"),
        (b"9999999999999999999999 2\na 1 2\n", "a header of two numbers"),
        (b"1_0 2\na 1 2\n", "a header of two numbers"),
        (b"-1 2\na 1 2\n", "a header of two numbers"),
        (b"0 2\n", "a header of two numbers"),
        ("2 2\na 1 2\n".encode("utf-16"), "the file is UTF-16: convert it to UTF-8"),
        (b"2 2\n" + row(b"a", [1, 2]) + row(b"b", [3, 4]), "looks like the binary format, which binary=True reads"),
    ],
)
def test_text_that_is_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as raised:
        read(tmp_path, content)
    assert len(str(raised.value)) < 500
    assert str(tmp_path / "vectors") in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"2 2\na 1 2\nb 3 4\n", "line 1 looks like a header: read the file without no_header"),
        (b"a\nb\n", "line 1: a word and its numbers are expected"),
        (b"", "line 1: a word and its numbers are expected"),
        (b"a 1 2\nNew York 3 4\n", "line 2: .* a word with a space"),
        (b"a 1 2\nb 3\n", "line 2: a word and 2 numbers are expected, got 2 fields"),
    ],
)
def test_text_without_a_header_that_is_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content, no_header=True)


LOST = {
    "in the first word": b"2 2\n" + row(b"new york", [1, 2]) + row(b"b", [3, 4]),
    "in the second word": b"2 2\n" + row(b"b", [3, 4]) + row(b"new york", [1, 2]),
    "in the only word": b"1 2\n" + row(b"new york", [1, 2]),
    "without line ends": b"3 2\n" + row(b"a", [3, 4], b"") + row(b"new york", [1, 2], b"") + row(b"c", [3, 4], b""),
    "first, without line ends": b"2 2\n" + row(b"new york", [3, 4], b"") + row(b"a", [1, 2], b""),
    "as long as a number": b"3 5\n" + b"".join(row(w, np.full(5, 0.3), b"") for w in (b"a", b"of the", b"c")),
    "letters as a number": b"2 1\n" + row(b"abc defg", [0.1], b"") + row(b"c", [0.1], b""),
    "a byte is missing": (b"2 2\n" + row(b"a", [0.5, 0.1]))[:-2] + b"\n" + row(b"b", [3, 4]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_a_space_in_a_binary_word_is_noticed(tmp_path, name):
    signs = (
        r"word \d.*(at byte \d+ of the file|the sign of a word with a space|missing)|bytes follow|ends (early|within)"
    )
    with pytest.raises(ValueError, match=signs):
        read(tmp_path, LOST[name], binary=True)


def test_large_and_small_numbers_of_our_own_files_are_read(tmp_path):
    rows = np.array([[1e30, -1e38], [1e-30, 1e-45]], np.float32)
    WordVectors(["a", "b"], rows).save_word2vec_format(tmp_path / "v", binary=True)
    np.testing.assert_array_equal(WordVectors.load_word2vec_format(tmp_path / "v", binary=True).vectors, rows)


def test_a_space_beyond_the_limit_is_noticed_too(tmp_path):
    with pytest.raises(ValueError, match=r"word 2: a line end within the word, at byte 21 of the file"):
        read(tmp_path, LOST["in the first word"], binary=True, limit=1)
    many = [row(f"w{i}".encode(), np.random.default_rng(i).normal(size=20)) for i in range(200)]
    many[150] = row(b"new york", np.zeros(20) + 0.1)
    content = b"200 20\n" + b"".join(many)
    with pytest.raises(ValueError, match=r"word 151: no line end after the numbers, which the first word has, at byte"):
        read(tmp_path, content, binary=True)
    assert len(read(tmp_path, content, binary=True, limit=150)) == 150


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"2 2\na 1 2\nb 3 4\n", {}, "is a text file, which binary=False reads"),
        (b"1 2\n" + row(b"a", [1, 2]), {"no_header": True}, "no_header must be False for a binary file"),
        (b"1 99999999999\n" + row(b"a", [1, 2]), {}, "ends early"),
        (gzip.compress(b"1 99999999999\n" + row(b"a", [1, 2]), mtime=0), {}, "ends within word 1 of the 1"),
        (gzip.compress(b"99999999999 2\n" + row(b"a", [1, 2]), mtime=0), {}, "ends within word 2 of the 99999999999"),
        (b"1 1\n" + b"x" * 3_000_000 + b" \0\0\0\0", {}, "no space within 1048576 bytes"),
        (b"2 1\n" + row(b"a", [1]) + row(b"", [1]), {}, "word 2: the word is missing"),
        (b"1 1\n" + row(b"a", [np.inf]), {}, "word 1: number 1 is inf"),
    ],
)
def test_binary_that_is_refused(tmp_path, content, options, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content, binary=True, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "utf-16"}, "encoding must write spaces, line ends and digits as ASCII does"),
        ({"encoding": "no such"}, "encoding 'no such' is unknown"),
        ({"encoding": None}, "encoding must be a str, got NoneType"),
        ({"errors": "no such"}, "errors must be a handler such as 'strict'"),
        ({"errors": True}, "errors must be a str, got bool"),
        ({"errors": "replace", "unicode_errors": "ignore"}, "errors and unicode_errors are one setting"),
        ({"fvocab": "counts.txt"}, "fvocab must be None"),
        ({"datatype": np.float16}, "datatype must be float32 or float64"),
        ({"no_header": 1}, "no_header must be True or False"),
        ({"binary": "no"}, "binary must be True or False"),
    ],
)
def test_settings_are_checked_before_the_file_is_read(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        WordVectors.load_word2vec_format("nowhere", **options)


def test_the_type_of_the_numbers(tmp_path):
    wide = read(tmp_path, b"1 2\na 0.1 1e200\n", datatype=np.float64)
    assert wide.vectors.tolist() == [[0.1, 1e200]]
    assert read(tmp_path, b"1 1\n" + row(b"a", [0.1]), binary=True, datatype="float64").vectors.dtype == np.float64


@pytest.mark.parametrize("binary", [False, True])
def test_all_white_space_but_spaces_and_line_ends_is_kept(tmp_path, binary):
    assert len(SPACES) > 24
    inside = [f"a{space}b" for space in SPACES if space not in " \n"]
    around = [space for space in SPACES if space not in " \n"] + ["\0", "\ufeff", "x\r", "\x7f\x1b"]
    words = inside + around
    vectors = WordVectors(words, np.random.default_rng(1).normal(size=(len(words), 3)).astype(np.float32))
    vectors.save_word2vec_format(tmp_path / "v", binary)
    found = WordVectors.load_word2vec_format(tmp_path / "v", binary)
    assert found.words == words
    np.testing.assert_array_equal(found.vectors, vectors.vectors)
    assert load(tmp_path / "v").words == words


WORD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)


@given(st.lists(WORD, min_size=1, max_size=5, unique=True), st.booleans(), st.booleans())
def test_any_words_come_back_or_are_refused(tmp_path_factory, words, binary, compressed):
    path = tmp_path_factory.mktemp("v") / ("v.gz" if compressed else "v")
    vectors = WordVectors(words, np.arange(len(words), dtype=np.float32)[:, np.newaxis] + 1)
    if any(" " in word or "\n" in word for word in words):
        with pytest.raises(ValueError, match="cannot be empty or contain a space or a line end"):
            vectors.save_word2vec_format(path, binary)
        assert not path.exists()
        return
    vectors.save_word2vec_format(path, binary)
    found = WordVectors.load_word2vec_format(path, binary)
    assert found.words == words
    np.testing.assert_array_equal(found.vectors, vectors.vectors)


@given(st.lists(st.text(max_size=5) | st.integers(), min_size=1, max_size=6, unique=True), st.booleans())
def test_our_own_format_holds_any_words(tmp_path_factory, words, wide):
    path = tmp_path_factory.mktemp("v") / "v.zip"
    rows = np.random.default_rng(1).normal(size=(len(words), 2)).astype(np.float64 if wide else np.float32)
    WordVectors(words, rows).save(path)
    for found in (WordVectors.load(path), load(path)):
        assert found.words == words
        assert list(map(type, found.words)) == list(map(type, words))
        np.testing.assert_array_equal(found.vectors, rows)
        assert found.vectors.dtype == rows.dtype


def test_formats_are_told_without_a_suffix(tmp_path):
    for form in ("sampledsoftmax", "numpy", "word2vec", "word2vec-binary"):
        path = tmp_path / form
        save(WordVectors(["a", "b"], TWO), path, form)
        assert load(path).words == ["a", "b"]
    whole = (tmp_path / "numpy").read_bytes()
    (tmp_path / "damaged").write_bytes(whole.replace(b"PK\x01\x02", b"PK\x01\x07"))
    with pytest.raises(ValueError, match="damaged"):
        load(tmp_path / "damaged")


def test_our_own_format_with_odd_words(tmp_path):
    words = ["", " ", "\n", "a\nb", "\0", "\ud800", "\ud83d\ude00", "\U0001f600", 0, -7, 10**5000, "0", "x" * 100_000]
    WordVectors(words, np.eye(len(words))).save(tmp_path / "v.zip")
    assert WordVectors.load(tmp_path / "v.zip").words == words
    with pytest.raises(FileNotFoundError, match="does not exist"):
        WordVectors.load(tmp_path / "nowhere")
    with pytest.raises(TypeError, match="mmap must be None"):
        WordVectors.load(tmp_path / "v.zip", mmap="r")
    whole = (tmp_path / "v.zip").read_bytes()
    for damaged in (b"", b"text", whole[:-30], whole[: len(whole) // 2]):
        (tmp_path / "v.zip").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"v.zip is (not a file of word vectors or is )?damaged"):
            WordVectors.load(tmp_path / "v.zip")


@pytest.mark.parametrize(
    ("form", "words", "message"),
    [
        ("word2vec", ["a b", "c"], "word 0 is 'a b'"),
        ("word2vec", ["c", ""], "word 1 is ''"),
        ("word2vec", ["c", "a\n"], r"word 1 is 'a\\n'"),
        ("word2vec", ["c", "\ud800"], r"word 1 is '\\ud800': utf-8 cannot encode it"),
        ("word2vec", [3, "3"], "words 0 and 1, 3 and '3', would both be written as b'3'"),
        ("word2vec-binary", ["c", "x" * 2_000_000], "word 1 has 2000000 bytes, at most 1048576"),
        ("numpy", ["c", 3], "all str or all int"),
        ("numpy", [2**70, 3], "does not fit int64"),
        ("numpy", ["c", "a\0"], "a NumPy file cannot hold"),
        ("safetensors", ["c", "a\nb"], "one per line"),
        ("safetensors", ["c", "\ud800"], "utf-8 cannot encode it"),
        ("safetensors", ["3", 3], "would both be written as 3"),
        ("projector", ["c", "\ud800"], "utf-8 cannot encode it"),
        ("projector", ["c", "\u00a0"], "the projector skips lines without visible characters"),
        ("projector", ["c", ""], "the projector skips"),
    ],
)
def test_a_format_refuses_what_it_cannot_hold_before_anything_is_written(tmp_path, form, words, message):
    if form == "safetensors":
        pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match=message) as raised:
        save(WordVectors(words, np.eye(2)), tmp_path / "v", form)
    assert list(tmp_path.iterdir()) == []
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "projector"])
def test_words_that_are_ints_in_the_formats(tmp_path, form):
    if form == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"v{FORMATS[form].suffixes[0]}"
    save(WordVectors([30, 20], np.eye(2)), path, form)
    expected = [30, 20] if form in ("numpy", "sampledsoftmax") else ["30", "20"]
    assert load(path).words == expected


def test_error_handlers_that_write_two_words_alike_or_spaces(tmp_path):
    vectors = WordVectors(["caf\xe9", "caf\xe8"], np.eye(2))
    with pytest.raises(ValueError, match="would both be written as b'caf\\?'"):
        vectors.save_word2vec_format(tmp_path / "v", encoding="ascii", errors="replace")
    with pytest.raises(ValueError, match="cannot be empty or contain a space"):
        vectors.save_word2vec_format(tmp_path / "v", encoding="ascii", errors="namereplace")
    with pytest.raises(ValueError, match="cannot be empty"):
        WordVectors(["\xe9"], np.eye(1)).save_word2vec_format(tmp_path / "v", encoding="ascii", errors="ignore")
    with pytest.raises(ValueError, match="a number too large for float32: use the text format"):
        WordVectors(["a", "b"], np.array([[1.0], [1e200]])).save_word2vec_format(tmp_path / "v", binary=True)
    assert list(tmp_path.iterdir()) == []
    vectors.save_word2vec_format(tmp_path / "v", encoding="cp1252")
    assert WordVectors.load_word2vec_format(tmp_path / "v", encoding="cp1252").words == ["caf\xe9", "caf\xe8"]


def test_small_blocks_read_the_same(tmp_path, monkeypatch):
    """Words and rows may lie across the blocks that are read."""
    monkeypatch.setattr(binary_reader, "_READ_BYTES", 7)
    monkeypatch.setattr(binary_reader, "MAX_WORD_BYTES", 20)
    words = [f"word{i}" for i in range(50)]
    rows = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    WordVectors(words, rows).save_word2vec_format(tmp_path / "v", binary=True)
    for end in (b"\n", b""):
        content = b"50 6\n" + b"".join(row(w.encode(), r, end) for w, r in zip(words, rows, strict=True))
        found = read(tmp_path, content, binary=True)
        assert found.words == words
        np.testing.assert_array_equal(found.vectors, rows)


def test_the_command_line_has_the_same_options(tmp_path, capsys):
    glove, named_bin, named_vec = tmp_path / "glove.txt", tmp_path / "text.bin", tmp_path / "binary.vec"
    glove.write_bytes(b"b 1 2\n\x97 1 2\nb 3 4\nc 3 4\n")
    named_bin.write_bytes(b"2 2\na 1 2\nb 3 4\n")
    named_vec.write_bytes(b"2 2\n" + row(b"a", [1, 2]) + row(b"b", [3, 4]))
    options = ["--no-header", "--errors", "replace", "--on-duplicate", "first"]
    assert main(["neighbors", str(glove), "b", *options]) == 0
    assert capsys.readouterr().out == "b: \ufffd 1.00, c 0.98\n"
    assert main(["neighbors", str(glove), "b", "--no-header", "--encoding", "cp1252", "--limit", "2"]) == 0
    assert capsys.readouterr().out == "b: \u2014 1.00\n"
    assert (
        main(["export", str(glove), *options, "--format", "sampledsoftmax", "--output", str(tmp_path / "v.zip")]) == 0
    )
    assert WordVectors.load(tmp_path / "v.zip").words == ["b", "\ufffd", "c"]
    assert main(["analogy", str(glove), *options, "b", "b", "c"]) == 0
    (tmp_path / "pairs").write_text("b c 1\nb b 2\n")
    assert main(["evaluate", str(glove), *options, "--similarities", str(tmp_path / "pairs")]) == 0
    capsys.readouterr()
    for path in (named_bin, named_vec):  # the content says what it is
        assert main(["neighbors", str(path), "b"]) == 0
        assert capsys.readouterr().out == "b: a 0.98\n"
    assert main(["neighbors", str(glove), "b"]) == 1
    assert "no_header=True (--no-header)" in capsys.readouterr().err
    assert main(["neighbors", str(tmp_path / "v.zip"), "b", "--limit", "2"]) == 1
    assert "options for reading are for word2vec and GloVe files" in capsys.readouterr().err
    assert main(["neighbors", str(glove), "b", "--limit", "0"]) != 0


def test_words_are_shown_on_one_line(tmp_path, capsys):
    words = ["b", "new\nline", "\x1b[31mred", "\ud800", 7]
    WordVectors(words, np.ones((5, 1))).save(tmp_path / "v.zip")
    assert main(["neighbors", str(tmp_path / "v.zip"), "b", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "b: new\\nline 1.00, \\x1b[31mred 1.00, \\ud800 1.00, 7 1.00"
    assert lines[1].startswith("7: b 1.00")


@pytest.mark.skipif(os.name != "posix", reason="needs devices and pipes")
def test_the_two_files_of_the_projector_are_not_written_beside_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/null", tmp_path / "pipe"):
        with pytest.raises(ValueError, match="is a device or a pipe, and a projector file is two files"):
            save(WordVectors(["a", "b"], np.eye(2)), path, "projector")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]

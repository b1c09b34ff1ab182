import ast
import bz2
import gzip
import importlib
import io
import lzma
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sampledsoftmax.word2vec.corpus.corpus import TextFiles, read_sentences

TEXT = "to be or\nnot\n\n  to\tbe \u00fcber"
SENTENCES = [["to", "be", "or"], ["not"], [], ["to", "be", "\u00fcber"]]


def pack_zst(data):
    """Pack with whichever library is there, in two frames: what `zstd` makes of two files that follow one another."""
    half = len(data) // 2
    try:
        compress = importlib.import_module("compression.zstd").compress
    except ImportError:
        compress = pytest.importorskip("zstandard", reason="zstandard is not installed").compress
    return compress(data[:half]) + compress(data[half:])


def pack_bz2(data):
    """Pack in two streams: what `bzip2` makes of two files that follow one another."""
    half = len(data) // 2
    return bz2.compress(data[:half]) + bz2.compress(data[half:])


COMPRESSED = [("gz", gzip.compress), ("xz", lzma.compress), ("zst", pack_zst), ("bz2", pack_bz2)]


@pytest.mark.parametrize(("ending", "pack"), [("txt", bytes), *COMPRESSED])
def test_text_files_are_read_at_each_pass(tmp_path, ending, pack):
    path = tmp_path / f"corpus.{ending}"
    path.write_bytes(pack(TEXT.encode()))
    sentences = read_sentences(path)
    assert list(sentences) == SENTENCES
    assert list(sentences) == SENTENCES
    assert list(read_sentences(str(path))) == SENTENCES


def test_files_follow_one_another(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(f"{name} {name}\n")
    assert list(TextFiles([tmp_path / "b", tmp_path / "a"])) == [["b", "b"], ["a", "a"]]


def test_a_line_of_any_length_is_one_sentence(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text(" ".join(["word"] * 20_001) + " " + "x" * 5000)
    (sentence,) = read_sentences(path)
    assert len(sentence) == 20_002
    assert len(sentence[-1]) == 5000


def test_a_byte_order_mark_is_no_part_of_a_word(tmp_path):
    path = tmp_path / "marked.txt"
    path.write_bytes(b"\xef\xbb\xbfto be\n")
    assert list(read_sentences(path)) == [["to", "be"]]


def test_broken_bytes_are_named_with_their_place(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"to be\nor \xfcber\n")
    with pytest.raises(ValueError, match=r"latin.txt is not UTF-8: byte 0xfc at position 9, in line 2"):
        list(read_sentences(path))


@pytest.mark.parametrize(("ending", "pack"), COMPRESSED)
def test_damaged_archives_are_named(tmp_path, ending, pack):
    data = pack(TEXT.encode() * 1000)
    damaged = {"short": data[:-9], "third": data[: len(data) // 3], "wrong": data[4:], "more": data + b"more"}
    damaged["empty"] = b""
    for name, content in damaged.items():
        path = tmp_path / f"{name}.{ending}"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{path.name} is not a valid compressed file: \S"):
            list(read_sentences(path))


def test_zstandard_without_its_library(tmp_path, monkeypatch):
    path = tmp_path / "a.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfdnot looked at")
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ValueError, match=r"a.zst needs zstandard: pip install 'sampledsoftmax\[zst\]'"):
        list(read_sentences(path))


def some_files(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")


def names_read(source):
    return [name for (name,) in read_sentences(source)]


def test_directories_hold_all_files_below_them_sorted_without_hidden_ones(tmp_path):
    some_files(tmp_path, "b/2", "b/10", "a.txt", "a/z", ".hidden", ".git/x", "c/.d/e")
    assert names_read(tmp_path) == names_read(f"{tmp_path}/") == ["a/z", "a.txt", "b/10", "b/2"]


def test_patterns_give_files_sorted(tmp_path, monkeypatch):
    some_files(tmp_path, "n/2.txt", "n/10.txt", "n/1.txt", "n/x.log", "n/.0.txt", "n/sub/3.txt")
    (tmp_path / "n/dir.txt").mkdir()
    assert names_read(str(tmp_path / "n/*.txt")) == ["n/1.txt", "n/10.txt", "n/2.txt"]
    assert names_read(str(tmp_path / "n/[12].txt")) == ["n/1.txt", "n/2.txt"]
    assert names_read(str(tmp_path / "**/*.txt")) == ["n/1.txt", "n/10.txt", "n/2.txt", "n/sub/3.txt"]
    monkeypatch.chdir(tmp_path)
    some_files(tmp_path, "odd[1].txt", "odd1.txt")
    assert names_read("odd[1].txt") == ["odd[1].txt"]  # a file of just that name goes first
    with pytest.raises(FileNotFoundError, match=r"^corpus n/\*.csv matches no file$"):
        read_sentences("n/*.csv")
    with pytest.raises(FileNotFoundError, match=r"^corpus n/\*.txt does not exist$"):
        read_sentences(Path("n/*.txt"))  # patterns are strings


def test_lists_of_paths_keep_their_order(tmp_path):
    some_files(tmp_path, "b", "a", "d/c")
    paths = [tmp_path / "b", str(tmp_path / "d"), tmp_path / "a"]
    assert names_read(paths) == names_read(tuple(paths)) == ["b", "d/c", "a"]
    with pytest.raises(TypeError, match=r"begins with the path 'x', so it must contain only paths: item 1 is a list"):
        read_sentences(["x", ["to", "be"]])
    with pytest.raises(
        FileNotFoundError, match=r"^corpus to be does not exist: a str names a file, and a sentence .* list of tokens"
    ):
        read_sentences(["to be", "or not"])


def test_missing_file_and_empty_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^corpus .*nowhere.txt does not exist$"):
        read_sentences(tmp_path / "nowhere.txt")
    (tmp_path / "empty").mkdir()
    some_files(tmp_path, "empty/.hidden")
    with pytest.raises(FileNotFoundError, match=r"^corpus .*empty is a directory without files$"):
        read_sentences(tmp_path / "empty")


def test_files_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "secret.txt"
    path.write_text("to be")

    def refused(*_):
        raise PermissionError(13, "Permission denied", str(path))

    sentences = read_sentences(path)
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError, match=r"^corpus .*secret.txt cannot be read: permission denied$"):
        list(sentences)


def test_standard_input_is_read_once(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    sentences = read_sentences("-")
    assert list(sentences) == SENTENCES
    with pytest.raises(ValueError, match="standard input can be read only once"):
        list(sentences)
    with pytest.raises(ValueError, match="names standard input, -, more than once"):
        read_sentences(["-", "-"])


def test_standard_input_of_a_process():
    script = "from sampledsoftmax.word2vec.corpus.corpus import read_sentences; print(list(read_sentences('-')))"
    run = subprocess.run([sys.executable, "-c", script], input=TEXT.encode(), capture_output=True, check=True)
    assert ast.literal_eval(run.stdout.decode()) == SENTENCES


def test_a_file_named_like_standard_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    some_files(tmp_path, "-")
    assert names_read("./-") == names_read(Path("-")) == ["-"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipes_have_no_size(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=pipe.write_text, args=[TEXT, "utf-8"])
    thread.start()
    files = TextFiles([pipe])
    assert files.num_bytes is None
    assert list(files) == SENTENCES
    thread.join()


def test_odd_texts(tmp_path):
    cases = {
        b"": [],
        b"\n\n": [[], []],
        b" \t \x0b": [[]],
        b"a\r\nb c\r\n": [["a"], ["b", "c"]],
        b"a\x01b \x01 c": [["a\x01b", "\x01", "c"]],
        b"\xef\xbb\xbfa\n\xef\xbb\xbfb": [["a"], ["\ufeffb"]],
        b"\xef\xbb\xbf": [[]],
    }
    for data, expected in cases.items():
        (tmp_path / "text").write_bytes(data)
        assert list(read_sentences(tmp_path / "text")) == expected, data
    for name in "ab":
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + name.encode())
    assert names_read([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]  # a mark in each file, no line end in any


def test_errors_has_three_values(tmp_path):
    (tmp_path / "text").write_bytes(b"a\xffb")
    assert list(read_sentences(tmp_path / "text", errors="replace")) == [["a\ufffdb"]]
    assert list(read_sentences(tmp_path / "text", errors="ignore")) == [["ab"]]
    with pytest.raises(ValueError, match="errors must be one of 'strict', 'replace', 'ignore', got 'skip'"):
        read_sentences(tmp_path / "text", errors="skip")


def test_token_lists_pass_through():
    assert read_sentences(SENTENCES) is SENTENCES


def test_one_shot_iterators_are_refused():
    with pytest.raises(TypeError, match="one-shot generator: pass a list"):
        read_sentences(sentence for sentence in SENTENCES)
    with pytest.raises(TypeError, match="iterable of token lists, got int"):
        read_sentences(3)


def test_a_folder_that_has_only_the_output_says_so(tmp_path):
    some_files(tmp_path, "text.txt")
    with pytest.raises(FileNotFoundError, match=r"has no files but those of the output, which are left out$"):
        read_sentences(tmp_path, exclude=[tmp_path])

import gzip
import lzma

import pytest

from sampledsoftmax.words.corpus import TextFiles, read_sentences

TEXT = "to be or\nnot\n\n  to\tbe \u00fcber"
SENTENCES = [["to", "be", "or"], ["not"], [], ["to", "be", "\u00fcber"]]


@pytest.mark.parametrize(("ending", "pack"), [("txt", bytes), ("gz", gzip.compress), ("xz", lzma.compress)])
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


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_damaged_archives_are_named(tmp_path, ending, pack):
    short, wrong = tmp_path / f"short.{ending}", tmp_path / f"wrong.{ending}"
    short.write_bytes(pack(TEXT.encode() * 1000)[:-20])
    wrong.write_bytes(TEXT.encode())
    for path in (short, wrong):
        with pytest.raises(ValueError, match=rf"{path.name} is not a sound archive: "):
            list(read_sentences(path))


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^corpus .*nowhere.txt does not exist$"):
        read_sentences(tmp_path / "nowhere.txt")
    with pytest.raises(IsADirectoryError, match=r"^corpus .* is a directory, a text file is expected$"):
        read_sentences(tmp_path)


def test_token_lists_pass_through():
    assert read_sentences(SENTENCES) is SENTENCES


def test_one_shot_iterators_are_refused():
    with pytest.raises(TypeError, match="one-shot generator: pass a list"):
        read_sentences(sentence for sentence in SENTENCES)
    with pytest.raises(TypeError, match="iterable of token lists, got int"):
        read_sentences(3)

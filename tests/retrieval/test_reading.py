"""`Interactions.read`: the layouts of files that are common, and a sentence with file and line for what is none."""

import bz2
import gzip
import io
import lzma
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from sampledsoftmax.retrieval import reading
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.layouts import FORMATS, Layout
from sampledsoftmax.retrieval.parsing import parsed_block, parsed_lines
from tests.retrieval.test_interactions import pairs_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(content, name="r.csv", **options):
    with open(name, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return Interactions.read(name, **options)


# Content, and the start of the note about it: all of them are the pairs of `THREE`.
THREE = {(1, 10), (1, 20), (2, 10)}
LAYOUTS = [
    ("1,10\n1,20\n2,10\n", "csv: no header, a line is a user, an item"),
    ("1,10,2.5\n1,20,3\n2,10,.5\n", "csv: no header, a line is a user, an item, then a rating"),
    ("1,10,2.5,99\n1,20,3,99\n2,10,1e0,99", "csv: no header, a line is a user, an item, then a rating"),
    ("1\t10\n1\t20\n2\t10\n", "tsv: no header, a line is a user, an item"),
    ("1;10\n1;20\n2;10\n", "semicolon: no header, a line is a user, an item"),
    (
        "1::10::5::978300760\n1::20::3::9\n2::10::4::9\n",
        "double colon: no header, a line is a user, an item, then",
    ),
    ("1 10\n1  20\n2\t10\n", "whitespace: no header, a line is a user, an item"),
    ("1 10 3\n1 20 4\n2 10 5\n", "whitespace: no header, a line is a user, an item, then a rating"),
    ("1 10 20\n2 10\n", "lists: a line is a user and the items of that user"),
    ("1 10 20\n3\n2 10 10 10 10 10\n", "lists: a line is a user and the items of that user"),
    ("user,item\n1,10\n1,20\n2,10\n", "csv with a header: users in 'user', items in 'item', no ratings"),
    (
        "rating,movieId,userId\n1,10,1\n2,20,1\n3,10,2\n",
        "csv with a header: users in 'userId', items in 'movieId', ratings in 'rating'",
    ),
    (
        'User-ID;"ISBN";"Book-Rating"\n"1";"10";"0"\n1;20;"5"\n2;10;3\n',
        "semicolon with a header: users in 'User-ID', items in 'ISBN', ratings in 'Book-Rating'",
    ),
    (
        ",user,item\n0,1,10\n1,1,20\n2,2,10\n",  # as pandas writes a table with its index
        "csv with a header: users in 'user', items in 'item', no ratings",
    ),
    (
        "user_id:token\titem_id:token\n1\t10\n1\t20\n2\t10\n",
        "tsv with a header: users in 'user_id:token', items in 'item_id:token', no ratings",
    ),
    (
        "userId,timestamp,recordId\n1,5,10\n1,5,20\n2,5,10\n",
        "csv with a header: users in 'userId', items in 'recordId', no ratings",
    ),
    ("who,what\n1,10\n1,20\n2,10\n", "csv: the first line is a header, a line is a user, an item"),
    (
        "who,what,how\n1,10,5\n1,20,4\n2,10,5\n",
        "csv: the first line is a header, a line is a user, an item, then",
    ),
]


@pytest.mark.parametrize(("content", "note"), LAYOUTS)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n"])
def test_layouts_are_told_apart(content, note, line_end):
    made = read(content.replace("\n", line_end))
    assert pairs_of(made) == THREE
    assert made.notes[0].startswith(f"r.csv: {note}")


@pytest.mark.parametrize("block_bytes", [1, 7, 64])
@pytest.mark.parametrize(("content", "note"), LAYOUTS)
def test_blocks_of_any_size_are_read_alike(content, note, block_bytes, monkeypatch):
    monkeypatch.setattr(reading, "_BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(reading, "_SAMPLE_LINES", 3)
    made = read(content + "\n".join(content.splitlines()[1:] * 4))
    assert pairs_of(made) == THREE
    assert made.notes[0].startswith(f"r.csv: {note}")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("last", ["7", "seven", "07", "-7", "7" * 18, "7" * 40])
def test_whole_blocks_and_single_lines_are_read_alike(form, last):
    """Whatever the last item is, the ints before it are parsed in the same way, and stay ints if it is one."""
    separator = {"csv": ",", "tsv": "\t", "semicolon": ";", "double_colon": "::"}.get(form, " ")
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, 10**6, (2, 200)) // 10 ** rng.integers(0, 6, 200)
    rows = [(str(user), str(item)) for user, item in zip(users, items, strict=True)] + [("3", last)]
    made = read("".join(separator.join(row) + "\n" for row in rows), format=form)
    assert {(str(user), str(item)) for user, item in pairs_of(made)} == set(rows)
    is_int = last in ("7", "-7", "7" * 18)
    assert {type(item) for item in made.item_ids} == {int if is_int else str}
    assert {type(user) for user in made.user_ids} == {int}


@pytest.mark.parametrize("form", ["csv", "whitespace", "lists"])
def test_ints_are_parsed_in_blocks(form):
    block = {"csv": b"1,7\n22,8\n", "whitespace": b" 1 7\n\n22\t8 \n", "lists": b"1 7\n5\n22 8\n"}[form]
    pairs = parsed_block(block, Layout(form))
    same = parsed_lines(block.decode().splitlines(keepends=True), Layout(form), "r", 1)
    assert pairs.users.tolist() == same.users.tolist() == [1, 22]
    assert pairs.items.tolist() == same.items.tolist() == [7, 8]


@pytest.mark.parametrize("text", ["0", "0.5", "4.25", "10", "3.", ".5", "123456789.12345"])
def test_ratings_are_the_numbers_that_python_reads(text):
    pairs = parsed_block(f"1,2,{text}\n".encode(), Layout("csv", rating=2))
    assert pairs.ratings.tolist() == [float(text)]


@pytest.mark.parametrize("text", [".", "1.2.3", "-1", "1e3", "", "1" * 16, " 1", "nan"])
def test_other_ratings_are_left_to_python(text):
    assert parsed_block(f"1,2,{text}\n".encode(), Layout("csv", rating=2)) is None


def test_ids_are_kept_as_they_are_written():
    assert read("007,1\n8,01\n").user_ids == ["007", "8"]
    assert read('"a,b", x y \n"say ""hi""",1\n').user_ids == ["a,b", 'say "hi"']
    assert pairs_of(read("ann|x::1\nbob::2\n")) == {("ann|x", 1), ("bob", 2)}
    assert read("é,1\nz,1\n").user_ids == ["z", "é"]
    assert read(b"caf\xe9,1\n", encoding="latin1").user_ids == ["café"]
    assert read("\ufeffann,1\n".encode("utf-16"), encoding="utf-16").user_ids == ["ann"]
    assert read(b"a\xff,1\nb,1\n", errors="ignore").user_ids == ["a", "b"]


def test_ratings_select_lines():
    content = "user,item,rating\n" + "".join(f"{i},{i},{i % 10 / 2}\n" for i in range(100))
    made = read(content, min_rating=4)
    assert made.num_pairs == 20
    assert made.notes[1:] == ("20 of 100 pairs with a rating of at least 4: kept",)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, lambda data: data])
def test_compressed_files_are_told_by_their_content(compress):
    assert pairs_of(read(compress(b"1,10\n1,20\n2,10\n"), "pairs")) == THREE


def test_zstandard_is_read_with_its_extra():
    zstandard = pytest.importorskip("zstandard")
    assert pairs_of(read(zstandard.compress(b"1,10\n1,20\n2,10\n"), "pairs.zst")) == THREE


def test_folders_patterns_lists_and_standard_input(folder, monkeypatch):
    (folder / "parts").mkdir()
    (folder / "parts" / "a.csv").write_text("user,item,rating\n1,10,5\n")
    (folder / "parts" / "b.txt").write_text("1 20\n2 10\n")
    for path in ("parts", "parts/*", ["parts/a.csv", folder / "parts" / "b.txt"]):
        made = Interactions.read(path)
        assert pairs_of(made) == THREE
        assert len(made.notes) == 2
    with pytest.raises(ValueError, match=r"^min_rating=3 needs ratings, and there are none$"):
        Interactions.read("parts", min_rating=3)
    (folder / "parts" / "c.csv").write_text("x,10\n")
    assert pairs_of(Interactions.read("parts")) == {("1", 10), ("1", 20), ("2", 10), ("x", 10)}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1,10\n1,20\n2,10\n")))
    made = Interactions.read("-")
    assert pairs_of(made) == THREE
    assert made.notes[0].startswith("standard input: csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_a_pipe_is_read(folder):
    os.mkfifo(folder / "pipe")
    writer = threading.Thread(target=lambda: (folder / "pipe").write_text("1,10\n1,20\n2,10\n"))
    writer.start()
    assert pairs_of(Interactions.read(folder / "pipe")) == THREE
    writer.join()


# What is read, how, and the start of the message.
MISTAKES = [
    ("", {}, " is empty: lines of a user and an item are expected"),
    (" \n\n", {}, " is empty: lines of a user and an item are expected"),
    ("user,item\n", {}, ": no line has a user and an item"),
    ("1\n", {"format": "lists"}, ": no line has a user and an item"),
    ("1,2\n3\n4,5\n", {}, ", line 2 has 1 column, a user and an item are expected: '3'"),
    ("1,2,3\n\n4,5\n", {}, ", line 3 has 2 columns, a user, an item and a rating are expected: '4,5'"),
    ("a\nb\n", {}, ", line 1 has 1 column, a user and an item are expected: 'a'; format='lists' reads lines"),
    ("a,1\nb,\n", {}, ", line 2 has an empty item: 'b,'"),
    ("user,item\n,5\n", {}, ", line 2 has an empty user: ',5'"),
    ("1,2,5\n1,3,nan\n", {}, ", line 2: the rating is nan, a finite number is expected: leave the line out"),
    ("user,item,rating\n1,2,-inf\n", {}, ", line 2: the rating is -inf, a finite number is expected"),
    ("user,item,rating\n1,2,good\n", {}, ", line 2: the rating is no number: 'good'"),
    ("1,2,good\n", {}, ", line 1: the rating is no number: 'good'; without a header that names columns the third"),
    ("1,2,\n", {}, ", line 1: the rating is no number: ''; without a header that names columns the third one is"),
    ("movieId,title\n1,Heat\n", {}, ", line 1 seems to be a header without a column of users, such as userId: "),
    ("user,stars\n1,5\n", {}, ", line 1 seems to be a header without a column of items, such as itemId: 'user,stars'"),
    ('a,1\n"b,2\nc,3\n', {}, ", line 2: a quotation mark is not closed"),
    ('a,1\n"b"c,2\n', {}, ", line 2: ',' expected after '\"'"),
    ("a,1\nb,2\n" + "d" * 200_000 + ",3\n", {}, ", line 3: a field has more than 131,072 characters: it is no text"),
    ("a\0b,1\n", {}, " is not text: it has a NUL at position 1, in line 1; it may be a file of another kind"),
    (b"a,1\n\xe9,1\n", {}, " is not UTF-8: byte 0xe9 at position 4, in line 2; set encoding to that of the file"),
    (b"PK\x03\x04", {}, " is a zip archive, or a document that is one (.docx, .odt, .epub): extract it, and name"),
    (gzip.compress(b"1,2\n" * 99, mtime=0)[:-9], {}, " is not a valid compressed file: Compressed file ended before"),
    ("1,2\n", {"format": "xls"}, "format must be one of 'csv', 'tsv', 'semicolon', 'double_colon', 'whitespace'"),
    ("1,2\n", {"header": 1}, "header must be True or False, got int 1"),
    ("1,2\n", {"min_rating": 1}, "min_rating=1 needs ratings, and there are none"),
    ("1,2\n", {"min_rating": "5"}, "min_rating must be a number, got str '5'"),
    ("1,2\n", {"encoding": "utf-9"}, "encoding must be one that Python knows, such as 'utf-8', 'cp1252', "),
    ("1,2\n", {"errors": "skip"}, "errors must be one of 'strict', 'replace', 'ignore', got 'skip'"),
]


@pytest.mark.parametrize(("content", "options", "message"), MISTAKES)
def test_mistakes_are_one_line_with_file_and_line(content, options, message):
    start = f"r.csv{message}" if message[0] in " ,:" else message
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(start)}") as caught:
        read(content, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.csv", "nowhere.csv does not exist"),
        ("", "path is empty: name a file, or a folder such as . for the current one"),
        (None, "path must be a path, got NoneType None"),
        (["r.csv", 3], "path must be a path, got int 3"),
        ([], "path is an empty list: name at least one file"),
        ("empty", "empty is a directory without files"),
        ("*.tsv", "*.tsv matches no file"),
        (["-", "-"], "path names standard input, -, more than once: it can be read only once"),
    ],
)
def test_mistakes_in_paths_are_one_line(path, message, folder):
    (folder / "empty").mkdir()
    read("1,2\n")
    with pytest.raises((TypeError, ValueError, OSError), match=f"^{re.escape(message)}$"):
        Interactions.read(path)


def test_lines_after_a_header_that_is_no_header():
    made = read("user,item\nann,7\n", header=False)
    assert pairs_of(made) == {("user", "item"), ("ann", "7")}
    assert pairs_of(read("ann,tea\nbob,milk\n", header=True)) == {("bob", "milk")}
    assert pairs_of(read("1 2 3\n4 5 6\n", format="lists")) == {(1, 2), (1, 3), (4, 5), (4, 6)}
    assert pairs_of(read("movieId,title\n1,2\n", header=True)) == {(1, 2)}


def test_real_data_has_the_sizes_that_its_readme_states():
    data = Path(__file__).parents[3] / "shared" / "data"
    if not (data / "ratings.csv.gz").exists():
        pytest.skip("the shared data is not here")
    assert repr(Interactions.read(data / "ratings.csv.gz")) == "Interactions(671 users, 9,066 items, 100,004 pairs)"
    test = Interactions.read(data / "gowalla-test.txt.gz")
    assert test.num_pairs == 217_242

"""Counts from files: three formats, and errors with the line number."""

import re

import pytest

from sampledsoftmax.diagnostics import read_counts


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "counts.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "counts", "names"),
    [
        ("3\n2\n", [3, 2], ["0", "1"]),
        ("3\r\n\r\n2.5", [3, 2.5], ["0", "1"]),
        ("the 3\nNew York 2\n", [3, 2], ["the", "New York"]),
        ("7\t3\n7\t1e2\n", [3, 100], ["7", "7"]),
        ("the,3\na,b,2\n", [3, 2], ["the", "a,b"]),
        ("2,30\n0,10\n1,20\n", [10, 20, 30], ["0", "1", "2"]),
        ("\ufeff3\n0\n", [3, 0], ["0", "1"]),
        ("die,3\nfür,2\n", [3, 2], ["die", "für"]),
    ],
)
def test_formats(written, text, counts, names):
    found = read_counts(written(text))
    assert found.counts.tolist() == counts
    assert found.names == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no counts"),
        ("\n \n", "holds no counts"),
        ("word,count\nthe,3\n", "line 1: expected a count, a number of at least 0 (there is no header line)"),
        ("3\n\n-1\n", "line 3: expected a count, a number of at least 0"),
        ("3\nnan\n", "line 2: expected a count"),
        ("3\ninf\n", "line 2: expected a count"),
        ("3\n1_0\n", "line 2: expected a count"),
        ("the 3\n2\n", "line 2: expected a word, white space and a count, as in the lines before; got '2'"),
        ("3\nthe 2\n", "line 2: expected a count, as in the lines before; got 'the 2'"),
        ("the 3\na,2\n", "line 2: expected a word, white space and a count, as in the lines before; got 'a,2'"),
        ("0,3\n2,2\n", "line 2: expected an id below 2, the number of counts: each id once; got '2'"),
        ("0,3\n0,2\n", "line 2: expected each id once, and line 1 already has it; got '0'"),
        ("0,3\nthe,2\n", "line 2: expected a whole number as id, as in the lines before; got 'the'"),
        (b"3\n\xff\xfe\n", "is not UTF-8 text: invalid start byte"),
        ("the 3\na\0b 2\n", "line 2: expected text: a NUL is the sign of UTF-16 or of an archive; got 'a\\x00b 2'"),
        ("3\n2\n".encode("utf-16-le"), "line 1: expected text: a NUL is the sign of UTF-16 or of an archive"),
        ("\0" * 10_000, "line 1: expected text: a NUL is the sign of UTF-16 or of an archive"),
        ("the " + "9" * 5000 + "x", "line 1: expected a count, a number of at least 0 (there is no header line)"),
        ("the " + "9" * 5000, "line 1: expected a count, a number of at least 0"),
        ("-3\n", "line 1: expected a count, a number of at least 0"),
    ],
)  # fmt: skip
def test_errors_name_the_line(written, text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        read_counts(written(text))
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("", IsADirectoryError, "counts file '.' is a directory"),
        ("n" * 10_000, ValueError, "has 10000 characters"),
        ("a\0b", ValueError, "holds a NUL"),
        (None, TypeError, "path must be a path, got NoneType None"),
        (7, TypeError, "path must be a path, got int 7"),
    ],
)
def test_what_is_no_path_is_refused(path, error, message):
    with pytest.raises(error) as raised:
        read_counts(path)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 400


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"counts file '.*nowhere' does not exist"):
        read_counts(tmp_path / "nowhere")

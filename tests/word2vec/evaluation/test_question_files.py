"""Files of questions as they are found: numbers and words are read, or refused with their line."""

import bz2
import gzip

import numpy as np
import pytest

from sampledsoftmax.cli import main
from sampledsoftmax.word2vec.evaluation.analogies import evaluate_analogies
from sampledsoftmax.word2vec.evaluation.similarities import evaluate_similarities
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

VECTORS = WordVectors(["a", "b", "c", "d", 7], np.array([[1, 0], [1, 0.1], [1, 1], [0, 1.0], [1, 0.5]]))


@pytest.mark.parametrize(
    "score",
    ["nan", "NaN", "inf", "-inf", "Infinity", "1e400", "NA", "N/A", "null", "None", "?", "", "1_0", "0x1", "7,5"],
)
@pytest.mark.parametrize("lines", ["a\tb\t{}\na\tc\t2\n", "a\tc\t2\na\tb\t{}\n", "w1\tw2\tscore\na\tb\t{}\na\tc\t2\n"])
def test_a_score_that_is_no_finite_number_is_refused(tmp_path, lines, score):
    text = lines.format(score)
    (tmp_path / "pairs").write_text(text)
    number = next(i for i, line in enumerate(text.split("\n"), start=1) if line.startswith("a\tb"))
    with pytest.raises(ValueError, match=rf"pairs, line {number}: two words and a number"):
        evaluate_similarities(VECTORS, tmp_path / "pairs")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a b A 3.5\na c NA 2\na d A 1\n", "line 2: two words and a number as field 4 are expected"),
        ("a b A 3.5\na c 2\n", "line 2: two words and a number as field 4"),
        ("a b NA 3.5\n", "line 1: two words and a number"),
        ("a b 3.5\na c x 2\n", "line 2: two words and a number as field 3"),
        ("a b\na c 2\n", "line 1: two words and a number are expected, got 'a b'"),
        ("a b 1\nw1 w2 score\n", "line 2"),
        ("a b 1\n" + "x" * 100_000 + "\n", "line 2: .*x{50,80}"),
    ],
)
def test_scores_are_those_of_one_column(tmp_path, lines, message):
    (tmp_path / "pairs").write_text(lines)
    with pytest.raises(ValueError, match=message) as raised:
        evaluate_similarities(VECTORS, tmp_path / "pairs")
    assert len(str(raised.value)) < 400


def test_an_incomplete_column_after_the_score_is_not_looked_at(tmp_path):
    (tmp_path / "pairs").write_text("w1\tw2\tPOS\tscore\tother\na\tb\tA\t3\tNA\na\tc\tA\t2\tnan\na\td\tA\t1\t\n")
    assert evaluate_similarities(VECTORS, tmp_path / "pairs").spearman == pytest.approx(1.0)


CONTENT = b"a b 3\na c 2\na d 1\n"
FORMS = {
    "plain": CONTENT,
    "mark": b"\xef\xbb\xbf" + CONTENT,
    "carriage returns": CONTENT.replace(b"\n", b"\r\n"),
    "empty lines": b"\n\n" + CONTENT.replace(b"\n", b"\n\n"),
    "no end": CONTENT[:-1],
    "gzip": gzip.compress(CONTENT),
    "bzip2": bz2.compress(CONTENT),
    "a header after a mark": b"\xef\xbb\xbfw1 w2 score\n" + CONTENT,
    "repeated pairs": CONTENT * 2,
    "large scores": b"a b 1e308\na c 0\na d -1e308\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_pairs_as_they_are_found(tmp_path, name):
    (tmp_path / "pairs").write_bytes(FORMS[name])
    scores = evaluate_similarities(VECTORS, tmp_path / "pairs")
    assert scores.spearman == pytest.approx(1.0)
    assert np.isfinite(scores.pearson)
    assert scores.covered == scores.pairs == (6 if name == "repeated pairs" else 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no"),
        (b"\n\n", "has no"),
        (": x\na b c d\n".encode("utf-16"), "line 1: byte 1 of the line is not UTF-8: convert the file to UTF-8"),
        (": x\na b c d\n".encode("utf-16-le"), "line 1 has a null character, as in UTF-16"),
        (": x\na b c d\na b c\xe9 d 1\n".encode("latin-1"), "line [13]: byte \\d+ of the line is not UTF-8|line 1"),
        (b": x\na b 1\0 d\n", "line [12]"),
        (bz2.compress(b": x\na b c d\n")[:-4], "damaged bzip2 file|line 1: two words and a number"),
        (gzip.compress(b": x\na b c d\n", mtime=0)[:-4], "damaged gzip file|line 1: two words and a number"),
    ],
)
def test_files_that_are_no_questions(tmp_path, content, message):
    (tmp_path / "questions").write_bytes(content)
    for evaluate in (evaluate_analogies, evaluate_similarities):
        with pytest.raises(ValueError, match=message) as raised:
            evaluate(VECTORS, tmp_path / "questions")
        assert "questions" in str(raised.value)


def test_questions_of_words_that_are_ints(tmp_path):
    (tmp_path / "pairs").write_text("a 7 1\nb 7 2\nc 7 3\n")
    assert evaluate_similarities(VECTORS, tmp_path / "pairs").covered == 3
    (tmp_path / "questions").write_text(": x\na b c 7\na 7 b c\n")
    assert evaluate_analogies(VECTORS, tmp_path / "questions").total.covered == 2


def test_what_is_no_word_vectors_is_refused(tmp_path):
    (tmp_path / "pairs").write_bytes(CONTENT)
    for wrong in ({"a": [1.0]}, np.eye(2), None):
        with pytest.raises(TypeError, match="vectors must be WordVectors, got"):
            evaluate_similarities(wrong, tmp_path / "pairs")
        with pytest.raises(TypeError, match="vectors must be WordVectors, got"):
            evaluate_analogies(wrong, tmp_path / "pairs")


def test_the_command_names_the_line(tmp_path, capsys):
    VECTORS.save(tmp_path / "v.zip")
    (tmp_path / "pairs").write_text("a b nan\n")
    assert main(["evaluate", str(tmp_path / "v.zip"), "--similarities", str(tmp_path / "pairs")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "line 1: two words and a number are expected, got 'a b nan'" in lines[0]

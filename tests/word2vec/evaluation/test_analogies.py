import gzip

import numpy as np
import pytest

from sampledsoftmax.word2vec.evaluation import analogies
from sampledsoftmax.word2vec.evaluation.analogies import Section, evaluate_analogies
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors
from tests.word2vec.evaluation.data import data, related

WORDS = ["man", "King", "woman", "queen", "KING", "far", "Queen"]
SQUARE = np.array([[1, 0], [1, 1], [0, 0.1], [0.1, 1], [1, 1.1], [-1, -1], [0.1, 0.9]], np.float32)
VECTORS = WordVectors(WORDS, SQUARE)


def file_of(tmp_path, text):
    path = tmp_path / "questions.txt"
    path.write_text(text)
    return path


def test_sections_and_coverage(tmp_path):
    text = ": family\nman king woman queen\nman king woman far\n\nman king girl princess\n: empty\n: none\na b c d\n"
    scores = evaluate_analogies(VECTORS, file_of(tmp_path, text))
    assert scores.sections == [Section("family", 1, 2, 3), Section("empty", 0, 0, 0), Section("none", 0, 0, 1)]
    assert scores.total == Section("total", 1, 2, 4)
    assert scores.total.accuracy == 0.5
    assert np.isnan(scores.sections[1].accuracy)


def test_case(tmp_path):
    path = file_of(tmp_path, ": family\nMAN king woman QUEEN\n")
    assert evaluate_analogies(VECTORS, path).total == Section("total", 1, 1, 1)
    assert evaluate_analogies(VECTORS, path, case_insensitive=False).total == Section("total", 0, 0, 1)
    path = file_of(tmp_path, ": family\nman King woman queen\nman King woman KING\n")
    # KING is an answer of its own here: nearer than queen to the second question's target
    assert evaluate_analogies(VECTORS, path, case_insensitive=False).total.covered == 2


def test_variants_of_the_words_asked_are_no_answer(tmp_path):
    vectors = WordVectors(["a", "b", "c", "B", "d"], np.array([[1, 0], [0, 1], [1, 0.1], [0, 1], [0.3, 1.0]]))
    path = file_of(tmp_path, ": s\na b c d\n")
    assert evaluate_analogies(vectors, path).total.correct == 1
    assert evaluate_analogies(vectors, path, case_insensitive=False).total.correct == 0


def test_restrict_vocab_bounds_questions_and_answers(tmp_path):
    path = file_of(tmp_path, ": family\nman king woman queen\n")
    assert evaluate_analogies(VECTORS, path, restrict_vocab=4).total == Section("total", 1, 1, 1)
    assert evaluate_analogies(VECTORS, path, restrict_vocab=3).total == Section("total", 0, 0, 1)
    with pytest.raises(ValueError, match="restrict_vocab must be at least 1, got 0"):
        evaluate_analogies(VECTORS, path, restrict_vocab=0)


def test_no_word_is_left_to_answer(tmp_path):
    vectors = WordVectors(["a", "b", "c"], np.eye(3))
    assert evaluate_analogies(vectors, file_of(tmp_path, ": s\na b c a\n")).total == Section("total", 0, 1, 1)


def test_blocks_change_nothing(tmp_path, monkeypatch):
    words = [f"w{i}" for i in range(30)]
    vectors = related(words)
    text = ": s\n" + "".join(f"w{i} w{i + 1} w{i + 2} w{i + 3}\n" for i in range(27))
    path = file_of(tmp_path, text)
    whole = evaluate_analogies(vectors, path)
    assert 0 < whole.total.correct < 27
    for block in (1, 30 * 7):
        monkeypatch.setattr(analogies, "_BLOCK", block)
        assert evaluate_analogies(vectors, path) == whole


def test_answers_are_those_of_most_similar(tmp_path):
    words = [f"w{i}" for i in range(40)]
    vectors = related(words, seed=3)
    rng = np.random.default_rng(1)
    asked = [[words[i] for i in rng.choice(40, 3, replace=False)] for _ in range(60)]
    right = [f"{a} {b} {c} {vectors.analogy(a, b, c, topn=1)[0][0]}" for a, b, c in asked]
    assert evaluate_analogies(vectors, file_of(tmp_path, ": s\n" + "\n".join(right))).total.correct == 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no questions"),
        (": s\n", "has no questions"),
        ("a b c d\n", 'line 1: a line ": section" is expected first'),
        (": s\na b c\n", "line 2: four words are expected, got 3: 'a b c'"),
        (": s\n\na b c d e\n", "line 3: four words are expected, got 5"),
    ],
)
def test_damaged_files_are_named_with_their_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        evaluate_analogies(VECTORS, file_of(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        evaluate_analogies(VECTORS, tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError, match="is a directory, a file of questions is expected"):
        evaluate_analogies(VECTORS, tmp_path)
    (tmp_path / "bytes").write_bytes(b": s\na b \xff d\n")
    with pytest.raises(ValueError, match="line 2: byte 5 of the line is not UTF-8"):
        evaluate_analogies(VECTORS, tmp_path / "bytes")
    (tmp_path / "half.gz").write_bytes(gzip.compress(b": s\na b c d\n")[:-6])
    with pytest.raises(ValueError, match="is a damaged gzip file"):
        evaluate_analogies(VECTORS, tmp_path / "half.gz")


@pytest.mark.parametrize("case_insensitive", [True, False])
def test_the_numbers_of_gensim(tmp_path, case_insensitive):
    gensim = pytest.importorskip("gensim.models")
    path = data("questions-words.txt.gz")
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    asked = dict.fromkeys(word for line in lines if not line.startswith(":") for word in line.split())
    words = [word if i % 3 else word.lower() for i, word in enumerate(asked)]
    vectors = related(list(dict.fromkeys(words + words[::7] + [word.upper() for word in words[::5]])))
    some = tmp_path / "questions"
    some.write_text("\n".join(line for i, line in enumerate(lines) if line.startswith(":") or i % 10 == 0))
    peer = gensim.KeyedVectors(24)
    peer.add_vectors(vectors.words, vectors.vectors)
    limit = len(vectors) - 50
    theirs = peer.evaluate_word_analogies(some, restrict_vocab=limit, case_insensitive=case_insensitive)[1]
    ours = evaluate_analogies(vectors, some, limit, case_insensitive)
    found = [(s.name, s.correct, s.covered) for s in ours.sections]
    assert found == [(s["section"], len(s["correct"]), len(s["correct"]) + len(s["incorrect"])) for s in theirs[:-1]]
    assert ours.total.correct == len(theirs[-1]["correct"]) > 20

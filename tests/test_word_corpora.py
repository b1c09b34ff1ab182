"""The corpora of the benchmark `word-corpora`, and its table."""

import gzip

import pytest

from benchmarks.words import corpora
from benchmarks.words.corpora import Corpus, make
from benchmarks.words.report import corpora_table


@pytest.fixture
def english(tmp_path):
    path = tmp_path / "english.txt.gz"
    path.write_bytes(gzip.compress(b"one two three\nfour five\nsix\n"))
    return path


@pytest.mark.parametrize(
    ("num_words", "text"), [(0, "one two three\nfour five\nsix\n"), (4, "one two three\nfour five\n")]
)
def test_the_beginning_of_the_english_text_is_whole_lines(monkeypatch, tmp_path, english, num_words, text):
    monkeypatch.setitem(corpora.CORPORA, "a, b", Corpus(num_words=num_words))
    path = make("a, b", tmp_path / "new", english)
    assert (path.name, path.read_text()) == ("a-b.txt", text)
    path.write_text("kept")
    assert make("a, b", tmp_path / "new", english).read_text() == "kept"


def test_paragraphs_of_packages_are_lines_of_words(monkeypatch, tmp_path, english):
    page = "<style>p { color: red }</style><p>The <b>cat</b> sat.</p><p>Two&amp;three 4 dogs</p><p>alone</p>"
    for name, content in (("b.html", page), ("a.html", "<div>First page</div>"), ("c.txt", "not taken, no")):
        path = tmp_path / "packages" / "manual" / "doc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setitem(corpora.CORPORA, "manual", Corpus(("manual",), "**/*.html", corpora._from_html))
    text = make("manual", tmp_path, english).read_text()
    assert text == "first page\nthe cat sat\ntwo three dogs\n"


def test_man_pages_lose_their_requests():
    page = '.\\" a comment\n.SH NAME\ncat \\- show \\fIfiles\\fP\n.PP\n.B Warning\nis \\[lq]bold\\[rq]\n'
    paragraphs = [corpora._WORD.findall(part) for part in corpora._PARAGRAPH.split(corpora._from_roff(page))]
    assert [words for words in paragraphs if words] == [["cat", "show", "files"], ["Warning", "is", "bold"]]


def test_the_table_has_a_column_for_each_corpus():
    runs = [
        {"corpus": "a", "contestant": "ours", "epochs": 3, "wordsim": 0.5},
        {"corpus": "a", "contestant": "ours", "epochs": 3, "wordsim": 0.7},
        {"corpus": "b", "contestant": "ours", "epochs": 3},
        {"corpus": "a", "contestant": "gensim 0.05", "epochs": 1, "failed": "it diverged"},
    ]
    lines = corpora_table(runs).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["score", "epochs", "contestant", "a", "b"]
    assert cells[2] == ["WordSim", "1", "ours", "", ""]
    assert cells[3] == ["WordSim", "1", "gensim 0.05", "1 of 1 diverged", ""]
    assert cells[4] == ["WordSim", "3", "ours", "0.600", ""]
    assert cells[16] == ["seeds", "3", "ours", "2", "1"]

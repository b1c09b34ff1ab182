import numpy as np
import pytest

from sampledsoftmax.word2vec.evaluation.similarities import average_ranks, evaluate_similarities, pearson, spearman
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors
from tests.word2vec.evaluation.data import data, related

VECTORS = WordVectors(["a", "b", "c", "d"], np.array([[1, 0], [1, 0.1], [1, 1], [0, 1.0]]))
PAIRS = [("a", "b", 9.0), ("a", "c", 1.0), ("a", "d", 2.0), ("a", "e", 3.0)]


@pytest.mark.parametrize(
    ("separator", "before", "after"),
    [
        ("\t", "# judged by people\n", ""),
        (" ", "Word1 Word2 score\n\n", ""),
        (",", "Word 1,Word 2,Human (mean)\n", ""),
        ("\t", "word1\tword2\tPOS\tSimLex999\tconc\n# more\n", "\t4.5"),
        ("  ", "", "\n#end"),
    ],
)
def test_the_formats_in_use(tmp_path, separator, before, after):
    path = tmp_path / "pairs"
    kind = f"{separator}A" if "POS" in before else ""
    lines = [f"{a}{separator}{b.upper()}{kind}{separator}{score}{after}" for a, b, score in PAIRS]
    path.write_text(before + "\n".join(lines))
    scores = evaluate_similarities(VECTORS, path)
    assert (scores.covered, scores.pairs) == (3, 4)
    cosines = [VECTORS.similarity(a, b) for a, b, _ in PAIRS[:3]]
    np.testing.assert_allclose(scores.spearman, spearman([9, 1, 2], cosines))
    np.testing.assert_allclose(scores.pearson, np.corrcoef([9, 1, 2], cosines)[0, 1])
    assert evaluate_similarities(VECTORS, path, case_insensitive=False).covered == 0
    assert evaluate_similarities(VECTORS, path, restrict_vocab=2).covered == 1
    assert np.isnan(evaluate_similarities(VECTORS, path, restrict_vocab=2).spearman)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no pairs"),
        ("# only\nword1 word2 score\n", "has no pairs"),
        ("head\n\nold new\n", "line 3: two words and a number are expected, got 'old new'"),
        ("old new 1\nold new one\n", "line 2: two words and a number"),
    ],
)
def test_damaged_files_are_named_with_their_line(tmp_path, text, message):
    (tmp_path / "pairs").write_text(text)
    with pytest.raises(ValueError, match=message):
        evaluate_similarities(VECTORS, tmp_path / "pairs")


@pytest.mark.parametrize("size", [2, 3, 65])
def test_correlations_are_those_of_scipy(size):
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(size)
    a, b = rng.normal(size=size), rng.integers(0, max(2, size // 3), size)
    b[:2] = 0, 1
    np.testing.assert_array_equal(average_ranks(b), stats.rankdata(b))
    np.testing.assert_allclose(spearman(a, b), stats.spearmanr(a, b).statistic, atol=1e-12)
    np.testing.assert_allclose(pearson(a, b), stats.pearsonr(a, b).statistic, atol=1e-12)


def test_correlations_that_do_not_exist():
    assert np.isnan(spearman([], []))
    assert np.isnan(pearson([1.0], [2.0]))
    assert np.isnan(spearman([1.0, 2.0], [3.0, 3.0]))
    assert pearson([1e-300, 2e-300, 4e-300], [1.0, 2.0, 4.0]) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["wordsim353.tsv", "simlex999.txt"])
def test_the_numbers_of_gensim(name):
    gensim = pytest.importorskip("gensim.models")
    path = data(name)
    words = dict.fromkeys(
        word.lower() for line in path.read_text().split("\n") if line[:1] != "#" for word in line.split("\t")[:2]
    )
    vectors = related([word for word in words if word][:-20])
    peer = gensim.KeyedVectors(24)
    peer.add_vectors(vectors.words, vectors.vectors)
    theirs = peer.evaluate_word_pairs(path)
    ours = evaluate_similarities(vectors, path)
    np.testing.assert_allclose(ours.spearman, theirs[1].statistic, atol=1e-6)
    np.testing.assert_allclose(ours.pearson, theirs[0].statistic, atol=1e-6)
    assert 0 < ours.covered < ours.pairs
    np.testing.assert_allclose(100 * (1 - ours.covered / ours.pairs), theirs[2])

"""What gensim's own tests ask of models of the small corpus that it ships: 300 news texts of the year 2001."""

import pytest

import sampledsoftmax as ss

pytestmark = pytest.mark.compiled


@pytest.fixture(scope="module")
def texts():
    return pytest.importorskip("gensim.test.utils", reason="gensim, which has the corpus, is not installed").LeeCorpus()


@pytest.mark.parametrize("sg", [True, False], ids=["skip-gram", "CBOW"])
def test_words_of_one_event_are_near_each_other(texts, sg):
    """The sizes of gensim's test_cbow_neg, and its bound."""
    model = ss.Word2Vec(texts, sg=sg, min_count=5, epochs=10, sample=0)
    assert model.wv.rank("attacks", "bombings") <= 50
    context = ["prime", "ariel", "sharon"]  # skip-gram predicts these as well: words of a phrase are near each other
    predicted = [word for word, _ in model.predict_output_word(context, topn=4)]
    assert next(word for word in predicted if word not in context) == "minister"


def test_two_sides_are_near_each_other(texts):
    """The dimension of gensim's test_parallel and its bound, with a tenth of its text."""
    model = ss.Word2Vec(texts, vector_size=16, min_count=10, epochs=20)
    assert model.wv.rank("israeli", "palestinian") <= 6

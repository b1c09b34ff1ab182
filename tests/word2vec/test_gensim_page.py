"""The page for users of gensim: it names all that gensim has, and what it says of each name is so."""

import inspect
import re
from pathlib import Path

import pytest

import sampledsoftmax as ss
from sampledsoftmax.word2vec.vectors.left_out import LEFT_OUT
from tests.word2vec.test_word2vec import SMALL, two_worlds

pytestmark = pytest.mark.compiled

PAGE = Path(__file__).parents[2] / "docs" / "gensim.md"
# On the page, but not in gensim 4.4: names of gensim 3, and an attribute that saved vectors have.
OLDER = {"Arguments of `Word2Vec`": {"size", "iter"}, "`model.wv`, `KeyedVectors`": {"lifecycle_events"}}
CALLS = {"Arguments of `train`": ss.Word2Vec.train, "Arguments of `build_vocab`": ss.Word2Vec.build_vocab}


def section(title):
    """Return the rows of the table of a section: name -> (status, notes)."""
    body = PAGE.read_text(encoding="utf-8").split(f"### {title}\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\w ]+?) \| ?(.*?) ?\|$", body, re.MULTILINE)
    assert len({name for name, _, _ in rows}) == len(rows) == body.count("\n| `")
    return {name: (status, notes) for name, status, notes in rows}


def of_status(title, *statuses):
    return [name for name, (status, _) in section(title).items() if status in statuses]


ARGUMENTS = "Arguments of `Word2Vec`"
MODEL = "Methods and attributes of a model"
VECTORS = "`model.wv`, `KeyedVectors`"
TITLES = [ARGUMENTS, *CALLS, MODEL, VECTORS]


@pytest.fixture(scope="module")
def model():
    return ss.Word2Vec(two_worlds(), **SMALL)


def names_of_gensim():
    models = pytest.importorskip("gensim.models")
    model = models.Word2Vec([["to", "be"]], min_count=1, vector_size=2)
    of = {
        ARGUMENTS: inspect.signature(models.Word2Vec).parameters,
        "Arguments of `train`": inspect.signature(model.train).parameters,
        "Arguments of `build_vocab`": inspect.signature(model.build_vocab).parameters,
        MODEL: dir(model),
        VECTORS: dir(model.wv),
    }
    return {title: {name for name in names if not name.startswith("_")} - {"kwargs"} for title, names in of.items()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_name_of_gensim_is_on_the_page():
    for title, names in names_of_gensim().items():
        assert names == set(section(title)) - OLDER.get(title, set()), title


@pytest.mark.parametrize("title", TITLES)
def test_a_name_is_same_or_differs_or_is_refused(title):
    rows = section(title)
    assert {status for status, _ in rows.values()} <= {"same", "differs", "fixed", "left out"}
    assert all(notes for status, notes in rows.values() if status == "differs")


# What a user of gensim gives: its default where it has one, else a value that is usual.
GIVEN = {
    "sentences": None,
    "corpus_file": None,
    "vector_size": 50,
    "alpha": 0.025,
    "window": 3,
    "min_count": 2,
    "max_vocab_size": None,
    "sample": 1e-4,
    "seed": 3,
    "workers": 3,
    "min_alpha": 1e-4,
    "sg": 0,
    "hs": 0,
    "negative": 5,
    "ns_exponent": 0.75,
    "cbow_mean": 1,
    "hashfxn": hash,
    "epochs": 2,
    "null_word": 0,
    "trim_rule": None,
    "sorted_vocab": 1,
    "batch_words": 10000,
    "compute_loss": True,
    "callbacks": (),
    "comment": None,
    "max_final_vocab": None,
    "shrink_windows": False,
    "size": 50,
    "iter": 2,
    "total_examples": 60,
    "total_words": 300,
    "start_alpha": 0.025,
    "end_alpha": 1e-4,
    "word_count": 0,
    "queue_factor": 2,
    "report_delay": 1.0,
    "update": False,
    "progress_per": 10000,
    "keep_raw_vocab": False,
}
OTHER = {
    "max_vocab_size": 9,
    "hs": 1,
    "cbow_mean": 0,
    "hashfxn": len,
    "null_word": 1,
    "trim_rule": print,
    "sorted_vocab": 0,
    "batch_words": 50,
    "comment": "first",
    "max_final_vocab": 9,
    "word_count": 5,
    "queue_factor": 3,
    "report_delay": 9.0,
    "progress_per": 5,
    "keep_raw_vocab": True,
}


@pytest.mark.parametrize("name", section(ARGUMENTS))
def test_arguments_of_the_constructor(name):
    status, _ = section(ARGUMENTS)[name]
    if status != "left out":
        ss.Word2Vec(**{name: GIVEN[name]})
    if status in ("fixed", "left out"):
        with pytest.raises(ValueError, match=f"{name}=.* is not offered: "):
            ss.Word2Vec(**{name: {**GIVEN, **OTHER}[name]})


@pytest.mark.parametrize(("title", "name"), [(title, name) for title in CALLS for name in section(title)])
def test_arguments_of_train_and_build_vocab(title, name, tmp_path):
    status, _ = section(title)[name]
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in two_worlds()))
    given = {**GIVEN, "corpus_iterable": two_worlds(), "corpus_file": str(path)}
    corpus = {} if name.startswith("corpus") else {"corpus_iterable": two_worlds()}
    if status != "left out":
        CALLS[title](ss.Word2Vec(**SMALL), **corpus, **{name: given[name]})
    if status in ("fixed", "left out"):
        with pytest.raises(ValueError, match=f"{name}=.* is not offered: "):
            CALLS[title](ss.Word2Vec(**SMALL), **corpus, **{name: {**given, **OTHER}[name]})


@pytest.mark.parametrize("title", [MODEL, VECTORS])
def test_methods_and_attributes(title, model):
    owner = model if title == MODEL else model.wv
    for name in of_status(title, "same", "differs"):
        assert hasattr(owner, name), name
    for name in of_status(title, "left out"):
        assert not hasattr(owner, name), name
        with pytest.raises(AttributeError, match=f"has no {name}: .*"):
            getattr(owner, name)


def test_names_that_are_left_out_are_on_the_page():
    of_4 = {name for name in LEFT_OUT if name not in ("add", "accuracy", "syn0norm", "syn1", "syn1neg")}
    assert of_4 == set(of_status(VECTORS, "left out"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_same_methods_have_the_same_arguments():
    peer = pytest.importorskip("gensim.models").KeyedVectors
    checked = 0
    for name in of_status(VECTORS, "same"):
        theirs, ours = getattr(peer, name, None), getattr(ss.KeyedVectors, name)
        if not callable(theirs) or name == "word_vec":  # gensim's takes anything
            continue
        expected, found = (list(inspect.signature(method).parameters) for method in (theirs, ours))
        by_position = "by position" in section(VECTORS)[name][1]
        assert (len(expected) if by_position else expected) == (len(found) if by_position else found), name
        checked += 1
    assert checked > 15


@pytest.mark.parametrize("name", ["LineSentence", "PathLineSentences", "Text8Corpus", "Phrases"])
def test_corpora_of_gensim_are_accepted(name, tmp_path):
    gensim = pytest.importorskip("gensim.models")
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in two_worlds()))
    make = {
        "LineSentence": lambda: gensim.word2vec.LineSentence(str(path)),
        "PathLineSentences": lambda: gensim.word2vec.PathLineSentences(str(tmp_path)),
        "Text8Corpus": lambda: gensim.word2vec.Text8Corpus(str(path)),
        "Phrases": lambda: gensim.Phrases(two_worlds(), threshold=1e9)[two_worlds()],
    }
    corpus = make[name]()
    found = ss.Word2Vec(corpus, **SMALL)
    assert len(found.wv) == 10
    if name != "Text8Corpus":  # one long sentence
        assert found.vocabulary.counts.tolist() == ss.Word2Vec(path, **SMALL).vocabulary.counts.tolist()

"""Calls that are right, one or more for each function, method and constructor of words."""

import copy
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sampledsoftmax as ss
from tests.odd_inputs.target import Target, method

SENTENCES = [["the", "cat", "sat"], ["the", "dog", "sat", "down"]] * 5
MORE = [["the", "bird", "sat"], ["a", "bird", "sat"]] * 5
IDS = np.array([[3, 7, 42, -1], [7, 3, 5, 42]] * 5)
WORDS = ["the", "cat", "sat", "dog"]
DIM = 4
SETTINGS = {"vector_size": 4, "min_count": 1, "sample": 0, "num_sampled": 2, "epochs": 1}


class Files(dict):
    """The files of the working directory; their contents when it is read."""

    def items(self):
        """Return names and contents as they are now."""
        files = sorted(path for path in Path().rglob("*") if path.is_file())
        return [(str(path), np.frombuffer(path.read_bytes(), np.uint8)) for path in files]


class Callback:
    """A callback object of gensim."""

    def on_epoch_end(self, model):
        """Do nothing."""


def vectors():
    return ss.WordVectors(WORDS, np.random.default_rng(2).normal(size=(len(WORDS), DIM)))


def ids_as_words():
    return ss.WordVectors([3, 5, "the"], np.random.default_rng(2).normal(size=(3, DIM)))


def word_model(train=True):
    """Return a model of its own; training is the slow part."""
    return copy.deepcopy(trained_model()) if train else ss.Word2Vec(**SETTINGS)


@functools.cache
def trained_model():
    return ss.Word2Vec(SENTENCES, **SETTINGS)


def with_vocabulary():
    model = word_model(train=False)
    model.build_vocab(SENTENCES)
    return model


def query(name, **arguments):
    return method(vectors(), name, **arguments)


def with_files(target):
    """Return a target whose call must not change files when it fails."""
    return target._replace(owner=[target.owner, Files()])


def trained_by(model, **arguments):
    """Return a call of `train`; what a callback raises is its own, so callables do nothing here."""

    @functools.wraps(model.train)
    def train(**given):
        quiet = {name: ignore for name in ("on_progress", "on_epoch") if callable(given.get(name))}
        return model.train(**{**given, **quiet})

    return with_files(Target(train, arguments, model))


def ignore(*_):
    """Do nothing."""


def threads_of(model):
    def assign(threads):
        """Assign the number of threads.

        Raises
        ------
        TypeError, ValueError
            It is another value.
        """
        model.threads = threads

    return Target(assign, {"threads": 2}, model)


TRAINING = {
    "corpus": SENTENCES,
    "on_progress": ignore,
    "on_epoch": ignore,
    "epochs": 1,
    "checkpoint_seconds": 100.0,
    "errors": "strict",
    "encoding": "utf-8",
    "watch": None,
    "callbacks": [Callback()],
    "compute_loss": True,
    "total_examples": 10,
    "total_words": 35,
}
OF_GENSIM = {
    "size": 4,
    "iter": 1,
    "negative": 2,
    "workers": 1,
    "min_count": 1,
    "sample": 0,
    "sg": 0,
    "hs": 0,
    "alpha": None,
    "cbow_mean": 1,
    "trim_rule": None,
    "sorted_vocab": 1,
    "callbacks": (),
    "compute_loss": False,
}
READING = {
    "encoding": "utf-8",
    "errors": "strict",
    "limit": 3,
    "no_header": False,
    "on_duplicate": "first",
    "fvocab": None,
    "unicode_errors": "strict",
    "datatype": np.float64,
}

WORD_TARGETS: dict[str, Callable[[], Target]] = {
    "Word2Vec, sentences": lambda: Target(ss.Word2Vec, {"sentences": SENTENCES, **SETTINGS, "bias": True}),
    "Word2Vec, gensim": lambda: Target(ss.Word2Vec, {"sentences": SENTENCES, **OF_GENSIM}),
    "Word2Vec, a file": lambda: Target(ss.Word2Vec, {"corpus_file": "corpus.txt", **SETTINGS}),
    "Word2Vec.build_vocab": lambda: with_files(
        method(word_model(train=False), "build_vocab", sentences=SENTENCES, update=False, errors="strict", watch=None)
    ),
    "Word2Vec.build_vocab, update": lambda: with_files(
        method(
            word_model(), "build_vocab", sentences=MORE, update=True, encoding="utf-8", keep_raw_vocab=False,
            progress_per=10000, trim_rule=None,
        )
    ),
    "Word2Vec.build_vocab, a file": lambda: with_files(
        method(
            word_model(train=False), "build_vocab", corpus_file="corpus.txt", cache="cache", errors="ignore",
            encoding="latin-1",
        )
    ),
    "Word2Vec.train": lambda: trained_by(word_model(train=False), **TRAINING),
    "Word2Vec.train, further": lambda: trained_by(word_model(), **TRAINING, grow_vocab=True, resume=False),
    "Word2Vec.train, a vocabulary": lambda: trained_by(with_vocabulary(), **TRAINING),
    "Word2Vec.train, resume": lambda: trained_by(word_model(), corpus=SENTENCES, resume=True, epochs=1),
    "Word2Vec.train, gensim": lambda: trained_by(
        word_model(train=False), sentences=SENTENCES, iter=1, start_alpha=None, end_alpha=None, word_count=0,
        queue_factor=2, report_delay=1.0,
    ),
    "Word2Vec.train, files": lambda: trained_by(
        word_model(train=False), corpus=["corpus.txt"], cache="cache", checkpoint="run.zip", checkpoint_seconds=0,
        encoding="utf-8", errors="replace",
    ),
    "Word2Vec.train, ids": lambda: trained_by(word_model(train=False), corpus=IDS, epochs=1),
    "Word2Vec.train, ragged ids": lambda: trained_by(
        word_model(train=False), corpus=ss.RaggedLabels(IDS[:, :3].reshape(-1), np.arange(0, 31, 3)), epochs=1
    ),
    "Word2Vec.predict_output_word": lambda: method(
        word_model(), "predict_output_word", context_words_list=["the", "cat"], topn=3
    ),
    "Word2Vec.save": lambda: with_files(method(word_model(), "save", path="good.zip")),
    "Word2Vec.load": lambda: with_files(Target(ss.Word2Vec.load, {"path": "good.zip", "objective": None})),
    "Word2Vec.threads": lambda: threads_of(word_model()),
    "WordVectors, ints": lambda: Target(ss.WordVectors, {"words": [3, "a"], "vectors": np.eye(2), "copy": False}),
    "WordVectors.from_tables": lambda: Target(
        ss.WordVectors.from_tables,
        {"words": WORDS, "embeddings": np.ones((4, 2)), "weights": np.ones((4, 2)), "which": "both", "copy": True,
         "counts": [4, 3, 2, 1], "shrinkage": 2.0},
    ),
    "WordVectors[]": lambda: query("__getitem__", word="the"),
    "WordVectors[], several": lambda: query("__getitem__", word=["the", "cat"]),
    "WordVectors[], ints": lambda: method(ids_as_words(), "__getitem__", word=3),
    "WordVectors.get": lambda: query("get", word="the", default=0),
    "WordVectors.units": lambda: query("units", ids=[0, 1]),
    "WordVectors.similarity": lambda: query("similarity", a="the", b="cat"),
    "WordVectors.n_similarity": lambda: query("n_similarity", some=["the"], others=["cat", "sat"]),
    "WordVectors.most_similar": lambda: query(
        "most_similar", positive=["the", ("dog", 0.5)], negative=["cat"], topn=2, clip_start=0, clip_end=4,
        restrict_vocab=None, indexer=None,
    ),
    "WordVectors.most_similar, a vector": lambda: query("most_similar", positive=np.ones(DIM), topn=None),
    "WordVectors.most_similar, ints": lambda: method(ids_as_words(), "most_similar", positive=[3], negative=[5]),
    "WordVectors.most_similar_cosmul": lambda: query(
        "most_similar_cosmul", positive=["the", "dog"], negative=["cat"], topn=2, restrict_vocab=4
    ),
    "WordVectors.similar_by_vector": lambda: query(
        "similar_by_vector", vector=np.ones(DIM), topn=2, restrict_vocab=3
    ),
    "WordVectors.similar_by_word": lambda: query("similar_by_word", word="the", topn=2, restrict_vocab=3),
    "WordVectors.similar_by_key": lambda: query("similar_by_key", key="the", topn=2, restrict_vocab=3),
    "WordVectors.analogy": lambda: query("analogy", a="the", b="cat", c="sat", topn=1),
    "WordVectors.doesnt_match": lambda: query("doesnt_match", words=["the", "cat", "sat"]),
    "WordVectors.rank_by_centrality": lambda: query("rank_by_centrality", words=["the", "cat", "sat"]),
    "WordVectors.most_similar_to_given": lambda: query("most_similar_to_given", key1="the", keys_list=["cat", "sat"]),
    "WordVectors.distance": lambda: query("distance", w1="the", w2="cat"),
    "WordVectors.distances": lambda: query("distances", word_or_vector="the", other_words=["cat", "sat"]),
    "WordVectors.distances, a vector": lambda: query("distances", word_or_vector=np.ones(DIM), other_words=()),
    "WordVectors.closer_than": lambda: query("closer_than", key1="the", key2="cat"),
    "WordVectors.words_closer_than": lambda: query("words_closer_than", w1="the", w2="cat"),
    "WordVectors.rank": lambda: query("rank", key1="the", key2="cat"),
    "WordVectors.get_index": lambda: query("get_index", key="the", default=None),
    "WordVectors.has_index_for": lambda: query("has_index_for", key="the"),
    "WordVectors.get_vector": lambda: query("get_vector", key="the", norm=True),
    "WordVectors.word_vec": lambda: query("word_vec", word="the", use_norm=True, norm=False),
    "WordVectors.get_mean_vector": lambda: query(
        "get_mean_vector", keys=["the", "cat"], weights=[1.0, -0.5], pre_normalize=True, post_normalize=True,
        ignore_missing=False,
    ),
    "WordVectors.init_sims": lambda: query("init_sims", replace=False),
    "WordVectors.fill_norms": lambda: query("fill_norms", force=True),
    "WordVectors.save": lambda: with_files(query("save", path="good_vectors.zip")),
    "WordVectors.load": lambda: with_files(Target(ss.WordVectors.load, {"path": "good_vectors.zip", "mmap": None})),
    "WordVectors.save_word2vec_format": lambda: with_files(
        query("save_word2vec_format", path="good.txt", binary=False, encoding="utf-8", errors="strict")
    ),
    "WordVectors.load_word2vec_format": lambda: Target(
        ss.WordVectors.load_word2vec_format, {"path": "good.txt", "binary": False, **READING}
    ),
    "WordVectors.load_word2vec_format, binary": lambda: Target(
        ss.WordVectors.load_word2vec_format, {"path": "good.bin", "binary": True, **READING}
    ),
    "WordVectors.load_word2vec_format, GloVe": lambda: Target(
        ss.WordVectors.load_word2vec_format, {"path": "glove.txt", "no_header": True, "limit": 2}
    ),
    "evaluate_analogies": lambda: Target(
        ss.evaluate_analogies,
        {"vectors": vectors(), "path": "analogies.txt", "restrict_vocab": 10, "case_insensitive": False},
    ),
    "evaluate_similarities": lambda: Target(
        ss.evaluate_similarities,
        {"vectors": vectors(), "path": "pairs.txt", "restrict_vocab": None, "case_insensitive": True},
    ),
    "held_out": lambda: Target(
        ss.held_out,
        {
            "embeddings": np.eye(5, 4, dtype="f4"), "weights": np.ones((6, 4), "f4"), "biases": np.zeros(6, "f4"),
            "inputs": [1, 4], "labels": [2, 5], "k": (1, 3),
        },
    ),
}  # fmt: skip

# Calls that train or read files, each as expensive as tens of others.
SLOW_WORDS = {
    name for name in WORD_TARGETS if name.startswith(("Word2Vec", "evaluate_", "WordVectors.save", "WordVectors.load"))
}


def write_word_files(folder):
    """Write the files that the calls read to a directory."""
    (folder / "analogies.txt").write_text(": one\nthe cat sat dog\n")
    (folder / "pairs.txt").write_text("the\tcat\t3\nsat\tdog\t1\nthe\tdog\t2\n")
    (folder / "corpus.txt").write_text("\n".join(" ".join(sentence) for sentence in SENTENCES) + "\n")
    (folder / "glove.txt").write_text("the 1 0\ncat 0 1\nsat 1 1\n")
    vectors().save_word2vec_format(folder / "good.txt")
    vectors().save_word2vec_format(folder / "good.bin", binary=True)
    vectors().save(folder / "good_vectors.zip")
    word_model().save(folder / "good.zip")

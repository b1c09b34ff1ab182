"""Names of gensim's Word2Vec: which mean the same here, and what to write instead of the others."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.word2vec.training.settings import zero_or_one

# Another name of the same argument; `size` and `iter` are of gensim 3.
SAME = {
    "size": "vector_size",
    "iter": "epochs",
    "workers": "threads",
    "negative": "num_sampled",
    "corpus_file": "sentences",
}
SAME_IN_TRAIN = {"corpus_iterable": "corpus", "sentences": "corpus", "corpus_file": "corpus", "iter": "epochs"}
SAME_IN_BUILD_VOCAB = {"corpus_iterable": "sentences", "corpus_file": "sentences"}

_RATE = (
    "gensim's rate is that of one pair, and learning_rate is that of the sum over a batch: leave it out, or write "
    "learning_rate=... and min_learning_rate=... (None: the default of the optimizer)"
)
_NO_JOBS = "text is not handed out in jobs: leave it out"

# Arguments that are left out: the values that say what is done here anyway, and what to write instead of another one.
LEFT_OUT: dict[str, tuple[tuple[Any, ...], str]] = {
    "alpha": ((None,), _RATE),
    "min_alpha": ((None,), _RATE),
    "start_alpha": ((None,), _RATE),
    "end_alpha": ((None,), _RATE),
    "hs": ((0,), "there is no hierarchical softmax: leave it out, the objective is objective='sampled_softmax'"),
    "cbow_mean": ((1,), "CBOW takes the mean of the context, not its sum: leave it out"),
    "max_vocab_size": ((None,), "all words are counted, exactly: leave it out, or raise min_count"),
    "max_final_vocab": ((None,), "the vocabulary is limited by min_count: raise that"),
    "trim_rule": ((None,), "filter the tokens of the corpus, or raise min_count"),
    "sorted_vocab": ((1,), "ids are always by decreasing count: leave it out"),
    "null_word": ((0,), "there is no null word: leave it out"),
    "hashfxn": ((hash, None), "the first vectors depend on seed alone: leave it out"),
    "batch_words": ((10000,), f"{_NO_JOBS}; batch_size is the number of words of a training batch"),
    "comment": ((None,), "leave it out"),
    "queue_factor": ((2,), _NO_JOBS),
    "report_delay": ((1.0,), "use on_progress=, which is called after each block"),
    "word_count": ((0,), "to continue an interrupted run, write resume=True"),
    "keep_raw_vocab": ((False,), "counts of rare words are not kept: leave it out"),
    "progress_per": ((10000,), "leave it out"),
}
_IN_CONSTRUCTOR = (
    *("alpha", "min_alpha", "hs", "cbow_mean", "max_vocab_size", "max_final_vocab", "trim_rule", "sorted_vocab"),
    *("null_word", "hashfxn", "batch_words", "comment"),
)
_IN_TRAIN = ("start_alpha", "end_alpha", "word_count", "queue_factor", "report_delay")
_IN_BUILD_VOCAB = ("keep_raw_vocab", "progress_per", "trim_rule")
_OF_FUNCTION = {"Word2Vec": _IN_CONSTRUCTOR, "train": _IN_TRAIN, "build_vocab": _IN_BUILD_VOCAB}


def names_left_out(function: str) -> tuple[str, ...]:
    """Return the arguments of "Word2Vec", "train" or "build_vocab" of gensim that are left out here."""
    return _OF_FUNCTION[function]


_OF_VECTORS = (
    *("most_similar", "most_similar_cosmul", "similar_by_word", "similar_by_vector", "similarity", "n_similarity"),
    *("doesnt_match", "distance", "distances", "rank", "get_vector", "key_to_index", "index_to_key", "vocab"),
    *(
        "index2word",
        "index2entity",
        "save_word2vec_format",
        "evaluate_word_pairs",
        "evaluate_word_analogies",
        "wmdistance",
    ),
)
_INNER_STEPS = (
    *("add_null_word", "create_binary_tree", "cum_table", "init_weights", "make_cum_table", "prepare_vocab"),
    *("prepare_weights", "random", "scan_vocab", "seeded_vector", "update_weights"),
)
_NO_LOG = "there is no log of calls: write what happened to a file beside the model"
# Attributes of a gensim model, and what to write instead.
MOVED = {
    **{name: f"write model.wv.{name}" for name in _OF_VECTORS},
    **dict.fromkeys(_INNER_STEPS, "it is an inner step of gensim: write build_vocab(sentences) or train(sentences)"),
    **{name: LEFT_OUT[name][1] for name in ("batch_words", "hashfxn", "max_vocab_size", "null_word", "sorted_vocab")},
    "add_lifecycle_event": _NO_LOG,
    "lifecycle_events": _NO_LOG,
    "cbow_mean": "CBOW takes the mean of the context, and there is no other",
    "comment": "keep it beside the model, whose file holds no comment",
    "compute_loss": "the loss is always recorded: model.history",
    "effective_min_count": "write model.min_count",
    "estimate_memory": "leave it out: train refuses what does not fit in memory before it starts",
    "hs": "there is no hierarchical softmax",
    "max_final_vocab": "the vocabulary is limited by model.min_count",
    "min_alpha_yet_reached": "write model.history[-1].learning_rate",
    "raw_vocab": "counts of rare words are not kept: model.vocabulary.counts has those of all others",
    "running_training_loss": "write model.get_latest_training_loss()",
    "total_train_time": "there is no clock in a model: write down the time before and after train",
    "train_count": "there is no such count: is_trained and is_finished say what there is",
    "load_word2vec_format": "write WordVectors.load_word2vec_format(path)",
    "accuracy": "write evaluate_analogies(model.wv, path)",
    "syn0": "write model.wv.vectors",
    "syn1": "there is no hierarchical softmax",
    "syn1neg": "write model.tables.weights.values",
    "alpha": "the rate is an argument of Word2Vec, learning_rate=...",
    "min_alpha": "the final rate is an argument of Word2Vec, min_learning_rate=...",
    "workers": "write model.threads",
    "negative": "write model.settings.num_sampled",
    "iter": "write model.epochs",
    "size": "write model.vector_size",
    "layer1_size": "write model.vector_size",
    "init_sims": "leave it out: lengths are computed when they are needed; model.wv.get_vector(word, norm=True)",
    "delete_temporary_training_data": "leave it out",
    "reset_from": "write Word2Vec(...), then build_vocab(sentences)",
    "reset_weights": "write Word2Vec(...), then build_vocab(sentences)",
    "build_vocab_from_freq": "write build_vocab(sentences)",
    "score": "there are no scores of sentences: write held_out(...), or sampledsoftmax evaluate DIR --text FILE",
}


def translated(
    function: str, given: Mapping[str, Any], names: Sequence[str], same: Mapping[str, str]
) -> dict[str, Any]:
    """Return the arguments of a call that go by names of gensim, under the names that they have here.

    Parameters
    ----------
    function : str
        "Word2Vec", "train" or "build_vocab".
    given : mapping
        Arguments that the function does not name.
    names : sequence of str
        The arguments that it names.
    same : mapping
        Other names of some of them.

    Raises
    ------
    TypeError
        A name is unknown; the message suggests one.
    ValueError
        The argument is left out on purpose; the message says what to write instead.

    Examples
    --------
    >>> translated("Word2Vec", {"size": 50, "hs": 0}, ["vector_size"], SAME)
    {'vector_size': 50}
    >>> translated("Word2Vec", {"vectorsize": 50}, ["vector_size"], SAME)
    Traceback (most recent call last):
    ...
    TypeError: Word2Vec has no argument vectorsize: did you mean vector_size?
    """
    left_out = names_left_out(function)
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in same:
            if same[name] in found:
                raise TypeError(f"{function}: {name} is another name of {same[name]}, which is given twice")
            found[same[name]] = value
        elif name in left_out:
            _check_left_out(name, value)
        else:
            close = difflib.get_close_matches(name, [*names, *same, *left_out], 1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names)}"
            raise TypeError(f"{function} has no argument {validation.one_line(name)}: {hint}")
    return found


def merged(
    function: str, own: dict[str, Any], others: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return own arguments with those that came by another name; TypeError if both were given.

    Examples
    --------
    >>> merged("train", {"epochs": None}, {"epochs": 3}, {"epochs": None})
    {'epochs': 3}
    """
    for name in others:
        if own[name] is not defaults[name]:
            raise TypeError(f"{function}: {name} is given twice, once by another name")
    return {**own, **others}


def _check_left_out(name: str, value: Any) -> None:
    """Raise ValueError unless the value says what is done here anyway."""
    accepted, instead = LEFT_OUT[name]
    if name in ("hs", "cbow_mean", "sorted_vocab"):
        value = int(zero_or_one(name, value))
    if not any(value is same or (_alike(value, same) and value == same) for same in accepted):
        raise ValueError(f"{name}={validation.shown(value)} is not offered: {instead}")


def _alike(value: Any, same: Any) -> bool:
    """Return whether two values are of one type, or both numbers: 1 says what 1.0 says, but not True."""
    return type(value) is type(same) or {type(value), type(same)} == {int, float}

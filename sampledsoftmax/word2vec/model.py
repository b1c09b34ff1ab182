"""Word vectors from text: skip-gram or CBOW, trained with sampled softmax or its relatives."""

import inspect
import numbers
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sampledsoftmax import validation
from sampledsoftmax.io.class_only import classonlymethod
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.runtime.stop_signals import StopSignals
from sampledsoftmax.runtime.threadpool import MAX_THREADS
from sampledsoftmax.word2vec import gensim_names
from sampledsoftmax.word2vec.corpus.corpus import Source
from sampledsoftmax.word2vec.corpus.find_files import AnyPath
from sampledsoftmax.word2vec.encoding.encode import ignore
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.gensim_attributes import GensimAttributes
from sampledsoftmax.word2vec.gensim_callbacks import ModelCallbacks
from sampledsoftmax.word2vec.gensim_predictions import most_probable
from sampledsoftmax.word2vec.training import checkpoint as checkpoints
from sampledsoftmax.word2vec.training.checkpoint import TORN, Checkpoint, CorpusSize, check_places
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError
from sampledsoftmax.word2vec.training.session import Session
from sampledsoftmax.word2vec.training.settings import DEFAULT_SHARDS, MAX_SEED, SavedObjective, TrainingSettings
from sampledsoftmax.word2vec.training.start import Reading, read_corpus, starting_state
from sampledsoftmax.word2vec.training.tables import Tables
from sampledsoftmax.word2vec.training.watch import Report, Watch, checked_watch
from sampledsoftmax.word2vec.vectors.word_table import Word
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

_Model = TypeVar("_Model", bound="Word2Vec")


class Word2Vec(GensimAttributes):
    """Word vectors, trained as in TensorFlow's word2vec tutorial, with gensim's names where the meaning is the same.

    Ids are ordered by decreasing frequency, frequent words are subsampled, and each remaining word has a window. The
    word predicts the other words of its window (skip-gram), or their mean predicts the word (CBOW), against candidates
    that are shared by the batch. Each step computes the gradients of several batches, one of each of the `shards` of
    the text, against the same tables and then applies all of them. Threads divide the shards, and share one where there
    are more threads than shards: the vectors are the same bits for any number of threads.

    Parameters
    ----------
    sentences : path, sequence of paths, iterable of sentences, or array of ids, optional
        A corpus to train on at once, as `train(sentences)` does; without it, call `train`.
    vector_size : int
        Dimension of the vectors.
    window : int
        Maximum distance of the two words of a pair.
    min_count : int
        Words that occur less often are dropped.
    sample : float, optional
        Words of a higher frequency are subsampled (see `keep_probabilities`); 0 keeps all. By default 3e-4, with CBOW
        1e-4 (gensim: 1e-3). A corpus of fewer than 1 / sample words is not subsampled: in it, a word that occurs once
        is already that frequent.
    epochs : int
        Passes over the corpus.
    num_sampled : int, optional
        Candidates per batch; they are unique, so at most the size of the vocabulary. By default 48, with CBOW
        32, but at most half of the words.
    batch_size : int
        Maximum number of words per batch, each with all its pairs.
    learning_rate : float, optional
        Initial learning rate. The gradient is the sum over the pairs of a batch. By default 0.2; for
        "sgd" 0.01, with CBOW 0.02.
    min_learning_rate : float, optional
        Final learning rate of the linear decay over all epochs. By default half of `learning_rate`.
    sg : bool
        True or 1: skip-gram. False or 0: CBOW, with the mean of the context. The default is skip-gram (gensim: CBOW).
    shrink_windows : bool
        Whether the size of each window is drawn uniformly from 1 to `window`.
    objective : str or Objective
        "sampled_softmax", "nce" (noise-contrastive estimation), "negative_sampling" (Mikolov et al. 2013: without log
        Q), or an objective of your own with a compiled loss.
    subtract_log_q : bool, optional
        Whether log(expected count) is subtracted from the logits; by default True except for negative sampling.
    sampler : str
        Distribution of the candidates: "unigram" (counts of the corpus ** ns_exponent), "log_uniform" (by id, as in
        TensorFlow's tutorial), or "learned_unigram" (counts of the labels so far).
    ns_exponent : float
        Exponent of the counts; 0.75 is that of Mikolov et al., "Distributed representations of words and phrases",
        2013.
    optimizer : str
        "adagrad", "rowwise_adagrad" or "sgd".
    bias : bool, optional
        Whether output biases are learned; by default if log Q is subtracted.
    seed : int, optional
        In [0, 2**31 - 2]; the same seed gives the same vectors, bit for bit. None draws one.
    which : str
        The content of `vectors`: "in" (embeddings), "out" (output weights), their "mean", or "both", normalized and
        concatenated: less noisy for a small corpus (half a million words), worse for a large one.
    shrinkage : float
        How far `vectors` are pulled toward their mean: a word that occurs n times keeps n / (n + shrinkage) of its own
        vector, the rest is the mean of all. What was learned from few occurrences is mostly noise. 0 keeps the vectors
        of the tables: for toy texts, where every word is rare and its cosines are high. Training is the same with any
        value.
    shards : int
        Parts of the text, 1 to 256, that are trained side by side: a step takes a batch of each. The number changes the
        vectors, so the default does not depend on the machine. With more shards more threads are of use, but the tables
        that a step reads are older: a step of 256 batches covers 10,000 words, and its buffers take 170 MB. A text of
        fewer words than shards leaves some empty.
    threads : int, optional
        Number of threads, 1 to 256; a multiple of `shards`, or a divisor, divides the work evenly, and more than there
        are cores wait for one another. By default it is chosen at run time, up to `set_num_threads`.
    gensim : optional
        Other names of gensim. `workers` is `threads`, `negative` is `num_sampled` (here the candidates are those of a
        batch, and the objective stays `objective`), `size` is `vector_size`, `iter` is `epochs`, `corpus_file` is
        `sentences`; `callbacks` and `compute_loss` are those of `train`. What is left out on purpose (`alpha`, `hs=1`,
        `trim_rule`, ...) is refused with what to write instead.

    Attributes
    ----------
    threads : int or None
        May be assigned: results do not depend on it.

    Raises
    ------
    TypeError, ValueError
        An argument is of another type, out of its range, unknown or left out.
    OSError, TrainingDivergedError
        As of `train`, with `sentences`.

    Notes
    -----
    Mikolov et al., "Efficient estimation of word representations in vector space", 2013; sampled softmax: Jean et al.,
    "On using very large target vocabulary for neural machine translation", 2015. Pairs with the same center share a row
    of sampled logits, which is computed once per word; see `kernels/loss/per_label.py`.

    All settings are attributes, such as `model.window`, and cannot be assigned.

    Examples
    --------
    >>> text = [["one", "two", "three", "four"], ["four", "three", "two", "one"]] * 50
    >>> model = Word2Vec(text, vector_size=8, epochs=1)
    >>> len(model.vectors), model.wv["one"].shape
    (4, (8,))
    """

    def __init__(
        self,
        sentences: Source | None = None,
        vector_size: int = 100,
        window: int = 5,
        min_count: int = 5,
        sample: float | None = None,
        epochs: int = 5,
        num_sampled: int | None = None,
        batch_size: int = 40,
        learning_rate: float | None = None,
        min_learning_rate: float | None = None,
        sg: bool | int = True,
        shrink_windows: bool = True,
        objective: str | Objective = "sampled_softmax",
        subtract_log_q: bool | None = None,
        sampler: str = "unigram",
        ns_exponent: float = 0.75,
        optimizer: str = "rowwise_adagrad",
        bias: bool | None = None,
        seed: int | None = 1,
        which: str = "in",
        shrinkage: float = 10.0,
        shards: int = DEFAULT_SHARDS,
        threads: int | None = None,
        **gensim: Any,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "gensim")}
        of_train = {name: gensim.pop(name) for name in ("callbacks", "compute_loss") if name in gensim}
        others = gensim_names.translated("Word2Vec", gensim, list(given), gensim_names.SAME)
        given = gensim_names.merged("Word2Vec", given, others, _DEFAULTS)
        corpus, threads = given.pop("sentences"), given.pop("threads")
        if isinstance(corpus, numbers.Number):
            raise TypeError(
                f"sentences must be a corpus, got {validation.described(corpus)}: write Word2Vec(vector_size=...)"
            )
        given["seed"] = secrets.randbelow(MAX_SEED + 1) if given["seed"] is None else given["seed"]
        self._settings = TrainingSettings.checked(**given)
        self.threads = threads
        self._state: Checkpoint | None = None
        self._vocabulary: Vocabulary | None = None  # of build_vocab, until it is trained
        self._size: CorpusSize | None = None
        self._copy: tuple[Checkpoint, WordVectors] | None = None
        self._problem = "there are no vectors yet: call train(corpus) first"
        if corpus is not None:
            self.train(corpus, **of_train)
        else:
            ModelCallbacks(of_train.get("callbacks", ()))

    def __repr__(self) -> str:
        words = "not trained" if self._state is None else f"{len(self._state.vocabulary.words)} words"
        return f"<{type(self).__name__}: {words}, vector_size={self.settings.vector_size}>"

    @property
    def settings(self) -> TrainingSettings:
        """The arguments, with defaults filled in."""
        return self._settings

    @property
    def threads(self) -> int | None:
        """Number of threads; None: chosen at run time."""
        return self._threads

    @threads.setter
    def threads(self, threads: int | None) -> None:
        self._threads = None if threads is None else validation.whole_number("threads", threads, 1, MAX_THREADS)

    @property
    def seed(self) -> int:
        """The seed that was given or drawn."""
        return self.settings.seed

    @property
    def vocabulary(self) -> Vocabulary:
        """The words; ValueError before `train` or `build_vocab` has counted them."""
        return self._trained().vocabulary if self._vocabulary is None else self._vocabulary

    @property
    def tables(self) -> Tables:
        """The current embeddings, output weights and output biases, not copied; ValueError before training."""
        return self._trained().tables

    @property
    def vectors(self) -> WordVectors:
        """The current vectors; ValueError before training.

        They are copied from the tables at the first use after training, and kept until the model is trained further.
        """
        state = self._trained()
        if self._copy is None or self._copy[0] is not state:
            self._copy = None  # frees the last one before there are two
            vocabulary, which, shrinkage = state.vocabulary, state.settings.which, state.settings.shrinkage
            embeddings, weights = (table.values for table in state.tables[:2])
            words, counts = vocabulary.words, vocabulary.counts
            self._copy = (
                state,
                WordVectors.from_tables(words, embeddings, weights, which, counts=counts, shrinkage=shrinkage),
            )
        return self._copy[1]

    @property
    def wv(self) -> WordVectors:
        """The same as `vectors`: gensim's name."""
        return self.vectors

    @property
    def corpus_count(self) -> int | None:
        """Number of sentences of the corpus that was read last; None if it is not known."""
        return None if self._size is None else self._size.sentences

    @property
    def corpus_total_words(self) -> int | None:
        """Number of words of the corpus that was read last, all of them; None if it is not known."""
        return None if self._size is None else self._size.words

    @property
    def words_left_out(self) -> int | None:
        """Number of words of that corpus that are not in the vocabulary and were left out; None if it is not known."""
        return None if self._size is None else self._size.words - self._size.known

    def build_vocab(
        self,
        sentences: Source | None = None,
        update: bool = False,
        *,
        cache: AnyPath | None = None,
        errors: str = "strict",
        encoding: str = "utf-8",
        watch: Watch | None = None,
        **gensim: Any,
    ) -> None:
        """Count the words of a corpus, as gensim does before `train`; `train` alone does both.

        Parameters
        ----------
        sentences : path, sequence of paths, iterable of sentences, or array of ids
            As for `train`.
        update : bool
            True: add the new words of more text to a trained model; they get rows in the next `train`. False: the
            vocabulary of a model that has not been trained.
        cache, errors, encoding, watch : optional
            As for `train`.
        gensim : optional
            Other names of gensim: `corpus_iterable` and `corpus_file` are `sentences`. What is left out is refused with
            what to write instead.

        Raises
        ------
        TypeError, ValueError, OSError
            The corpus cannot be read or is too small, or the cache cannot be written; the model is trained and `update`
            is False, or the other way round. Nothing has changed.

        Examples
        --------
        >>> text = [["to", "be", "or"], ["not", "to", "be"]]
        >>> model = Word2Vec(vector_size=4, min_count=1)
        >>> model.build_vocab(text)
        >>> model.train(text, total_examples=model.corpus_count, epochs=model.epochs)
        >>> model.vocabulary.words, model.corpus_total_words
        (['be', 'to', 'not', 'or'], 6)
        """
        names = ["sentences", "update", "cache", "errors", "encoding", "watch"]
        others = gensim_names.translated("build_vocab", gensim, names, gensim_names.SAME_IN_BUILD_VOCAB)
        given = gensim_names.merged("build_vocab", {"sentences": sentences}, others, {"sentences": None})
        source = _given("sentences", given["sentences"])
        validation.flag("update", update)
        check_places(None, cache)
        if self._state is not None and not update:
            raise ValueError(
                "this model is trained, and a new vocabulary would discard that: build_vocab(sentences, update=True) "
                "adds words, and a new Word2Vec(...) starts again"
            )
        if update:
            self._refuse_unfinished(self._trained())
        files = {"cache": cache, "errors": errors, "encoding": encoding}
        reading = Reading(False, update, files, checked_watch(watch))
        encoded, size = read_corpus(source, reading, self.settings.min_count, self.vocabulary if update else None)
        self._vocabulary, self._size = encoded.vocabulary, size

    def train(
        self,
        corpus: Source | None = None,
        on_progress: Report = ignore,
        on_epoch: Report = ignore,
        *,
        epochs: int | None = None,
        resume: bool = False,
        grow_vocab: bool = False,
        cache: AnyPath | None = None,
        checkpoint: AnyPath | None = None,
        checkpoint_seconds: float = 600.0,
        errors: str = "strict",
        encoding: str = "utf-8",
        watch: Watch | None = None,
        callbacks: Iterable[Any] = (),
        compute_loss: bool = False,
        total_examples: int | None = None,
        total_words: int | None = None,
        **gensim: Any,
    ) -> None:
        """Train on a corpus: from the start, going on with a trained model, or resuming an interrupted run.

        A model that is trained goes on with its words, rows and slots, for `epochs` passes over the corpus. Its counts
        stay those of its first corpus; words that it does not know are left out, see `words_left_out`, unless
        `grow_vocab` is True.

        Parameters
        ----------
        corpus : path, sequence of paths, iterable of sentences, or array of ids
            Text files, see `read_sentences`; or sentences, each any sequence of tokens, str or int (3 and "3" are two
            words). Ids of items or nodes are read fastest from arrays, of any integer dtype: [num_sentences, length],
            where -1 at the start or at the end of a row is padding; or `RaggedLabels(ids, row_splits)`, or a sparse
            matrix in CSR form, for sentences of different lengths. A list of arrays is read half as fast; in it, -1
            is a word like any other.
        on_progress, on_epoch : callable
            Called with a `Progress`, after each block of text and after each epoch.
        epochs : int, optional
            Passes over this corpus; by default `settings.epochs`, which it replaces.
        resume : bool
            Continue a loaded or interrupted run on the same corpus: the vectors are the same bits as those of an
            uninterrupted run.
        grow_vocab : bool
            Go on with a trained model, and give rows to the new words that occur `min_count` times in the corpus.
        cache : path, optional
            Directory for the ids of text files, see `encode_corpus`; what is in memory is read each time.
        checkpoint : path, optional
            File that is written every `checkpoint_seconds`, at the end, and when Ctrl-C, SIGTERM or SIGHUP stops the
            run.
        checkpoint_seconds : float
            0 writes one after each block.
        errors : str
            How to handle bytes that are not of the encoding: "strict", "replace" or "ignore".
        encoding : str
            The encoding of text files, such as "utf-8", "cp1252", "gbk" or "utf-16".
        watch : Watch, optional
            More callbacks, in addition to `on_progress` and `on_epoch`.
        callbacks : iterable of objects
            gensim's: objects with some of the methods on_train_begin(model), on_epoch_begin(model),
            on_epoch_end(model), on_train_end(model).
        compute_loss : bool
            Accepted: the loss is always recorded, see `history` and `get_latest_training_loss`.
        total_examples, total_words : int, optional
            Accepted: the corpus is counted as it is read.
        gensim : optional
            Other names of gensim: `corpus_iterable`, `sentences` and `corpus_file` are `corpus`. What is left out on
            purpose (`start_alpha`, ...) is refused with what to write instead.

        Raises
        ------
        TypeError, ValueError, OSError
            An argument is of another type or out of its range; the corpus cannot be read, has no pairs of known words,
            is too small for the arguments, or is not that of the run to resume; the checkpoint or the cache cannot be
            written: a file or directory that does not exist is a FileNotFoundError. The last run was interrupted, and
            neither `resume` nor `grow_vocab` is True. The model is as it was.
        TrainingDivergedError
            A loss is not finite, or far above that of a model that knows nothing: the mean of 50,000 pairs above 3 + 3
            times the loss of zero logits, or that of a block above 30 times (1 + that loss). The checkpoint on disk is
            not replaced, and the model goes back to it, or else to what it was before the call. After `resume` without
            a checkpoint there is no such state, and the model has no vectors any more.
        KeyboardInterrupt
            After Ctrl-C: at once while the corpus is read and the step is compiled, later at the end of the current
            block, after the checkpoint. A second one is raised at once: the checkpoint on disk is intact, and the run
            in memory cannot be resumed.
        SystemExit
            After SIGTERM or SIGHUP, in the same way, if the process has no handler for them: 128 + the number of the
            signal.

        Examples
        --------
        >>> model = Word2Vec(vector_size=4, min_count=1)
        >>> model.train([["to", "be"], ["be", "to"]])
        >>> model.train([["to", "be", "or"]], epochs=2)
        >>> model.vocabulary.words, model.words_left_out
        (['be', 'to'], 1)

        Sequences of anything: items of a session ("prod2vec"), or nodes of random walks on a graph ("node2vec"). Here
        each walk goes to and fro on one of two circles, of the nodes 0 to 7 and 8 to 15, and the vectors answer by
        node.

        >>> import numpy as np
        >>> rng = np.random.default_rng(1)
        >>> steps = rng.choice([-1, 1], size=(400, 12)).cumsum(axis=1) % 8
        >>> walks = steps + 8 * (np.arange(400) % 2)[:, None]
        >>> walks.shape
        (400, 12)
        >>> nodes = Word2Vec(walks, vector_size=8, window=2, min_count=1, sample=0, epochs=20)
        >>> sorted(node for node, _ in nodes.wv.most_similar(12, topn=2))
        [11, 13]
        """
        given: dict[str, Any] = {"corpus": corpus, "epochs": epochs}
        names = [name for name in inspect.signature(self.train).parameters if name != "gensim"]
        others = gensim_names.translated("train", gensim, names, gensim_names.SAME_IN_TRAIN)
        given = gensim_names.merged("train", given, others, {"corpus": None, "epochs": None})
        source = _given("corpus", given["corpus"])
        validation.flag("compute_loss", compute_loss)
        for name, total in (("total_examples", total_examples), ("total_words", total_words)):
            if total is not None:
                validation.whole_number(name, total, at_least=0)
        if isinstance(self.settings.objective, SavedObjective):
            raise ValueError(
                f"this model was trained with the objective {validation.shown(self.settings.objective.description)}: "
                "to go on, give it to Word2Vec.load(path, objective=...)"
            )
        watches = (checked_watch(Watch(on_progress, on_epoch)), checked_watch(watch))
        check_places(checkpoint, cache)
        seconds = validation.number("checkpoint_seconds", checkpoint_seconds, at_least=0.0)
        own = [] if checkpoint is None else [checkpoint]  # in a corpus folder it is no text
        files = {"cache": cache, "errors": errors, "encoding": encoding, "exclude": own}
        flags = validation.flag("resume", resume), validation.flag("grow_vocab", grow_vocab)
        reading = Reading(*flags, files, watches[1])
        settings = self._settings_for(given["epochs"], reading)
        objects = ModelCallbacks(callbacks)
        with StopSignals() as signals:
            known = self._vocabulary if self._state is None else self.vocabulary
            start, stream = starting_state(source, reading, settings, self._state, known)
            session = Session(start, None if resume else self._state, checkpoint, seconds, watches, signals)
            try:
                session.run(stream, self.threads, self._take, lambda event: objects.call(event, self))
            except TrainingDivergedError:
                self._go_back(session)
                raise

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the model: settings, words, tables, optimizer slots, and the position of the run.

        The model is written atomically to one file, with checksums and without pickle; see `io/archive.py`. Any word
        that can be trained can be saved.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        TypeError, ValueError
            The model has not been trained, or not since `build_vocab` added words; or `path` is no path.
        OSError
            The file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> model = Word2Vec([["to", "be"], ["be", "to"]], vector_size=4, min_count=1)
        >>> model.save(tempfile.mkdtemp() + "/model.zip")
        """
        state = self._trained()
        if self._vocabulary is not None:
            raise ValueError("the words that build_vocab has added have no rows yet, and cannot be saved: train first")
        checkpoints.save(checked_path(path), state)

    @classonlymethod
    def load(cls: type[_Model], path: str | os.PathLike[str], objective: Objective | None = None) -> _Model:
        """Load a model written by `save`, or a `checkpoint` of `train`.

        Parameters
        ----------
        path : path
            The file.
        objective : Objective, optional
            The objective that the model was trained with, if it was an object: to go on training. Its class and
            parameters are in the file, its code is not.

        Returns
        -------
        Word2Vec
            As it was saved.

        Raises
        ------
        FileNotFoundError
            The file does not exist.
        ValueError
            The file is not a model or is damaged; one line that says where.
        TypeError
            `path` is no path, or `objective` no objective; or it is called on a model, which it would not change,
            instead of the class.

        Examples
        --------
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.zip"
        >>> model = Word2Vec(vector_size=4, min_count=1)
        >>> model.train([["to", "be"], ["be", "to"]], checkpoint=path)
        >>> bool((Word2Vec.load(path).vectors["be"] == model.vectors["be"]).all())
        True
        """
        if objective is not None and not isinstance(objective, Objective):
            raise TypeError(f"objective must be an Objective, got {validation.described(objective)}")
        state = checkpoints.load(checked_path(path), objective)
        model = cls(**state.settings.arguments())
        model._state, model._size = state, state.size
        return model

    @property
    def is_trained(self) -> bool:
        """Whether the model has vectors that were learned."""
        return self._state is not None

    @property
    def is_finished(self) -> bool:
        """Whether all epochs of the last run are done."""
        return self._state is not None and self._state.position.epoch >= self._state.settings.epochs

    @property
    def history(self) -> list[Progress]:
        """The progress of all blocks of the last run."""
        return list(self._trained().history)

    def get_latest_training_loss(self) -> float:
        """Return the sum of the losses of all pairs of the last run: gensim's name; see `history` for means.

        Returns
        -------
        float
            In nats.

        Raises
        ------
        ValueError
            The model has not been trained.

        Examples
        --------
        >>> model = Word2Vec([["to", "be"], ["be", "to"]], vector_size=4, min_count=1, epochs=1)
        >>> model.get_latest_training_loss() == model.history[-1].loss * model.history[-1].pairs
        True
        """
        state = self._trained()
        total, before = state.position.epoch_loss, 0
        ends = [p for p, after in zip(state.history, [*state.history[1:], None], strict=True) if _ends(p, after)]
        for progress in ends[: state.position.epoch]:
            total += progress.loss * (progress.pairs - before) if progress.pairs > before else 0.0
            before = progress.pairs
        return total

    def predict_output_word(self, context_words_list: Sequence[Word], topn: int = 10) -> list[tuple[Any, float]]:
        """Return the most probable words given the words around them; gensim's name.

        The input is the mean of the embeddings, which is what CBOW is trained on; skip-gram is trained on one word.
        With the objectives that learn probabilities ("sampled_softmax" and "nce" with log Q) the results are the
        probabilities of the model; with negative sampling they are only an order.

        Parameters
        ----------
        context_words_list : sequence of str or int
            The words around, at least one of them known; unknown words are left out, as in gensim.
        topn : int
            Maximum number of words, at least 1.

        Returns
        -------
        list of (str or int, float)
            Words and their softmax over the vocabulary, the most probable first, words of equal probability by id.

        Raises
        ------
        TypeError, ValueError
            The model has not been trained, none of the words is known, or an argument is of another type or out of its
            range.

        Examples
        --------
        >>> text = [["one", "two", "three"], ["two", "three", "one"]] * 200
        >>> model = Word2Vec(text, vector_size=8, sg=False, seed=2)
        >>> [word for word, _ in model.predict_output_word(["one", "two"], topn=1)]
        ['three']
        """
        state = self._trained()
        return most_probable(state.tables, state.vocabulary, context_words_list, topn)

    def _trained(self) -> Checkpoint:
        if self._state is None:
            raise ValueError(self._problem)
        return self._state

    def _settings_for(self, epochs: int | None, reading: Reading) -> TrainingSettings:
        """Return the settings of a run; refuse what the model is not ready for."""
        if reading.resume:
            state = self._trained()
            if reading.grow:
                raise ValueError("resume=True continues a run, grow_vocab=True starts one on more text: set only one")
            if state.corpus == TORN:
                raise ValueError(
                    "this run was stopped within a block: load its last checkpoint, or go on with grow_vocab=True"
                )
            if epochs is not None and epochs != state.settings.epochs:
                shown = validation.shown(epochs)
                raise ValueError(f"epochs={shown}: the run to resume has {state.settings.epochs} epochs, leave it out")
            return state.settings
        if reading.grow:
            self._trained()
        elif self._state is not None:
            self._refuse_unfinished(self._state)
        if epochs is None:
            return self.settings
        return replace(self.settings, epochs=validation.whole_number("epochs", epochs, at_least=1, at_most=2**28))

    def _refuse_unfinished(self, state: Checkpoint) -> None:
        epoch, epochs = state.position.epoch + 1, state.settings.epochs
        if epoch <= epochs:
            raise ValueError(
                f"this run was stopped in epoch {epoch} of {epochs}: train(corpus, resume=True) continues it, "
                "train(corpus, grow_vocab=True) leaves it there and goes on with this corpus"
            )

    def _take(self, state: Checkpoint) -> None:
        """Make a state of a run the state of the model."""
        self._state, self._settings, self._size, self._vocabulary = state, state.settings, state.size, None

    def _go_back(self, session: Session) -> None:
        """After a run that diverged, go back to its last checkpoint, or else to the state before it."""
        self._state = self._copy = None
        state = session.last_good()
        if state is not None:
            self._take(state)
        self._problem = (
            "there are no vectors: the last run diverged before its first checkpoint; "
            "train a new Word2Vec with a smaller learning_rate"
        )


_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(Word2Vec).parameters.items()}


def _given(name: str, corpus: Source | None) -> Source:
    if corpus is None:
        raise TypeError(f"{name} is missing: a corpus is expected")
    return corpus


def _ends(progress: Progress, after: Progress | None) -> bool:
    """Return whether a block was the last one of its epoch."""
    return after is None or after.epoch > progress.epoch

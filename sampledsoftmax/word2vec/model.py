"""Word vectors from text: skip-gram or CBOW, trained with sampled softmax or its relatives."""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sampledsoftmax import validation
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.word2vec.corpus.corpus import Source
from sampledsoftmax.word2vec.corpus.find_files import AnyPath
from sampledsoftmax.word2vec.encoding.encode import Encoded, encode_and_grow, encode_corpus, encode_more, ignore
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.training import checkpoint as checkpoints
from sampledsoftmax.word2vec.training.checkpoint import Checkpoint
from sampledsoftmax.word2vec.training.memory import MemoryPlan, check_fits, plan_memory
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError
from sampledsoftmax.word2vec.training.run import DeferredInterrupt, Position, Run, check_stream
from sampledsoftmax.word2vec.training.settings import MAX_SEED, SavedObjective, TrainingSettings
from sampledsoftmax.word2vec.training.tables import Tables, grown, new_tables
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

Report = Callable[[Progress], None]

_DIVERGED = "diverged"  # in the place of the corpus digest: the run cannot be resumed


class Watch(NamedTuple):
    """Callbacks of a training run.

    Attributes
    ----------
    on_progress, on_epoch : callable
        Called with a `Progress`, after each block of text and after each epoch.
    on_read : callable
        Called with (bytes read, total bytes or None) while the corpus is read.
    on_reuse : callable
        Called with the folder of a corpus that is taken from the cache.
    on_plan : callable
        Called with the `MemoryPlan`, before the tables are allocated.
    """

    on_progress: Report = ignore
    on_epoch: Report = ignore
    on_read: Callable[[int, int | None], None] = ignore
    on_reuse: Callable[[Path], None] = ignore
    on_plan: Callable[[MemoryPlan], None] = ignore


class Word2Vec:
    """Word vectors, trained as in TensorFlow's word2vec tutorial, with gensim's names where the meaning is the same.

    Ids are ordered by decreasing frequency, frequent words are subsampled, and each remaining word has a window. The
    word predicts the other words of its window (skip-gram), or their mean predicts the word (CBOW), against candidates
    that are shared by the batch. Each step computes the gradients of four batches against the same tables and then
    applies all four: up to four threads share a step, and the vectors are the same bits for any number of threads.

    Parameters
    ----------
    vector_size : int
        Dimension of the vectors.
    window : int
        Maximum distance of the two words of a pair.
    min_count : int
        Words that occur less often are dropped.
    sample : float
        Words of a higher frequency are subsampled (see `keep_probabilities`); 0 keeps all.
    epochs : int
        Passes over the corpus.
    num_sampled : int
        Candidates per batch; they are unique, so at most the size of the vocabulary.
    batch_size : int
        Maximum number of words per batch, each with all its pairs.
    learning_rate : float
        Initial learning rate. The gradient is the sum over the pairs of a batch.
    min_learning_rate : float, optional
        Final learning rate of the linear decay over all epochs. By default half of `learning_rate`.
    sg : bool
        True: skip-gram. False: CBOW, with the mean of the context.
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
    ns_exponent : float, optional
        Exponent of the counts; by default 1 if log Q is subtracted, 0.75 otherwise.
    optimizer : str
        "adagrad", "rowwise_adagrad" or "sgd".
    bias : bool, optional
        Whether output biases are learned; by default if log Q is subtracted.
    seed : int, optional
        In [0, 2**31 - 2]; the same seed gives the same vectors, bit for bit. None draws one.
    which : str
        The content of `vectors`: "in" (embeddings), "out" (output weights), their "mean", or "both", normalized and
        concatenated: less noisy for a small corpus (half a million words), worse for a large one.
    threads : int, optional
        Number of threads; at most 4 are used. By default it is chosen at run time, up to `set_num_threads`.

    Attributes
    ----------
    settings : TrainingSettings
        The arguments, with defaults filled in.
    vocabulary : Vocabulary
        The words, after `train` has counted them.

    Raises
    ------
    TypeError, ValueError
        An argument is of another type or out of its range.

    Notes
    -----
    Mikolov et al., "Efficient estimation of word representations in vector space", 2013; sampled softmax: Jean et al.,
    "On using very large target vocabulary for neural machine translation", 2015. Pairs with the same center share a row
    of sampled logits, which is computed once per word; see `kernels/loss/per_label.py`.

    Examples
    --------
    >>> text = [["one", "two", "three", "four"], ["four", "three", "two", "one"]] * 50
    >>> model = Word2Vec(vector_size=8, sample=0, num_sampled=2, epochs=1)
    >>> model.train(text)
    >>> len(model.vectors), model.vectors["one"].shape
    (4, (8,))
    """

    def __init__(
        self,
        vector_size: int = 100,
        window: int = 5,
        min_count: int = 5,
        sample: float = 1e-3,
        epochs: int = 5,
        num_sampled: int = 64,
        batch_size: int = 80,
        learning_rate: float = 0.2,
        min_learning_rate: float | None = None,
        sg: bool = True,
        shrink_windows: bool = True,
        objective: str | Objective = "sampled_softmax",
        subtract_log_q: bool | None = None,
        sampler: str = "unigram",
        ns_exponent: float | None = None,
        optimizer: str = "rowwise_adagrad",
        bias: bool | None = None,
        seed: int | None = 1,
        which: str = "in",
        threads: int | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "threads")}
        given["seed"] = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
        self.settings = TrainingSettings.checked(**given)
        self.threads = None if threads is None else validation.whole_number("threads", threads, at_least=1)
        self._state: Checkpoint | None = None

    @property
    def seed(self) -> int:
        """The seed that was given or drawn."""
        return self.settings.seed

    @property
    def vocabulary(self) -> Vocabulary:
        """The words; ValueError before `train` has counted them."""
        return self._trained().vocabulary

    @property
    def tables(self) -> Tables:
        """The current embeddings, output weights and output biases; ValueError before training."""
        return self._trained().tables

    @property
    def vectors(self) -> WordVectors:
        """A copy of the current vectors; ValueError before training."""
        state = self._trained()
        embeddings, weights = (table.values.copy() for table in state.tables[:2])
        return WordVectors.from_tables(state.vocabulary.words, embeddings, weights, self.settings.which)

    def train(
        self,
        corpus: Source,
        on_progress: Report = ignore,
        on_epoch: Report = ignore,
        *,
        resume: bool = False,
        grow_vocab: bool = False,
        cache: AnyPath | None = None,
        checkpoint: AnyPath | None = None,
        checkpoint_seconds: float = 600.0,
        errors: str = "strict",
        encoding: str = "utf-8",
        watch: Watch | None = None,
    ) -> None:
        """Train on a corpus: from the start, resuming an interrupted run, or continuing with more text.

        Parameters
        ----------
        corpus : path, sequence of paths, or iterable of token lists
            See `read_sentences`.
        on_progress, on_epoch : callable
            Called with a `Progress`, after each block of text and after each epoch.
        resume : bool
            Continue a loaded or interrupted run on the same corpus: the vectors are the same bits as those of an
            uninterrupted run.
        grow_vocab : bool
            Continue training an existing model on more text, for `epochs` passes over it: its words keep their rows,
            new words get new rows.
        cache : path, optional
            Directory for the ids of the corpus, see `encode_corpus`.
        checkpoint : path, optional
            File that is written every `checkpoint_seconds`, at the end, and when Ctrl-C stops the run.
        checkpoint_seconds : float
            0 writes one after each block.
        errors : str
            How to handle bytes that are not of the encoding: "strict", "replace" or "ignore".
        encoding : str
            The encoding of text files, such as "utf-8", "cp1252", "gbk" or "utf-16".
        watch : Watch, optional
            More callbacks, in addition to `on_progress` and `on_epoch`.

        Raises
        ------
        TypeError, ValueError, FileNotFoundError
            The corpus cannot be read, is too small for the arguments, or is not that of the run to resume.
        TrainingDivergedError
            A loss is not finite; the tables are those of the previous step.
        KeyboardInterrupt
            After Ctrl-C, at the end of the current block.
        """
        if isinstance(self.settings.objective, SavedObjective):
            raise ValueError(
                f"this model was trained with the objective {self.settings.objective.description}: "
                "to go on, give it to Word2Vec.load(path, objective=...)"
            )
        watches = (Watch(on_progress, on_epoch), Watch() if watch is None else watch)
        seconds = validation.number("checkpoint_seconds", checkpoint_seconds, at_least=0.0)
        validation.flag("resume", resume)
        if resume and validation.flag("grow_vocab", grow_vocab):
            raise ValueError("resume=True continues a run, grow_vocab=True starts one on more text: set only one")
        own = [] if checkpoint is None else [checkpoint]  # in a corpus folder it is no text
        reading = {"cache": cache, "errors": errors, "encoding": encoding, "exclude": own}
        encoded = self._encoded(corpus, resume, grow_vocab, reading, watches[1])
        check_stream(encoded.stream)
        self._prepare(encoded, resume, grow_vocab, watches[1])
        try:
            self._run(encoded.stream, checkpoint, seconds, watches)
        except TrainingDivergedError:
            self._state = self._trained()._replace(corpus=_DIVERGED)
            raise

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the model: settings, words, tables, optimizer slots, and the position of the run.

        The model is written atomically to one file, with checksums and without pickle; see `io/archive.py`.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        ValueError
            The model has not been trained.
        OSError
            The file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> model = Word2Vec(vector_size=4, min_count=1, sample=0, num_sampled=1, epochs=1)
        >>> model.train([["to", "be"], ["be", "to"]])
        >>> model.save(tempfile.mkdtemp() + "/model.zip")
        """
        checkpoints.save(path, self._trained())

    @classmethod
    def load(cls, path: str | os.PathLike[str], objective: Objective | None = None) -> "Word2Vec":
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

        Examples
        --------
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.zip"
        >>> model = Word2Vec(vector_size=4, min_count=1, sample=0, num_sampled=1, epochs=1)
        >>> model.train([["to", "be"], ["be", "to"]], checkpoint=path)
        >>> bool((Word2Vec.load(path).vectors["be"] == model.vectors["be"]).all())
        True
        """
        state = checkpoints.load(path, objective)
        model = cls(**state.settings.arguments())
        model._state = state
        return model

    @property
    def is_trained(self) -> bool:
        """Whether the model has tables."""
        return self._state is not None

    @property
    def is_finished(self) -> bool:
        """Whether all epochs of the last run are done."""
        return self._state is not None and self._state.position.epoch >= self.settings.epochs

    @property
    def history(self) -> list[Progress]:
        """The progress of all blocks so far."""
        return list(self._trained().history)

    def _trained(self) -> Checkpoint:
        if self._state is None:
            raise ValueError("there are no vectors yet: call train(corpus) first")
        return self._state

    def _encoded(self, corpus: Source, resume: bool, grow: bool, options: dict[str, Any], watch: Watch) -> Encoded:
        """Read the corpus."""
        options |= {"on_progress": watch.on_read, "on_reuse": watch.on_reuse}
        if resume:
            vocabulary = self._trained().vocabulary
            return Encoded(vocabulary, encode_more(corpus, vocabulary, **options))
        if grow:
            return encode_and_grow(corpus, self._trained().vocabulary, self.settings.min_count, **options)
        return encode_corpus(corpus, self.settings.min_count, **options)

    def _prepare(self, encoded: Encoded, resume: bool, grow: bool, watch: Watch) -> None:
        """Set the state from which training starts."""
        vocabulary, stream = encoded
        self._check_num_sampled(vocabulary)
        corpus = checkpoints.digest(stream)
        if resume:
            if self._trained().corpus == _DIVERGED:
                raise ValueError("this run has diverged within a block: load its last checkpoint, or start again")
            if self._trained().corpus != corpus:
                raise ValueError(
                    "this is not the corpus of the run to resume: it has "
                    f"{stream.ids.size:,} words of the run's vocabulary in {stream.offsets.size - 1:,} sentences"
                )
            return
        dim, optimizer = self.settings.vector_size, self.settings.new_optimizer()
        slots = {"adagrad": 1.0, "rowwise_adagrad": 1.0 / dim, "sgd": 0.0}[self.settings.optimizer]
        plan = plan_memory(len(vocabulary), dim, slots, stream.num_bytes)
        watch.on_plan(plan)
        check_fits(plan)
        if grow:
            tables = grown(self._trained().tables, len(vocabulary), optimizer, self.seed)
        else:
            tables = new_tables(len(vocabulary), dim, optimizer, self.seed)
        self._state = Checkpoint(self.settings, vocabulary, tables, Position(), corpus, [], {})

    def _run(self, stream: IdStream, path: AnyPath | None, seconds: float, watches: tuple[Watch, Watch]) -> None:
        """Train to the end, and write checkpoints."""
        state = self._trained()
        run = Run(state.settings, state.vocabulary, stream, state.tables, state.position, self.threads)
        checkpoints.restore_sampler(run, state.sampler_state)
        history, last = list(state.history), time.monotonic()
        with DeferredInterrupt() as interrupt:
            for progress in run.blocks():
                history.append(progress)
                self._state = checkpoints.capture(run, state.vocabulary, state.tables, state.corpus, history)
                for watch in watches:
                    watch.on_progress(progress)
                    if run.ends_epoch():
                        watch.on_epoch(progress)
                if path is not None and (interrupt.is_pending or run.is_finished or time.monotonic() - last >= seconds):
                    self.save(path)
                    last = time.monotonic()
                if interrupt.is_pending:
                    raise KeyboardInterrupt
        if not state.tables.are_finite():
            raise TrainingDivergedError(run.position.step, self.settings.learning_rate)

    def _check_num_sampled(self, vocabulary: Vocabulary) -> None:
        if self.settings.num_sampled > len(vocabulary):
            raise ValueError(
                f"num_sampled={self.settings.num_sampled} unique candidates cannot be drawn from the {len(vocabulary)} "
                f"words that occur at least min_count={self.settings.min_count} times: lower one of the two"
            )

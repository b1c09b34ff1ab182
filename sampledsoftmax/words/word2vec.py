"""Word vectors from text: skip-gram trained with sampled softmax."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sampledsoftmax import check
from sampledsoftmax.optimizers import Adagrad
from sampledsoftmax.skip_gram import SkipGram
from sampledsoftmax.words.corpus import Source, read_sentences
from sampledsoftmax.words.pairs import keep_probabilities, pair_blocks
from sampledsoftmax.words.progress import Progress, TrainingDivergedError
from sampledsoftmax.words.training import check_stream, train_epoch
from sampledsoftmax.words.vectors import WordVectors, unit_rows
from sampledsoftmax.words.vocabulary import IdStream, Vocabulary

_MAX_SEED = 2**31 - 2
_ACCUMULATOR_OF_A_SUM = 0.1


def _no_report(_: Any) -> None:
    """Take a report and do nothing with it."""


class Word2Vec:
    """Skip-gram word vectors, as the word2vec tutorial of TensorFlow makes them.

    Ids go by falling frequency, frequent words are thinned out, a window is laid around each word that
    stays, and the word predicts those in its window against log-uniform candidates that a batch shares.

    Parameters
    ----------
    vector_size : int
        Width of a vector.
    window : int
        Farthest distance of two words of a pair; a window of each word is drawn from 1 to `window`.
    min_count : int
        Words that occur less often are left out.
    sample : float
        Words of a higher frequency are thinned out (see `keep_probabilities`); 0 keeps all.
    epochs : int
        Passes over the corpus.
    num_sampled : int
        Candidates a batch, at most the size of the vocabulary since they are unique.
    batch_size : int
        Pairs a step, at most; a block of pairs is cut into batches of almost equal size.
    learning_rate : float
        Adagrad's. Its accumulators start at 0.1 / batch_size**2: the gradient is that of the mean over
        the batch, so that this equals 0.1 for the gradient of the sum.
    seed : int, optional
        In [0, 2**31 - 2]; the same seed gives the same vectors, bit for bit. None draws one.
    which : str
        What `vectors` holds. "in": the embeddings. "both": the embedding and the row of the output
        weights, each brought to length one, side by side (2 * vector_size wide), so that a cosine is the
        mean of two; steadier on a small corpus (half a million words), worse on a large one (4 million).

    Attributes
    ----------
    vocabulary : Vocabulary
        The words, once `train` has counted them.
    seed : int
        The seed that was given or drawn.

    Raises
    ------
    TypeError, ValueError
        An argument is of another type or out of its range.

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
        batch_size: int = 1024,
        learning_rate: float = 0.2,
        seed: int | None = 1,
        which: str = "in",
    ) -> None:
        self.vector_size = check.whole_number("vector_size", vector_size, at_least=1)
        self.window = check.whole_number("window", window, at_least=1)
        self.min_count = check.whole_number("min_count", min_count, at_least=1)
        self.sample = check.number("sample", sample, at_least=0.0)
        self.epochs = check.whole_number("epochs", epochs, at_least=1)
        self.num_sampled = check.whole_number("num_sampled", num_sampled, at_least=1)
        self.batch_size = check.whole_number("batch_size", batch_size, at_least=1)
        self.learning_rate = check.number("learning_rate", learning_rate, above=0.0)
        given = secrets.randbelow(_MAX_SEED + 1) if seed is None else seed
        self.seed = check.whole_number("seed", given, at_least=0, at_most=_MAX_SEED)
        self.which = check.choice("which", which, ("in", "both"))
        self._vectors: WordVectors | None = None

    @property
    def vectors(self) -> WordVectors:
        """The vectors of the last complete epoch; after Ctrl-C, those of the moment.

        A run that diverged leaves those of the last epoch that it completed. ValueError before that.
        """
        if self._vectors is None:
            raise ValueError("there are no vectors yet: no epoch of train(corpus) is complete")
        return self._vectors

    def train(
        self,
        corpus: Source,
        on_progress: Callable[[Progress], None] = _no_report,
        on_epoch: Callable[[Progress], None] = _no_report,
    ) -> None:
        """Train from the start on a corpus; what was trained before is dropped.

        Parameters
        ----------
        corpus : path or iterable of token lists
            See `read_sentences`.
        on_progress : callable
            Is called after each block of pairs.
        on_epoch : callable
            Is called after each epoch, when `vectors` holds what it has learnt.

        Raises
        ------
        TypeError, ValueError, FileNotFoundError
            The corpus cannot be read, or is too small for the arguments.
        TrainingDivergedError
            The loss or an embedding stopped being finite.
        """
        sentences = read_sentences(corpus)
        self.vocabulary = Vocabulary.build(sentences, self.min_count)
        self._check_num_sampled()
        stream = self.vocabulary.encode(sentences)
        check_stream(stream, int(self.vocabulary.counts.sum()))
        self._vectors, model = None, self._new_model()
        try:
            for done in self._epochs_of(model, stream, on_progress):
                self._keep(model, done.step)
                on_epoch(done)
        except KeyboardInterrupt:
            if _is_finite(model):
                self._keep(model, step=0)
            raise

    def _new_model(self) -> SkipGram:
        optimizer = Adagrad(self.learning_rate, _ACCUMULATOR_OF_A_SUM / self.batch_size**2)
        return SkipGram(len(self.vocabulary), self.vector_size, self.num_sampled, optimizer, seed=self.seed)

    def _epochs_of(
        self, model: SkipGram, stream: IdStream, on_progress: Callable[[Progress], None]
    ) -> Iterator[Progress]:
        """Train epoch by epoch and yield how far the run has come."""
        keep, size = keep_probabilities(self.vocabulary.counts, self.sample), stream.ids.size
        done = Progress(0, self.epochs, 0, 0, 0, self.epochs * size, float("nan"))
        for epoch in range(self.epochs):
            blocks = pair_blocks(stream, keep, self.window, self.seed, epoch)
            done = done._replace(epoch=epoch + 1)
            done = train_epoch(model, blocks, self.batch_size, done, on_progress)
            if done.pairs == 0:
                raise ValueError(
                    f"epoch 1 has no pairs: sample={self.sample:g} leaves no sentence of two words; use sample=0"
                )
            done = done._replace(words=(epoch + 1) * size)
            yield done

    def _keep(self, model: SkipGram, step: int) -> None:
        """Take a copy of the vectors, unless they are lost."""
        if not _is_finite(model):
            raise TrainingDivergedError(step + 1, self.learning_rate)
        both = self.which == "both"
        rows = np.hstack([unit_rows(model.embeddings), unit_rows(model.weights)]) if both else model.embeddings.copy()
        self._vectors = WordVectors(self.vocabulary.words, rows)

    def _check_num_sampled(self) -> None:
        if self.num_sampled > len(self.vocabulary):
            raise ValueError(
                f"num_sampled={self.num_sampled} unique candidates cannot be drawn from the {len(self.vocabulary)} "
                f"words that occur at least min_count={self.min_count} times: lower one of the two"
            )


def _is_finite(model: SkipGram) -> bool:
    return bool(np.isfinite(model.embeddings).all() and np.isfinite(model.weights).all())

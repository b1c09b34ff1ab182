"""A training run: epochs of blocks with a decreasing learning rate, resumable after every block."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.sampling.distribution import LearnedUnigram
from sampledsoftmax.kernels.sampling.prefix_sums import MAX_TOTAL
from sampledsoftmax.kernels.text.windows import Text
from sampledsoftmax.runtime.patient_call import patient_call
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.training.loss_limit import LossLimit
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError, smooth
from sampledsoftmax.word2vec.training.settings import TrainingSettings
from sampledsoftmax.word2vec.training.tables import Tables, zero_tables
from sampledsoftmax.word2vec.training.trainer import (
    BlockResult,
    DivergedError,
    Trainer,
    TrainingPlan,
)
from sampledsoftmax.word2vec.training.word_counts import new_sampler, thresholds


class Position(NamedTuple):
    """The position of a run: with the tables, everything that is needed to resume it bit for bit.

    Attributes
    ----------
    epoch, block : int
        The next block, from 0; at the end `epoch` is the number of epochs.
    step, pairs : int
        Steps and pairs of the run so far.
    epoch_pairs : int
    epoch_loss : float
        Pairs of the epoch so far, and the sum of their losses.
    smoothed : float
        See `Progress`.
    """

    epoch: int = 0
    block: int = 0
    step: int = 0
    pairs: int = 0
    epoch_pairs: int = 0
    epoch_loss: float = 0.0
    smoothed: float = float("nan")


class Run:
    """Trains tables on a corpus, starting at a position.

    Attributes
    ----------
    position : Position
        The current position; changes after each block.
    is_within_block : bool
        Whether a block is being trained: the tables are ahead of the position.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        vocabulary: Vocabulary,
        stream: IdStream,
        tables: Tables,
        position: Position,
        threads: int | None = None,
    ) -> None:
        self.settings, self.position, self.is_within_block = settings, position, False
        self._counts = vocabulary.counts
        self._limit: LossLimit | None = None
        self._num_words = int(stream.ids.size)
        self.sampler = new_sampler(settings, vocabulary.counts)
        text = Text(
            _read_only(stream.ids),
            _read_only(stream.offsets),
            thresholds(vocabulary.counts, settings.sample),
            settings.window,
            settings.shrink_windows,
            settings.sg,
        )
        self._text, self._plan = (
            text,
            TrainingPlan(
                settings.objective,
                settings.correction,
                settings.bias,
                settings.candidates(len(vocabulary)),
                settings.batch_size,
                settings.seed,
                settings.shards,
            ),
        )
        self._trainer = Trainer(tables, text, self.sampler, self._plan, threads)

    def compile(self, on_slow: Callable[[], None]) -> None:
        """Compile the step, in a way that Ctrl-C can interrupt; `on_slow` is called if that takes long."""
        if not self.is_finished:
            patient_call(self._set_loss_limit, on_slow)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done."""
        return self.position.epoch >= self.settings.epochs

    def blocks(self) -> Iterator[Progress]:
        """Train block by block to the end, and yield the progress after each block.

        Raises
        ------
        TrainingDivergedError
            A loss is not finite, or far above that of a model that knows nothing; the tables are of no use.
        ValueError
            No epoch has pairs.
        """
        while not self.is_finished:
            yield self._train_block()
        if self.position.pairs == 0:
            raise ValueError(
                f"no epoch has pairs: sample={self.settings.sample:g} leaves no sentence of two words; use sample=0"
            )

    def _train_block(self) -> Progress:
        at, blocks = self.position, self._trainer.num_blocks
        self._check_learned_counts()
        share = (at.epoch + at.block / blocks) / self.settings.epochs
        rate = self.settings.rate_at(share)
        self.is_within_block = True
        try:
            result = self._trainer.train_block(at.epoch, at.block, rate)
        except DivergedError as error:
            raise TrainingDivergedError(at.step + error.steps + 1, rate) from None
        self._check_loss(result, rate)
        self.is_within_block = False
        smoothed = smooth(at.smoothed, _mean(result.loss, result.pairs), at.pairs, result.pairs)
        at = Position(
            at.epoch,
            at.block + 1,
            at.step + result.steps,
            at.pairs + result.pairs,
            at.epoch_pairs + result.pairs,
            at.epoch_loss + result.loss,
            smoothed,
        )
        ends_epoch = at.block == blocks
        words = at.epoch * self._num_words + self._num_words * at.block // blocks
        loss = _mean(at.epoch_loss, at.epoch_pairs) if ends_epoch else _mean(result.loss, result.pairs)
        self.position = Position(at.epoch + 1, 0, at.step, at.pairs, 0, 0.0, smoothed) if ends_epoch else at
        total = self._num_words * self.settings.epochs
        return Progress(at.epoch + 1, self.settings.epochs, at.step, at.pairs, words, total, loss, smoothed, rate)

    def _set_loss_limit(self) -> None:
        """Set the limit of the loss, from that of the next block where all tables are zeros.

        The block is trained on tables of one column at a rate of 0: the logits are those of zeros for any dimension.
        """
        tables = zero_tables(self._counts.size, self.settings.new_optimizer())
        trainer = Trainer(tables, self._text, new_sampler(self.settings, self._counts), self._plan, threads=1)
        result = trainer.train_block(self.position.epoch, self.position.block, 0.0)
        if result.pairs > 0:
            self._limit = LossLimit(result.loss / result.pairs)

    def _check_loss(self, result: BlockResult, rate: float) -> None:
        """Raise TrainingDivergedError if the loss is far above that of zero logits."""
        if result.pairs == 0:
            return
        if self._limit is None:  # the block for which it was to be set had no pairs
            self._set_loss_limit()
        if self._limit is not None and self._limit.is_exceeded(result.loss, result.pairs):
            raise TrainingDivergedError(self.position.step + result.steps, rate, result.loss / result.pairs)

    def _check_learned_counts(self) -> None:
        """Raise ValueError if a block could exceed the maximum total count of a learned distribution."""
        distribution = self._trainer.distribution
        counted = int(distribution.tree[-1]) if isinstance(distribution, LearnedUnigram) else 0
        max_labels = self._trainer.max_positions * 2 * self.settings.window
        if counted and counted + max_labels > MAX_TOTAL:
            raise ValueError(
                f"the learned unigram distribution has counted {counted:,} of at most {MAX_TOTAL:,} labels: "
                "use sampler='unigram' for a corpus of this size"
            )

    def ends_epoch(self) -> bool:
        """Return whether the last block was the last one of an epoch."""
        return self.position.block == 0


def check_stream(stream: IdStream, advice: str = "") -> None:
    """Raise ValueError for a corpus without pairs; `advice` ends the message."""
    if np.diff(stream.offsets).max(initial=0) < 2:
        raise ValueError(
            f"the corpus has no pairs: no sentence has two words of the vocabulary (a line is a sentence){advice}"
        )


def _mean(total: float, number: int) -> float:
    """Return the mean, NaN of nothing."""
    return total / number if number else math.nan


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view, so that arrays in memory and mapped ones have one type and need one compilation."""
    view: NDArray[Any] = np.asarray(array).view()
    view.flags.writeable = False
    return view

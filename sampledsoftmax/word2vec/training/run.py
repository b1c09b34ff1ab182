"""A training run: epochs of blocks with a decreasing learning rate, resumable after every block."""

import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.sampling.distribution import LearnedUnigram
from sampledsoftmax.kernels.sampling.prefix_sums import MAX_TOTAL
from sampledsoftmax.kernels.text.windows import Text
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError, smooth
from sampledsoftmax.word2vec.training.settings import TrainingSettings
from sampledsoftmax.word2vec.training.tables import Tables
from sampledsoftmax.word2vec.training.trainer import (
    NUM_SHARDS,
    POSITIONS_PER_BLOCK,
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
        self.settings, self.position, self._tables = settings, position, tables
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
        plan = TrainingPlan(
            settings.objective,
            settings.correction,
            settings.bias,
            settings.num_sampled,
            settings.batch_size,
            settings.seed,
        )
        self._trainer = Trainer(tables, text, self.sampler, plan, threads)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done."""
        return self.position.epoch >= self.settings.epochs

    def blocks(self) -> Iterator[Progress]:
        """Train block by block to the end, and yield the progress after each block.

        Raises
        ------
        TrainingDivergedError
            A loss is not finite; the tables are those of the previous step.
        ValueError
            The first epoch has no pairs.
        """
        while not self.is_finished:
            yield self._train_block()

    def _train_block(self) -> Progress:
        at, blocks = self.position, self._trainer.num_blocks
        self._check_learned_counts()
        share = (at.epoch + at.block / blocks) / self.settings.epochs
        rate = self.settings.rate_at(share)
        try:
            result = self._trainer.train_block(at.epoch, at.block, rate)
        except DivergedError as error:
            raise TrainingDivergedError(at.step + error.steps + 1, rate) from None
        smoothed = smooth(at.smoothed, result.loss / max(result.pairs, 1), at.pairs, result.pairs)
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
        if ends_epoch and at.pairs == 0:
            raise ValueError(
                f"epoch 1 has no pairs: sample={self.settings.sample:g} leaves no sentence of two words; use sample=0"
            )
        words = at.epoch * self._num_words + self._num_words * at.block // blocks
        loss = at.epoch_loss / max(at.epoch_pairs, 1) if ends_epoch else result.loss / max(result.pairs, 1)
        self.position = Position(at.epoch + 1, 0, at.step, at.pairs, 0, 0.0, smoothed) if ends_epoch else at
        total = self._num_words * self.settings.epochs
        return Progress(at.epoch + 1, self.settings.epochs, at.step, at.pairs, words, total, loss, smoothed, rate)

    def _check_learned_counts(self) -> None:
        """Raise ValueError if a block could exceed the maximum total count of a learned distribution."""
        distribution = self._trainer.distribution
        counted = int(distribution.tree[-1]) if isinstance(distribution, LearnedUnigram) else 0
        max_labels = NUM_SHARDS * POSITIONS_PER_BLOCK * 2 * self.settings.window
        if counted and counted + max_labels > MAX_TOTAL:
            raise ValueError(
                f"the learned unigram distribution has counted {counted:,} of at most {MAX_TOTAL:,} labels: "
                "use sampler='unigram' for a corpus of this size"
            )

    def ends_epoch(self) -> bool:
        """Return whether the last block was the last one of an epoch."""
        return self.position.block == 0


class DeferredInterrupt:
    """Within the block, a first Ctrl-C is only recorded; a second one is raised at once.

    Outside the main thread, where Python does not allow signal handlers, nothing is changed.

    Attributes
    ----------
    is_pending : bool
        Whether Ctrl-C was pressed.

    Examples
    --------
    >>> import os
    >>> with DeferredInterrupt() as interrupt:
    ...     os.kill(os.getpid(), signal.SIGINT)
    ...     interrupt.is_pending
    True
    """

    def __init__(self) -> None:
        self.is_pending = False

    def __enter__(self) -> "DeferredInterrupt":
        self._active = threading.current_thread() is threading.main_thread()
        if self._active:
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._active:
            signal.signal(signal.SIGINT, self._previous)

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self.is_pending:
            raise KeyboardInterrupt
        self.is_pending = True


def check_stream(stream: IdStream) -> None:
    """Raise ValueError for a corpus without pairs."""
    if np.diff(stream.offsets).max(initial=0) < 2:
        raise ValueError("the corpus has no pairs: no sentence has two words of the vocabulary (a line is a sentence)")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view, so that arrays in memory and mapped ones have one type and need one compilation."""
    view: NDArray[Any] = np.asarray(array).view()
    view.flags.writeable = False
    return view

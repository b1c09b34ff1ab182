"""A training run: epochs of blocks, a learning rate that falls, and where it stands so that it can go on."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.sampling.distribution import LearnedUnigram
from sampledsoftmax.kernels.sampling.prefix_sums import MAX_TOTAL
from sampledsoftmax.kernels.text.windows import Text
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.word2vec.encoding.id_stream import IdStream
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.training.progress import Progress, TrainingDivergedError, smooth
from sampledsoftmax.word2vec.training.settings import Settings
from sampledsoftmax.word2vec.training.subsampling import thresholds
from sampledsoftmax.word2vec.training.tables import Tables
from sampledsoftmax.word2vec.training.trainer import NUM_SHARDS, POSITIONS_A_BLOCK, DivergedError, Plan, Trainer


class Position(NamedTuple):
    """How far a run is: all that a later one needs to go on as if it had never stopped, beside the tables.

    Attributes
    ----------
    epoch, block : int
        The next block, from 0; at the end `epoch` is the number of epochs.
    step, pairs : int
        Of the run so far.
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
    """Trains tables on a corpus from a position on.

    Attributes
    ----------
    position : Position
        How far it is; changes after each block.
    """

    def __init__(
        self,
        settings: Settings,
        vocabulary: Vocabulary,
        stream: IdStream,
        tables: Tables,
        position: Position,
        threads: int | None = None,
    ) -> None:
        self.settings, self.position, self._tables = settings, position, tables
        self._num_words = int(stream.ids.size)
        self.sampler = new_sampler(settings, vocabulary)
        text = Text(
            _read_only(stream.ids),
            _read_only(stream.offsets),
            thresholds(vocabulary.counts, settings.sample),
            settings.window,
            settings.shrink_windows,
            settings.sg,
        )
        plan = Plan(
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
        """Train block by block up to the end, and yield how far the run is after each.

        Raises
        ------
        TrainingDivergedError
            A loss is not finite; the tables are those of the step before.
        ValueError
            The first epoch has no pairs.
        """
        while not self.is_finished:
            yield self._train_block()

    def _train_block(self) -> Progress:
        at, blocks = self.position, self._trainer.num_blocks
        self._check_room_to_learn()
        share = (at.epoch + at.block / blocks) / self.settings.epochs
        rate = self.settings.rate_at(share)
        try:
            learnt = self._trainer.train_block(at.epoch, at.block, rate)
        except DivergedError as error:
            raise TrainingDivergedError(at.step + error.steps + 1, rate) from None
        smoothed = smooth(at.smoothed, learnt.loss / max(learnt.pairs, 1), at.pairs, learnt.pairs)
        at = Position(
            at.epoch,
            at.block + 1,
            at.step + learnt.steps,
            at.pairs + learnt.pairs,
            at.epoch_pairs + learnt.pairs,
            at.epoch_loss + learnt.loss,
            smoothed,
        )
        ends_epoch = at.block == blocks
        if ends_epoch and at.pairs == 0:
            raise ValueError(
                f"epoch 1 has no pairs: sample={self.settings.sample:g} leaves no sentence of two words; use sample=0"
            )
        words = at.epoch * self._num_words + self._num_words * at.block // blocks
        loss = at.epoch_loss / max(at.epoch_pairs, 1) if ends_epoch else learnt.loss / max(learnt.pairs, 1)
        self.position = Position(at.epoch + 1, 0, at.step, at.pairs, 0, 0.0, smoothed) if ends_epoch else at
        total = self._num_words * self.settings.epochs
        return Progress(at.epoch + 1, self.settings.epochs, at.step, at.pairs, words, total, loss, smoothed, rate)

    def _check_room_to_learn(self) -> None:
        """Refuse to count more labels than a learned distribution can."""
        distribution = self._trainer.distribution
        counted = int(distribution.tree[-1]) if isinstance(distribution, LearnedUnigram) else 0
        most = NUM_SHARDS * POSITIONS_A_BLOCK * 2 * self.settings.window
        if counted and counted + most > MAX_TOTAL:
            raise ValueError(
                f"the learned unigram distribution has counted {counted:,} labels and holds {MAX_TOTAL:,}: "
                "use sampler='unigram' for a corpus of this size"
            )

    def ends_epoch(self) -> bool:
        """Return whether the last block was the last one of an epoch."""
        return self.position.block == 0


def new_sampler(settings: Settings, vocabulary: Vocabulary) -> CandidateSampler:
    """Return where candidates come from."""
    if settings.sampler == "log_uniform":
        return LogUniformSampler(len(vocabulary), settings.seed)
    if settings.sampler == "learned_unigram":
        return LearnedUnigramSampler(len(vocabulary), settings.seed)
    return FixedUnigramSampler(vocabulary.counts.astype(float), distortion=settings.ns_exponent, seed=settings.seed)


def check_stream(stream: IdStream) -> None:
    """Refuse a corpus that has no two words side by side."""
    if np.diff(stream.offsets).max(initial=0) < 2:
        raise ValueError(
            "the corpus has no pairs: no sentence holds two words of the vocabulary (a line is a sentence)"
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written: arrays in memory and in files are one type, so one compilation."""
    view: NDArray[Any] = np.asarray(array).view()
    view.flags.writeable = False
    return view

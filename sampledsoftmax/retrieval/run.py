"""A training run of a matrix factorization, block by block: learning rates, candidates, losses and the position."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.layers.ragged_step import RaggedSteps, RaggedTables
from sampledsoftmax.retrieval.batches import CANDIDATES, BlockOfBatches, UserBatches, stream_key
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.settings import FactorSettings
from sampledsoftmax.retrieval.tables import REAL, FactorTables, zero_tables
from sampledsoftmax.samplers import CandidateSampler, UniformSampler
from sampledsoftmax.samplers.all_candidates import AllSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.types import RaggedLabels


class Position(NamedTuple):
    """Where a run is: what the next block is, and what was trained so far.

    Attributes
    ----------
    epoch, block : int
        Of the next block, from 0.
    pairs : int
        Pairs trained so far.
    epoch_pairs : int
        Those of this epoch.
    epoch_loss : float
        The sum of their losses.
    """

    epoch: int = 0
    block: int = 0
    pairs: int = 0
    epoch_pairs: int = 0
    epoch_loss: float = 0.0


class FitProgress(NamedTuple):
    """Progress of a run, reported after each block of batches.

    Attributes
    ----------
    epoch, epochs : int
        The current epoch, from 1, and the epochs of the run.
    pairs, total_pairs : int
        Pairs (user, item) so far, and those of all epochs.
    loss : float
        Mean loss per pair of the block, in nats.
    user_learning_rate, item_learning_rate : float
        Of the block.
    """

    epoch: int
    epochs: int
    pairs: int
    total_pairs: int
    loss: float
    user_learning_rate: float
    item_learning_rate: float


class Run:
    """Trains two tables on interactions.

    Parameters
    ----------
    settings : FactorSettings
    train : Interactions
    tables : FactorTables
        Trained in place.
    position : Position

    Raises
    ------
    ValueError
        `num_sampled` is larger than the number of items with interactions.
    """

    def __init__(self, settings: FactorSettings, train: Interactions, tables: FactorTables, position: Position) -> None:
        self.settings, self.tables, self.position = settings, tables, position
        self._batches = UserBatches(train.row_splits, train.items, settings.batch_size, settings.seed)
        self._pairs_per_epoch = int(train.items.size)
        self._train = train
        self._num_sampled = number_of_candidates(settings, train)
        self._sampler = self._new_sampler()
        self._steps = self._steps_for(tables, self._sampler)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done."""
        return self.position.epoch >= self.settings.epochs

    def compile(self) -> None:
        """Compile the code of a step: one on tables of a column of zeros, which this run does not use."""
        optimizers = (self.settings.user_optimizer, self.settings.item_optimizer)
        tables = zero_tables(2, self.tables.items.values.shape[0], optimizers)
        label = int(self._train.items[0])
        labels = RaggedLabels(np.array([label, label]), np.arange(3))
        block = BlockOfBatches(np.arange(2), labels, np.array([0, 2]), 0)
        self._steps_for(tables, self._new_sampler()).steps(RaggedTables(*tables), *block[:3], np.zeros((1, 2)))

    def train_block(self) -> FitProgress:
        """Train on the next block, and return the progress.

        Raises
        ------
        FloatingPointError
            A loss is not finite; the batches before it have been applied.
        """
        at, settings = self.position, self.settings
        block = self._batches.block(at.epoch, at.block)
        rates = self._rates(at.epoch, block)
        self._seek(at)
        losses = self._steps.steps(RaggedTables(*self.tables), *block[:3], rates)
        pairs = int(block.labels.values.size)
        loss = float(losses @ block.pairs)
        done = Position(at.epoch, at.block + 1, at.pairs + pairs, at.epoch_pairs + pairs, at.epoch_loss + loss)
        self.position = done
        total, last = self._pairs_per_epoch * settings.epochs, rates[-1].tolist()
        return FitProgress(at.epoch + 1, settings.epochs, done.pairs, total, loss / pairs, *last)

    @property
    def is_at_end_of_epoch(self) -> bool:
        """Whether the last block of an epoch has been trained, and `end_epoch` is next."""
        return self.position.block >= self._batches.num_blocks

    def end_epoch(self) -> float:
        """Go on to the next epoch, and return the mean loss of this one."""
        at = self.position
        self.position = Position(at.epoch + 1, 0, at.pairs)
        return at.epoch_loss / at.epoch_pairs

    def rates_at(self, at: Position) -> tuple[float, float]:
        """Return the learning rates of users and items in the first batch of a block."""
        users, items = self._rates(at.epoch, self._batches.block(at.epoch, at.block))[0].tolist()
        return users, items

    def _rates(self, epoch: int, block: BlockOfBatches) -> NDArray[np.float64]:
        """Return the rates [num_batches, 2] of users and items, which fall from those of the optimizers to 0."""
        settings, batches = self.settings, self._batches
        done = epoch * batches.num_batches + block.first_batch + np.arange(block.starts.size - 1)
        left = 1.0 - done / (batches.num_batches * settings.epochs)
        first = (settings.user_optimizer.learning_rate, settings.item_optimizer.learning_rate)
        return np.outer(left, first)

    def _steps_for(self, tables: FactorTables, sampler: CandidateSampler) -> RaggedSteps:
        settings = self.settings
        return RaggedSteps(
            self._num_sampled,
            tables.users.values.shape[1],
            REAL,
            sampler,
            temperature=settings.temperature,
            normalize=settings.normalize,
            subtract_log_q=settings.subtract_log_q,
            unique=isinstance(sampler, AllSampler),
        )

    def _new_sampler(self) -> CandidateSampler:
        return candidate_sampler(self.settings, self._train)

    def _seek(self, at: Position) -> None:
        """Move the sampler to the candidates of a block, which do not depend on what was drawn before."""
        seed, stream = stream_key(self.settings.seed, CANDIDATES, at.epoch, at.block).tolist()
        self._sampler.state = {"seed": seed, "seed2": stream, "block": 0}


def number_of_candidates(settings: FactorSettings, train: Interactions) -> int:
    """Return the number of candidates of a batch."""
    return settings.candidates(_num_drawable(settings, train))


def candidate_sampler(settings: FactorSettings, train: Interactions) -> CandidateSampler:
    """Return the sampler of the candidates; where they are all items, the loss is that of the full softmax."""
    counts = train.item_counts
    if number_of_candidates(settings, train) == counts.size:
        return AllSampler(counts.size, seed=0)
    if settings.sampler == "uniform":
        return UniformSampler(counts.size, seed=0)
    return FixedUnigramSampler(counts, distortion=settings.popularity_exponent, seed=0)


def _num_drawable(settings: FactorSettings, train: Interactions) -> int:
    counts = train.item_counts
    every = settings.sampler == "uniform" or settings.popularity_exponent == 0
    return int(counts.size if every else np.count_nonzero(counts))

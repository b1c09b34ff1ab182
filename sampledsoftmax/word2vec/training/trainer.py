"""Trains the three tables of a model block by block: the memory, threads and random streams of the kernels."""

import time
from typing import NamedTuple

import numpy as np

from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.jit.struct_sequence import StructSequence
from sampledsoftmax.kernels.sampling.distribution import Distribution
from sampledsoftmax.kernels.step.sampling_phase import SampleSource
from sampledsoftmax.kernels.step.train import NOT_FINITE, OUTCOME, STEPS_TAKEN, TOO_FEW_CLASSES
from sampledsoftmax.kernels.text.shard import EXAMPLES, LOSS, PAIRS
from sampledsoftmax.kernels.text.train import Block, run_text_steps
from sampledsoftmax.kernels.text.windows import Text
from sampledsoftmax.kernels.update.rules import begin_step
from sampledsoftmax.layers.table import trained_tables
from sampledsoftmax.losses.objectives import Objective, checked_objective
from sampledsoftmax.runtime.threadpool import thread_pool
from sampledsoftmax.runtime.workspace import make_thread_buffers, settings_for
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import Correction
from sampledsoftmax.word2vec.training.shard_memory import new_shard, sizes_of_batch
from sampledsoftmax.word2vec.training.tables import Tables
from sampledsoftmax.word2vec.training.thread_tuner import ThreadTuner

# Positions of the text per call: a few hundredths of a second, so that Ctrl-C is handled in time, and the learning rate
# falls in small steps. Up to 32 shards divide them; more have as many each as 32, or their batches would not be full.
POSITIONS_PER_BLOCK = 32_768
_MOST_DIVIDED = 32

# Purposes of random numbers; purpose, epoch and block give the number of a Philox stream.
_TEXT, _CANDIDATES = 1, 2


class BlockResult(NamedTuple):
    """The result of a block: the sum of the losses of its pairs, the number of pairs, the number of steps."""

    loss: float
    pairs: int
    steps: int


class TrainingPlan(NamedTuple):
    """The objective and the sizes of the training steps.

    Attributes
    ----------
    objective : str or Objective
        "sampled_softmax", "nce", "negative_sampling", or an objective with a compiled loss.
    correction : Correction
    learn_biases : bool
    num_sampled : int
        Candidates of a batch.
    batch_size : int
        Maximum number of words of a shard in a step.
    seed : int
    shards : int
        Batches whose gradients are computed against the same tables before these are updated.
    """

    objective: str | Objective
    correction: Correction
    learn_biases: bool
    num_sampled: int
    batch_size: int
    seed: int
    shards: int


class DivergedError(FloatingPointError):
    """The loss of a step is not finite; the tables are those before this step.

    Attributes
    ----------
    steps : int
        Steps of the block before it.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        super().__init__(f"the loss of step {steps + 1} of the block is not finite")


class Trainer:
    """Trains tables on a text.

    Parameters
    ----------
    tables : Tables
        Updated in place.
    text : Text
        The corpus.
    sampler : CandidateSampler
        The distribution of the candidates; its own random stream is not used.
    plan : TrainingPlan
        Objective and sizes.
    threads : int, optional
        Number of threads. By default it is chosen at run time (see `ThreadTuner`), up to `set_num_threads`.
    """

    def __init__(
        self, tables: Tables, text: Text, sampler: CandidateSampler, plan: TrainingPlan, threads: int | None = None
    ) -> None:
        self.tables, self.text, self.plan, self._threads = tables, text, plan, threads
        most_threads = threads or thread_pool.num_threads
        self._tuner = ThreadTuner((most_threads, min(plan.shards, most_threads), 1))
        distribution = sampler.fused_distribution()
        if distribution is None:
            raise TypeError(f"{type(sampler).__name__} has no compiled distribution")
        self._distribution = distribution
        _refuse_counted_steps(tables)
        dim, real = tables.embeddings.values.shape[1], tables.embeddings.values.dtype
        sizes = sizes_of_batch(plan.batch_size, text.window, text.center_is_input, plan.num_sampled, dim)
        positions = positions_of_shard(plan.shards) + 2 * text.window
        self._shards = StructSequence([new_shard(sizes, positions, most_threads, real) for _ in range(plan.shards)])
        self._buffers = make_thread_buffers(most_threads, 1 + plan.num_sampled, dim, real)
        loss = checked_objective(plan.objective).compiled_loss()
        self._settings = settings_for(loss, True, plan.correction, (1, plan.num_sampled), real, 1)

    @property
    def distribution(self) -> Distribution:
        """The distribution of the candidates; the counts of a learned distribution change."""
        return self._distribution

    @property
    def max_positions(self) -> int:
        """The most positions of the text in a block."""
        return self.plan.shards * positions_of_shard(self.plan.shards)

    @property
    def num_blocks(self) -> int:
        """The number of blocks of an epoch."""
        return max(1, ceil_div(int(self.text.ids.size), self.max_positions))

    def train_block(self, epoch: int, block: int, learning_rate: float) -> BlockResult:
        """Train on one block of an epoch.

        Raises
        ------
        DivergedError
            A loss is not finite; the steps before it have been applied.
        """
        totals, status = np.zeros(3), np.zeros(2, np.int64)
        source = SampleSource(self._distribution, *_stream(self.plan.seed, _CANDIDATES, epoch, block), np.uint64(0))
        rule = self.tables.weights.rule
        rule = rule._replace(learning_rate=self.tables.weights.values.dtype.type(learning_rate))
        tables = trained_tables(*self.tables)
        arguments = (tables, rule, self.text, self._block(epoch, block), source, self._settings)
        threads = self._threads or self._tuner.next_threads()
        start = time.perf_counter()
        thread_pool.run(run_text_steps, threads, *arguments, self._shards, self._buffers, totals, status)
        if self._threads is None:
            self._tuner.record(threads, time.perf_counter() - start, int(totals[EXAMPLES]))
        if status[OUTCOME] == NOT_FINITE:
            raise DivergedError(int(status[STEPS_TAKEN]))
        if status[OUTCOME] == TOO_FEW_CLASSES:
            raise ValueError(f"{self.plan.num_sampled} different candidates were not found in the distribution")
        return BlockResult(float(totals[LOSS]), int(totals[PAIRS]), int(status[STEPS_TAKEN]))

    def _block(self, epoch: int, block: int) -> Block:
        """Return the positions of each shard: each has one part of the text, and reads it in order."""
        shards = self.plan.shards
        bounds = np.arange(shards + 1) * self.text.ids.size // shards
        size = ceil_div(self.text.ids.size, shards * self.num_blocks)
        first = np.minimum(bounds[:-1] + block * size, bounds[1:])
        last = np.minimum(first + size, bounds[1:])
        seed, stream = _stream(self.plan.seed, _TEXT, epoch, 0)
        return Block(first, last, seed, stream, self.plan.batch_size, self.plan.learn_biases)


def positions_of_shard(shards: int) -> int:
    """Return the most positions of the text of each of that many shards in a block.

    Examples
    --------
    >>> [positions_of_shard(shards) for shards in (1, 4, 32, 64)]
    [32768, 8192, 1024, 1024]
    """
    return max(1, POSITIONS_PER_BLOCK // min(shards, _MOST_DIVIDED))


def _stream(seed: int, purpose: int, epoch: int, block: int) -> tuple[np.uint64, np.uint64]:
    """Return the seed and the number of a Philox stream."""
    return np.uint64(seed), np.uint64(purpose << 60 | epoch << 32 | block)


def _refuse_counted_steps(tables: Tables) -> None:
    """Refuse a rule that counts steps, as Adam's: a step applies the gradients of all shards."""
    rule = tables.weights.rule
    if rule is None or begin_step.has(type(rule)):
        name = type(tables.weights.optimizer).__name__
        raise TypeError(f"{name} cannot train word vectors: its rule is not compiled, or counts steps")

"""Trains the three tables of a model block by block: the memory, threads and random streams of the kernels."""

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.kernels.hash_table import num_buckets
from sampledsoftmax.kernels.sampling.distribution import Distribution
from sampledsoftmax.kernels.step.sampling_phase import SampleSource
from sampledsoftmax.kernels.step.train import NOT_FINITE, OUTCOME, STEPS_TAKEN, TOO_FEW_CLASSES
from sampledsoftmax.kernels.text.shard import EXAMPLES, LOSS, PAIRS, ShardBuffers
from sampledsoftmax.kernels.text.train import Block, run_text_steps
from sampledsoftmax.kernels.text.windows import POSITIONS_AT_ONCE, Examples, Text, TokenWindow
from sampledsoftmax.kernels.update.rules import begin_step
from sampledsoftmax.layers.table import trained_tables
from sampledsoftmax.losses.objectives import Objective, checked_objective
from sampledsoftmax.runtime.threadpool import thread_pool
from sampledsoftmax.runtime.workspace import (
    Sizes,
    aligned,
    make_scratch,
    make_thread_buffers,
    panel_width,
    settings_for,
)
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import Correction
from sampledsoftmax.word2vec.training.tables import Tables
from sampledsoftmax.word2vec.training.thread_tuner import ThreadTuner

# Four shards: batches whose gradients are computed against the same tables before these are updated, and the maximum
# number of threads.
NUM_SHARDS = 4
# Positions of the text per shard and call: a few hundredths of a second, so that Ctrl-C is handled in time.
POSITIONS_PER_BLOCK = 8192

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
    """

    objective: str | Objective
    correction: Correction
    learn_biases: bool
    num_sampled: int
    batch_size: int
    seed: int


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
        Number of threads; at most NUM_SHARDS are used. By default it is chosen at run time (see
        `ThreadTuner`), up to `set_num_threads`.
    """

    def __init__(
        self, tables: Tables, text: Text, sampler: CandidateSampler, plan: TrainingPlan, threads: int | None = None
    ) -> None:
        self.tables, self.text, self.plan, self._threads = tables, text, plan, threads
        self._tuner = ThreadTuner(min(thread_pool.num_threads, NUM_SHARDS))
        distribution = sampler.fused_distribution()
        if distribution is None:
            raise TypeError(f"{type(sampler).__name__} has no compiled distribution")
        self._distribution = distribution
        _refuse_counted_steps(tables)
        dim, real = tables.embeddings.values.shape[1], tables.embeddings.values.dtype
        sizes = _sizes(text, plan, dim)
        self._shards = tuple(_make_shard(sizes, text.window, real) for _ in range(NUM_SHARDS))
        self._buffers = make_thread_buffers(NUM_SHARDS, 1 + plan.num_sampled, dim, real)
        loss = checked_objective(plan.objective).compiled_loss()
        self._settings = settings_for(loss, True, plan.correction, (1, plan.num_sampled), real, 1)

    @property
    def distribution(self) -> Distribution:
        """The distribution of the candidates; the counts of a learned distribution change."""
        return self._distribution

    @property
    def num_blocks(self) -> int:
        """The number of blocks of an epoch."""
        return max(1, ceil_div(int(self.text.ids.size), NUM_SHARDS * POSITIONS_PER_BLOCK))

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
        threads = min(self._threads or self._tuner.next_threads(), NUM_SHARDS)
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
        bounds = np.arange(NUM_SHARDS + 1) * self.text.ids.size // NUM_SHARDS
        size = ceil_div(self.text.ids.size, NUM_SHARDS * self.num_blocks)
        first = np.minimum(bounds[:-1] + block * size, bounds[1:])
        last = np.minimum(first + size, bounds[1:])
        seed, stream = _stream(self.plan.seed, _TEXT, epoch, 0)
        return Block(first, last, seed, stream, self.plan.batch_size, self.plan.learn_biases)


def _stream(seed: int, purpose: int, epoch: int, block: int) -> tuple[np.uint64, np.uint64]:
    """Return the seed and the number of a Philox stream."""
    return np.uint64(seed), np.uint64(purpose << 60 | epoch << 32 | block)


def _refuse_counted_steps(tables: Tables) -> None:
    """Refuse a rule that counts steps, as Adam's: a step applies the gradients of four shards."""
    rule = tables.weights.rule
    if rule is None or begin_step.has(type(rule)):
        name = type(tables.weights.optimizer).__name__
        raise TypeError(f"{name} cannot train word vectors: its rule is not compiled, or counts steps")


def _sizes(text: Text, plan: TrainingPlan, dim: int) -> Sizes:
    neighbors = plan.batch_size * 2 * text.window
    inputs, labels = (plan.batch_size, neighbors) if text.center_is_input else (neighbors, plan.batch_size)
    return Sizes(plan.batch_size, inputs, labels, plan.num_sampled, dim)


def _make_shard(sizes: Sizes, window: int, real: np.dtype[Any]) -> ShardBuffers:
    def integers(size: int) -> NDArray[np.int64]:
        return aligned((size,), np.dtype(np.int64))

    width = panel_width(real)
    depth = ceil_div(sizes.dim, width)
    positions = POSITIONS_PER_BLOCK + 2 * window + NUM_SHARDS
    classes = round_up(sizes.num_sampled, width) + sizes.num_labels
    class_rows = aligned((classes, depth, width), real)
    input_rows = aligned((sizes.num_inputs, depth, width), real)
    starts = sizes.batch_size + 1
    return ShardBuffers(
        scratch=make_scratch(sizes, real, sizes.num_labels),
        tokens=TokenWindow(
            *(integers(positions) for _ in range(3)), integers(4), np.empty(2 * POSITIONS_AT_ONCE, np.uint64)
        ),
        examples=Examples(
            integers(sizes.num_inputs),
            integers(starts),
            integers(sizes.num_inputs),
            integers(sizes.num_labels),
            integers(starts),
            integers(sizes.num_labels),
            np.arange(sizes.batch_size),
            *(integers(sizes.batch_size) for _ in range(3)),
            *(integers(num_buckets(sizes.batch_size)) for _ in range(2)),
        ),
        means=aligned((sizes.batch_size, sizes.dim), real),
        class_rows=class_rows,
        flat_class_rows=class_rows.reshape(classes, depth * width),
        class_entries=aligned((classes, 1), real),
        class_counts=aligned((classes,), np.dtype(np.float32)),
        class_log_q=aligned((classes,), real),
        input_rows=input_rows,
        flat_input_rows=input_rows.reshape(sizes.num_inputs, depth * width),
        totals=aligned((EXAMPLES + 1,), np.dtype(np.float64)),
    )

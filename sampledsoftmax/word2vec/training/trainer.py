"""Trains the three tables of a model on an id stream, block by block: memory, threads, random streams."""

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.kernels.sampling.distribution import Distribution
from sampledsoftmax.kernels.step.sampling_phase import SampleSource
from sampledsoftmax.kernels.step.train import NOT_FINITE, TOO_FEW_CLASSES
from sampledsoftmax.kernels.text.shard import EXAMPLES, LOSS, PAIRS, ShardBuffers
from sampledsoftmax.kernels.text.train import Block, run_text_steps
from sampledsoftmax.kernels.text.windows import Examples, Text, TokenWindow
from sampledsoftmax.layers.table import trained_tables
from sampledsoftmax.losses.objectives import checked_objective
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
from sampledsoftmax.word2vec.training.autotune_threads import ThreadTuner
from sampledsoftmax.word2vec.training.tables import Tables

# Batches that are taken from the same tables before they are updated: as many threads share a step, at most.
NUM_SHARDS = 4
# Positions of the text that a reader gets a call: a few hundredths of a second, so that Ctrl-C is heard.
POSITIONS_A_BLOCK = 8192

# What a random number is for; with the epoch and the block it makes the number of its Philox stream.
_TEXT, _CANDIDATES = 1, 2


class BlockResult(NamedTuple):
    """What a block has come to: the sum of the losses of its pairs, and how many pairs and steps they were."""

    loss: float
    pairs: int
    steps: int


class Plan(NamedTuple):
    """How the examples are learnt.

    Attributes
    ----------
    objective : str
        "sampled_softmax", "nce" or "negative_sampling".
    correction : Correction
    learn_biases : bool
    num_sampled : int
        Candidates of a batch.
    batch_size : int
        Words that a reader takes at a time, at most.
    seed : int
    """

    objective: str
    correction: Correction
    learn_biases: bool
    num_sampled: int
    batch_size: int
    seed: int


class DivergedError(FloatingPointError):
    """The loss of a step is not finite; the tables are those before it.

    Attributes
    ----------
    steps : int
        Steps of the block that were taken.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        super().__init__(f"the loss of step {steps + 1} of the block is not finite")


class Trainer:
    """Trains tables on a text.

    Parameters
    ----------
    tables : Tables
        TrainedTables in place.
    text : Text
        The corpus.
    sampler : CandidateSampler
        Where candidates come from; its own random stream is not used.
    plan : Plan
        How.
    threads : int, optional
        How many share the work, NUM_SHARDS at most; None: as many as are faster just now (see `ThreadTuner`), up to
        `set_num_threads`.
    """

    def __init__(
        self, tables: Tables, text: Text, sampler: CandidateSampler, plan: Plan, threads: int | None = None
    ) -> None:
        self.tables, self.text, self.plan, self._threads = tables, text, plan, threads
        self._tuner = ThreadTuner(min(thread_pool.num_threads, NUM_SHARDS))
        distribution = sampler.fused_distribution()
        if distribution is None:
            raise TypeError(f"{type(sampler).__name__} is not a sampler that compiled code knows")
        self._distribution = distribution
        dim, real = tables.embeddings.values.shape[1], tables.embeddings.values.dtype
        sizes = _sizes(text, plan, dim)
        self._shards = tuple(_make_shard(sizes, text.window, real) for _ in range(NUM_SHARDS))
        self._lanes = make_thread_buffers(NUM_SHARDS, 1 + plan.num_sampled, dim, real)
        loss = checked_objective(plan.objective).compiled_loss()
        self._settings = settings_for(loss, True, plan.correction, (1, plan.num_sampled), real, 1)

    @property
    def distribution(self) -> Distribution:
        """What candidates are drawn from; the counts of a learned one change."""
        return self._distribution

    @property
    def num_blocks(self) -> int:
        """Blocks of an epoch."""
        return max(1, ceil_div(int(self.text.ids.size), NUM_SHARDS * POSITIONS_A_BLOCK))

    def train_block(self, epoch: int, block: int, learning_rate: float) -> BlockResult:
        """Learn one block of an epoch.

        Raises
        ------
        DivergedError
            A loss is not finite; the steps before it have been taken.
        """
        sums, status = np.zeros(3), np.zeros(2, np.int64)
        draw = SampleSource(self._distribution, *_stream(self.plan.seed, _CANDIDATES, epoch, block), np.uint64(0))
        rule = self.tables.weights.rule
        rule = rule._replace(learning_rate=self.tables.weights.values.dtype.type(learning_rate))
        trained = trained_tables(*self.tables)
        arguments = (trained, rule, self.text, self._block(epoch, block), draw, self._settings)
        threads = min(self._threads or self._tuner.next_threads(), NUM_SHARDS)
        start = time.perf_counter()
        thread_pool.run(run_text_steps, threads, *arguments, self._shards, self._lanes, sums, status)
        if self._threads is None:
            self._tuner.record(threads, time.perf_counter() - start, int(sums[EXAMPLES]))
        if status[0] == NOT_FINITE:
            raise DivergedError(int(status[1]))
        if status[0] == TOO_FEW_CLASSES:
            raise ValueError(f"{self.plan.num_sampled} different candidates were not found in the distribution")
        return BlockResult(float(sums[LOSS]), int(sums[PAIRS]), int(status[1]))

    def _block(self, epoch: int, block: int) -> Block:
        """Return which positions each reader gets: a reader has one part of the text, and reads it in order."""
        borders = np.arange(NUM_SHARDS + 1) * self.text.ids.size // NUM_SHARDS
        size = ceil_div(self.text.ids.size, NUM_SHARDS * self.num_blocks)
        first = np.minimum(borders[:-1] + block * size, borders[1:])
        last = np.minimum(first + size, borders[1:])
        seed, stream = _stream(self.plan.seed, _TEXT, epoch, 0)
        return Block(first, last, seed, stream, self.plan.batch_size, self.plan.learn_biases)


def _stream(seed: int, purpose: int, epoch: int, block: int) -> tuple[np.uint64, np.uint64]:
    """Return the seed and the number of a Philox stream."""
    return np.uint64(seed), np.uint64(purpose << 60 | epoch << 32 | block)


def _sizes(text: Text, plan: Plan, dim: int) -> Sizes:
    many = plan.batch_size * 2 * text.window
    inputs, labels = (plan.batch_size, many) if text.center_is_input else (many, plan.batch_size)
    return Sizes(plan.batch_size, inputs, labels, plan.num_sampled, dim)


def _make_shard(sizes: Sizes, window: int, real: np.dtype[Any]) -> ShardBuffers:
    def integers(size: int) -> NDArray[np.int64]:
        return aligned((size,), np.dtype(np.int64))

    width = panel_width(real)
    depth = ceil_div(sizes.dim, width)
    places = POSITIONS_A_BLOCK + 2 * window + NUM_SHARDS
    classes = round_up(sizes.num_sampled, width) + sizes.num_labels
    class_rows = aligned((classes, depth, width), real)
    input_rows = aligned((sizes.num_inputs, depth, width), real)
    starts = sizes.batch_size + 1
    return ShardBuffers(
        scratch=make_scratch(sizes, real, sizes.num_labels),
        tokens=TokenWindow(integers(places), integers(places), integers(places), integers(4)),
        examples=Examples(
            integers(sizes.num_inputs),
            integers(starts),
            integers(sizes.num_inputs),
            integers(sizes.num_labels),
            integers(starts),
            integers(sizes.num_labels),
            np.arange(sizes.batch_size),
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

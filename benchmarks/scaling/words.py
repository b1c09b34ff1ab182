"""Runs of `Word2Vec` with its defaults, measured: on one thread phase by phase, and on several by the clock."""

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.scaling.clock import reading_ns
from benchmarks.scaling.word_kernels import PHASES, timed_block
from benchmarks.words.compare import TEXT, data_folder
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.step.train import STEPS_TAKEN
from sampledsoftmax.runtime.threadpool import thread_pool
from sampledsoftmax.word2vec.encoding.encode import Encoded, encode_corpus
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.training.run import Position, Run
from sampledsoftmax.word2vec.training.tables import new_tables

Times = NDArray[np.float64]
Clock = Callable[[], float]

BLOCKS = 4  # that are measured


class WordTrace(NamedTuple):
    """What the steps of one or more blocks took on one thread, in seconds.

    Attributes
    ----------
    words : int
        Positions of the text.
    blocks : int
    batch_size : int
        Words of a shard in a step.
    row_bytes, slot_bytes : int
        Of a row of a table, and of its optimizer slots.
    read : float64 [blocks, shards]
        Reading the tokens of a block.
    work : float64 [steps, shards, PHASES]
    updates : dict of float64 [steps, owners]
        Updating the rows of each owner, by number of owners.
    rows : int64 [steps, shards]
        Distinct rows of both tables that a shard reads and updates.
    """

    words: int
    blocks: int
    batch_size: int
    row_bytes: int
    slot_bytes: int
    read: Times
    work: Times
    updates: dict[int, Times]
    rows: NDArray[np.int64]


class WordRuns:
    """Runs over the first blocks of a corpus, with a number of shards."""

    def __init__(self, encoded: Encoded, shards: int, blocks: int | None = None) -> None:
        self.encoded, self.shards = encoded, shards
        self.blocks = BLOCKS if blocks is None else blocks
        self._settings = ss.Word2Vec(seed=1, shards=shards).settings

    def trace(self, owners: Sequence[int], repeats: int) -> WordTrace:
        """Train the blocks `repeats` times for each number of owners; the median of each phase counts.

        Every time they have the same words and candidates, and tables that were trained longer.
        """
        found: dict[int, list[_BlockTimes]] = {number: [] for number in owners}
        run = self._new_run(max(owners))
        for _ in range(repeats):
            for number in owners:
                blocks: list[_BlockTimes] = []
                with patch.object(thread_pool, "run", _traced(number, blocks)):
                    self._train(run)
                found[number].append(_joined(blocks))
        overhead, every = reading_ns() * 1e-9, [times for runs in found.values() for times in runs]
        return WordTrace(
            int(every[0].words),
            self.blocks,
            self._settings.batch_size,
            *every[0].row_bytes,
            _median([times.read for times in every], overhead),
            _median([times.work for times in every], overhead),
            {number: _median([times.updates for times in runs], overhead) for number, runs in found.items()},
            every[0].rows,
        )

    def seconds(self, threads: int, repeats: int, clock: Clock) -> float:
        """Return the seconds of the blocks on `threads` threads: the median of each block counts."""
        run = self._new_run(threads)
        self._train(run, clock)
        return float(np.median([self._train(run, clock) for _ in range(repeats)], axis=0).sum())

    def _new_run(self, threads: int) -> Run:
        vocabulary, stream = self.encoded
        settings = self._settings
        tables = new_tables(len(vocabulary), settings.vector_size, settings.new_optimizer(), settings.seed)
        run = Run(settings, vocabulary, stream, tables, Position(), threads)
        run.compile(lambda: None)
        return run

    def _train(self, run: Run, clock: Clock = time.perf_counter) -> list[float]:
        """Train the first blocks again, and return the seconds of each."""
        run.position, times, start = Position(), [], clock()
        for _ in islice(run.blocks(), self.blocks):
            times.append(clock() - start)
            start = clock()
        return times


class _BlockTimes(NamedTuple):
    """As in WordTrace, for one number of owners."""

    words: int
    row_bytes: tuple[int, int]
    read: Times
    work: Times
    updates: Times
    rows: NDArray[np.int64]


def _traced(owners: int, blocks: list[_BlockTimes]) -> Callable[..., None]:
    """Return what replaces `thread_pool.run`: it times a block on the thread of the caller."""

    def run(_kernel: Any, _threads: int, *arguments: Any) -> None:
        tables, rule, text, block, source, settings, all_shards, buffers, totals, status = arguments
        shards, positions = block.first.size, block.last - block.first
        steps = ceil_div(int(positions.max()), block.batch_size)
        read, work = np.zeros((1, shards)), np.zeros((steps, shards, len(PHASES)))
        updates, rows = np.zeros((steps, owners)), np.zeros((steps, shards), np.int64)
        timed_block(
            tables, rule, text, block, source, settings, all_shards, buffers, totals, status, read[0], work, updates,
            rows,
        )  # fmt: skip
        taken, slots = int(status[STEPS_TAKEN]), tables.weights_slots
        row_bytes = tables.weights[0].nbytes, sum(getattr(slots, name)[0].nbytes for name in slots.names)
        blocks.append(_BlockTimes(int(positions.sum()), row_bytes, read, work[:taken], updates[:taken], rows[:taken]))

    return run


def _joined(blocks: list[_BlockTimes]) -> _BlockTimes:
    """Return consecutive blocks as one."""
    arrays = (np.concatenate(parts) for parts in list(zip(*blocks, strict=True))[2:])
    return _BlockTimes(sum(block.words for block in blocks), blocks[0].row_bytes, *arrays)


def _median(times: list[Times], overhead: float) -> Times:
    """Return the median of equal measurements in nanoseconds, without reading the clock, in seconds."""
    return np.asarray(np.maximum(np.median(times, axis=0) * 1e-9 - overhead, 0.0))


def corpus(small: bool) -> tuple[str, Encoded]:
    """Return the name and the ids of the corpus of `words`; without it, or `small`, of words drawn by Zipf's law."""
    path = data_folder() / TEXT
    if path.exists() and not small:
        return TEXT, encode_corpus(path, min_count=5)
    num_words, num_classes = (20_000, 300) if small else (2_000_000, 50_000)
    ids = (np.random.default_rng(1).zipf(1.2, num_words) - 1) % num_classes
    _, ids, counts = np.unique(ids, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    vocabulary = Vocabulary([str(i) for i in order], counts[order])
    offsets = np.append(np.arange(0, num_words, 25), num_words)
    return "synthetic", Encoded(vocabulary, IdStream(np.argsort(order)[ids].astype(np.int32), offsets))

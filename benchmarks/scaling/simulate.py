"""What threads would take, from the times of phases on one thread.

A stage is what threads do between two barriers. It takes as long as its slowest thread, or as the memory that all
threads share needs for the rows of tables. Cores are assumed to be as fast as one core alone: caches that are shared
and clock rates that fall with the number of busy cores are left out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.scaling.costs import Costs
from benchmarks.scaling.steps import StepTrace
from benchmarks.scaling.word_kernels import SERIAL
from benchmarks.scaling.words import WordTrace
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.sync.barrier import static_range

Times = NDArray[np.float64]

WITHIN_A_SHARD = 3  # barriers of the threads of one shard, where it has several: after its serial part and two more


class Stage(NamedTuple):
    """The work of threads between two barriers, once or many times.

    Attributes
    ----------
    work : float64 [times, threads]
        Seconds of each thread.
    num_bytes : float64 [times]
        Rows of tables that all threads read and write.
    barriers : int
        At the end, 0 or 1.
    """

    work: Times
    num_bytes: Times
    barriers: int = 1


class Outcome(NamedTuple):
    """Seconds, and their parts: the mean work of a thread, waiting for slower ones, for memory, at barriers."""

    seconds: float
    work: float
    waiting: float
    memory: float
    barriers: float


def outcome(stages: Sequence[Stage], calls: int, threads: int, costs: Costs) -> Outcome:
    """Return the time of all stages one after another, in `calls` calls of the thread pool."""
    work = waiting = memory = 0.0
    barriers = calls * costs.wake_seconds(threads)
    for stage in stages:
        mean, slowest = stage.work.mean(axis=1), stage.work.max(axis=1)
        # No more bytes than one thread could move in the time of the work: the others came from a cache.
        num_bytes = np.minimum(stage.num_bytes, stage.work.sum(axis=1) * costs.bandwidth_of(1))
        needed = np.maximum(slowest, num_bytes / costs.bandwidth_of(threads))
        work, waiting, memory = (
            work + float(mean.sum()),
            waiting + float((slowest - mean).sum()),
            memory + float((needed - slowest).sum()),
        )
        barriers += stage.barriers * slowest.size * costs.barrier_seconds(threads)
    return Outcome(work + waiting + memory + barriers, work, waiting, memory, barriers)


def word_stages(trace: WordTrace, threads: int, costs: Costs) -> list[Stage]:
    """Return the stages of word training: reading, gradients by shards, and updates by the owners of rows."""
    rows = trace.rows.sum(axis=1)
    return [
        Stage(_by_ranges(trace.read, threads), np.zeros(trace.blocks)),
        Stage(_gradients(trace, threads, costs), rows * float(trace.row_bytes)),
        Stage(trace.updates[threads], rows * 2.0 * (trace.row_bytes + trace.slot_bytes)),
    ]


def _gradients(trace: WordTrace, threads: int, costs: Costs) -> Times:
    """Return the seconds [steps, threads] of gradients.

    A thread has one or more shards. Where there are more threads than shards, all those of a shard share its phases
    except the serial ones, which one of them does while the others wait.
    """
    shards = trace.work.shape[1]
    if threads <= shards:
        return _by_ranges(trace.work.sum(axis=2), threads)
    per_shard = threads // shards
    serial, split = trace.work[:, :, :SERIAL].sum(axis=2), trace.work[:, :, SERIAL:].sum(axis=2)
    tiles = ceil_div(trace.batch_size, MR_TAIL)  # the smallest part of a batch
    barriers = WITHIN_A_SHARD * costs.barrier_seconds(per_shard)
    work = np.repeat(split * ceil_div(tiles, per_shard) / tiles + barriers, per_shard, axis=1)
    work[:, ::per_shard] += serial
    return work if work.shape[1] == threads else np.pad(work, ((0, 0), (0, threads - work.shape[1])))


def _by_ranges(work: Times, threads: int) -> Times:
    """Return the seconds [times, threads] of static ranges of the shards [times, shards]."""
    sums = np.zeros((work.shape[0], threads))
    for t in range(threads):
        first, end = static_range(t, threads, work.shape[1])
        sums[:, t] = work[:, first:end].sum(axis=1)
    return sums


def step_stages(trace: StepTrace, sizes: tuple[int, int, int], outside: float) -> list[Stage]:
    """Return the stages of a step of an output layer; `sizes` are dim, batch_size and num_sampled."""
    dim, batch_size, num_sampled = sizes
    threads, row, logits = trace.static.size, 4.0 * dim, 4.0 * batch_size * num_sampled
    sample = np.zeros(threads)
    sample[0] += trace.sample[0]
    sample[-1] += trace.sample[1]
    alone = np.zeros(threads)
    alone[0] = outside
    return [
        _once(alone, 0.0, barriers=0),
        _once(sample, 0.0),
        _once(trace.pack, num_sampled * row),
        _once(_by_next_free(trace.static, trace.examples), batch_size * row + logits),
        # Values and accumulators of rows are read and written.
        _once(_by_next_free(np.zeros(threads), trace.classes), trace.rows * 4.0 * row + logits),
    ]


def _once(work: Times, num_bytes: float, barriers: int = 1) -> Stage:
    return Stage(work[np.newaxis], np.array([num_bytes]), barriers)


def _by_next_free(busy: Times, chunks: Times) -> Times:
    """Return the seconds of each thread where the next free one takes the next chunk."""
    seconds: Times = busy.copy()
    for chunk in chunks:
        seconds[seconds.argmin()] += chunk
    return seconds

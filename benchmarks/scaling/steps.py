"""Steps of `SampledSoftmax`, measured: on one thread phase by phase, and on several by the clock."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.cases import INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, Case
from benchmarks.scaling.clock import reading_ns
from benchmarks.scaling.step_kernels import timed_step
from benchmarks.session import Effort
from sampledsoftmax.kernels.sync.schedule import CHUNKS_PER_THREAD
from sampledsoftmax.runtime.threadpool import thread_pool
from sampledsoftmax.runtime.workspace import class_panels, panel_width

Times = NDArray[np.float64]


class StepTrace(NamedTuple):
    """What a step took on one thread that did the work of all threads, in seconds.

    Attributes
    ----------
    sample : float64 [2]
        The first phase: candidates and their groups by the first thread, groups of inputs by the last one.
    pack : float64 [threads]
    static : float64 [threads]
        Examples of each thread.
    examples, classes : float64
        Chunks of examples, and of rows to update: the next free thread takes the next one.
    rows : int
        Distinct rows of classes.
    """

    sample: Times
    pack: Times
    static: Times
    examples: Times
    classes: Times
    rows: int


class LayerSteps:
    """An output layer of the sizes of a case, with Adagrad, and one batch."""

    def __init__(self, case: Case) -> None:
        self.case = case
        optimizer = ss.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
        self.layer = ss.SampledSoftmax(case.num_classes, case.dim, case.num_sampled, optimizer, seed=SEED)
        case.fill("weights", self.layer.weights)
        ids, labels = case.batches()[0]
        self.inputs, self.labels = case.rows("embeddings", ids), labels[:, 0]
        self._start = self.layer.sampler.state

    def trace(self, threads: int, effort: Effort) -> StepTrace:
        """Take steps on one thread as if by `threads`; the median of each part counts."""
        found: list[StepTrace] = []
        with patch.object(thread_pool, "run", _traced(threads, found)):
            self.seconds(1, effort, time.thread_time)
        overhead = reading_ns()
        arrays = (np.median([getattr(trace, name) for trace in found], axis=0) for name in StepTrace._fields[:5])
        parts = [np.maximum(part[part >= 0] - overhead, 0.0) * 1e-9 for part in arrays]
        return found[0]._replace(**dict(zip(StepTrace._fields, parts, strict=False)))

    def outside(self, effort: Effort) -> float:
        """Return the seconds of a call that computes nothing: checks and copies in Python."""
        with patch.object(thread_pool, "run", lambda *_: None):
            return self.seconds(1, effort, time.thread_time)

    def seconds(self, threads: int, effort: Effort, clock: Callable[[], float]) -> float:
        """Return the median time of steps that have the same candidates; the first one is not counted."""
        times: list[float] = []
        before, end = ss.get_num_threads(), time.perf_counter() + effort.seconds
        ss.set_num_threads(threads)
        try:
            while len(times) < 1 + effort.rounds or time.perf_counter() < end:
                self.layer.sampler.state = self._start
                start = clock()
                self.layer.step(self.inputs, self.labels)
                times.append(clock() - start)
        finally:
            ss.set_num_threads(before)
        return float(np.median(times[1:]))


def _traced(threads: int, found: list[StepTrace]) -> Callable[..., None]:
    """Return what replaces `thread_pool.run`: it times a step on the thread of the caller."""

    def run(_kernel: Any, _threads: int, memory: Any, *others: Any) -> None:
        update, inputs, labels, weights, starts, source, settings, losses, status = others
        num_sampled = memory.scratch.candidates.size
        panels = class_panels(num_sampled, panel_width(memory.tables.weights.dtype), threads)
        settings = settings._replace(class_panels=panels)
        chunks = inputs.size + num_sampled  # more than there are
        sample, pack, static = np.zeros(2), np.zeros(threads), np.zeros(threads)
        examples, classes, rows = (np.full(size, -1.0) for size in (threads * CHUNKS_PER_THREAD, chunks, 1))
        arguments = (memory, update, inputs, labels, weights, starts, source, settings, losses, status)
        timed_step(*arguments, sample, pack, static, examples, classes, rows)
        found.append(StepTrace(sample, pack, static, examples, classes, int(rows[0])))

    return run

"""A run of two threads whose second thread arrives at some barriers and then aborts the run."""

import threading

import numpy as np
from numba import config

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.in_batch import forward as in_batch_forward
from sampledsoftmax.kernels.ragged import forward as ragged_forward
from sampledsoftmax.kernels.ragged import train as ragged_train
from sampledsoftmax.kernels.step import forward, loss_and_grad, train
from sampledsoftmax.kernels.sync.barrier import ABORTED, SHARED_SIZE, barrier, group_barrier
from sampledsoftmax.kernels.text import shard as text_shard
from sampledsoftmax.kernels.text import train as text_train


@jit
def pass_barrier(shared, num_threads):
    return barrier(shared, num_threads)


@jit
def pass_group_barrier(counters, num_threads, shared):
    return group_barrier(counters, num_threads, shared)


def run_aborted_after(num_barriers, monkeypatch, counters=()):
    """Return a `ThreadPool.run` whose second thread passes `num_barriers` barriers without work and aborts the run.

    `counters` are those of the first barriers; None, and later ones, are of the whole run.
    """

    def run(function, num_threads, *arguments):
        shared = np.zeros(SHARED_SIZE, np.int64)
        if config.DISABLE_JIT:
            _count_barriers(num_barriers, monkeypatch)
            with np.errstate(all="ignore"):  # half of the arrays are empty
                function(0, 2, shared, *arguments)
            return
        other = threading.Thread(target=_arrive_and_abort, args=(shared, num_barriers, counters))
        other.start()
        function(0, 2, shared, *arguments)
        other.join(timeout=600)
        assert not other.is_alive()

    return run


def _arrive_and_abort(shared, num_barriers, counters):
    for at in [*counters, *[None] * num_barriers][:num_barriers]:
        assert pass_group_barrier(shared if at is None else at, 2, shared)
    shared[ABORTED] = 1


def _count_barriers(num_barriers, monkeypatch):
    """Let kernels that are plain Python pass as many barriers; threads of Python would wait for the GIL in them."""
    left = [num_barriers]

    def counted(shared, num_threads):
        left[0] -= 1
        return left[0] >= 0

    def counted_in_group(counters, num_threads, shared):
        return num_threads == 1 or counted(shared, num_threads)

    monkeypatch.setattr(text_shard, "group_barrier", counted_in_group)
    stages = (train, forward, loss_and_grad, text_train, in_batch_forward, ragged_train, ragged_forward)
    for module in stages:
        monkeypatch.setattr(module, "barrier", counted)

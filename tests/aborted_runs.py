"""A run of two threads whose second thread arrives at some barriers and then aborts the run."""

import threading

import numpy as np
from numba import config

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.ragged import forward as ragged_forward
from sampledsoftmax.kernels.ragged import train as ragged_train
from sampledsoftmax.kernels.step import forward, loss_and_grad, train
from sampledsoftmax.kernels.sync.barrier import ABORTED, SHARED_SIZE, barrier
from sampledsoftmax.kernels.text import train as text_train


@jit
def pass_barrier(shared, num_threads):
    return barrier(shared, num_threads)


def run_aborted_after(num_barriers, monkeypatch):
    """Return a `ThreadPool.run` whose second thread passes `num_barriers` barriers without work and aborts the run."""

    def run(function, num_threads, *arguments):
        shared = np.zeros(SHARED_SIZE, np.int64)
        if config.DISABLE_JIT:
            _count_barriers(num_barriers, monkeypatch)
            with np.errstate(all="ignore"):  # half of the arrays are empty
                function(0, 2, shared, *arguments)
            return
        other = threading.Thread(target=_arrive_and_abort, args=(shared, num_barriers))
        other.start()
        function(0, 2, shared, *arguments)
        other.join(timeout=60)
        assert not other.is_alive()

    return run


def _arrive_and_abort(shared, num_barriers):
    for _ in range(num_barriers):
        assert pass_barrier(shared, 2)
    shared[ABORTED] = 1


def _count_barriers(num_barriers, monkeypatch):
    """Let kernels that are plain Python pass as many barriers; threads of Python would wait for the GIL in them."""
    left = [num_barriers]

    def counted(shared, num_threads):
        left[0] -= 1
        return left[0] >= 0

    for module in (train, forward, loss_and_grad, text_train, ragged_train, ragged_forward):
        monkeypatch.setattr(module, "barrier", counted)

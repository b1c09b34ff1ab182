"""The thread pool that runs multi-threaded kernels, and the number of its threads."""

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config

from sampledsoftmax import validation
from sampledsoftmax.kernels.sync.barrier import ABORTED, SHARED_SIZE

MAX_THREADS = 256


def _available() -> int:
    """Return the number of cores that this process may use."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return 1  # plain Python holds the GIL while it waits at a barrier
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_THREADS)
    return min(os.cpu_count() or 1, MAX_THREADS)


class ThreadPool:
    """Threads that run one compiled function together and sleep between calls.

    They are Python daemon threads, started when they are first needed. A forked child starts its own. Results do not
    depend on the number of threads, so while the pool is busy with a call from another thread, further calls run on the
    thread of their caller alone.
    """

    def __init__(self) -> None:
        self.num_threads = _available()
        self.restart()

    def restart(self) -> None:
        """Forget all threads; a forked child must do so, since they exist in the parent only."""
        self._busy = threading.Lock()
        self._jobs: list[queue.SimpleQueue[Any]] = []
        # Two, used in turn: a thread may still be leaving its last barrier when the next run begins.
        self._shared = [np.zeros(SHARED_SIZE, np.int64) for _ in range(2)]

    def run(self, function: Callable[..., None], num_threads: int, *arguments: Any) -> None:
        """Call function(thread_id, num_threads, shared, *arguments) on all threads; `function` ends with a barrier.

        NumPy does not warn of NaN or inf in a table: they show in the loss.
        """
        busy = self._busy  # a forked child has another lock
        if num_threads > 1 and busy.acquire(blocking=False):
            try:
                self._run_together(function, num_threads, arguments)
            finally:
                busy.release()
        else:
            with _no_warnings():
                function(0, 1, np.zeros(SHARED_SIZE, np.int64), *arguments)

    def _run_together(self, function: Callable[..., None], num_threads: int, arguments: tuple[Any, ...]) -> None:
        while len(self._jobs) < num_threads - 1:
            self._start_thread()
        self._shared.reverse()
        shared = self._shared[0]
        shared[:] = 0
        finished = False
        try:
            for thread_id in range(1, num_threads):
                self._jobs[thread_id - 1].put((function, thread_id, num_threads, shared, arguments))
            function(0, num_threads, shared, *arguments)
            finished = True
        finally:
            if not finished:  # interrupted between two lines above: the others must not wait for this thread
                shared[ABORTED] = 1
                self.abandon_threads()

    def abandon_threads(self) -> None:
        """Abandon the threads of a run that did not finish: they leave it at the next barrier and exit."""
        for jobs in self._jobs:
            jobs.put(None)
        self._jobs = []
        self._shared = [np.zeros(SHARED_SIZE, np.int64) for _ in range(2)]

    def _start_thread(self) -> None:
        jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        name = f"sampledsoftmax-{len(self._jobs) + 1}"
        threading.Thread(target=_work, args=(jobs,), name=name, daemon=True).start()
        self._jobs.append(jobs)


def _no_warnings() -> contextlib.AbstractContextManager[Any]:
    """Return a context without NumPy warnings where kernels run in NumPy; compiled code never warns."""
    if not config.DISABLE_JIT:  # type: ignore[attr-defined]
        return contextlib.nullcontext()
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def _work(jobs: "queue.SimpleQueue[Any]") -> None:
    while True:
        job = jobs.get()
        if job is None:
            return
        function, thread_id, num_threads, shared, arguments = job
        function(thread_id, num_threads, shared, *arguments)
        del job, arguments  # or the arrays of the last run would be kept alive


thread_pool = ThreadPool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=thread_pool.restart)


def threads_for(multiplications: int, steps: int = 1) -> int:
    """Return the number of threads that pays for a call of `steps` steps with that many multiplications each.

    Waking a thread costs about 30 microseconds per call, a large part of a step of 1 million multiplications (0.2 ms).
    The four barriers of a step cost little from a few hundred thousand multiplications on.
    """
    return max(1, min(thread_pool.num_threads, multiplications * steps // 4_000_000, multiplications // 400_000))


def set_num_threads(num_threads: int) -> None:
    """Set how many threads a step may use; results are the same bits for any number.

    Parameters
    ----------
    num_threads : int
        1 to 256. The default is the number of cores that the process may use.

    Raises
    ------
    TypeError, ValueError
        If it is of another type or out of range.

    Examples
    --------
    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    thread_pool.num_threads = validation.whole_number("num_threads", num_threads, 1, MAX_THREADS)


def get_num_threads() -> int:
    """Return how many threads a step may use; small steps use fewer.

    Returns
    -------
    int
        What `set_num_threads` set, at first the number of cores that the process may use.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    return thread_pool.num_threads

"""What threads cost on this machine: waking them, barriers, and memory that they share."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.scaling.clock import reading_ns, thread_ns
from benchmarks.timing import best
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.barrier import barrier
from sampledsoftmax.runtime.threadpool import thread_pool

_BARRIERS, _GROUPS = 20, 100  # barriers of a group, groups of a call


class Costs(NamedTuple):
    """Costs by number of threads, measured up to the cores of this machine.

    Attributes
    ----------
    barrier, wake : dict of float
        Seconds of a barrier, and of a call of the thread pool that does nothing.
    bandwidth : dict of float
        Bytes per second that are read and written, each byte counted twice.
    largest_bandwidth : float
        The most that the simulated machine has.
    """

    barrier: dict[int, float]
    wake: dict[int, float]
    bandwidth: dict[int, float]
    largest_bandwidth: float

    def barrier_seconds(self, threads: int) -> float:
        """Return the seconds of a barrier: in proportion to the threads, each of which adds to one counter in turn."""
        return self.barrier.get(threads, threads * self._by_thread(self.barrier, 0))

    def wake_seconds(self, threads: int) -> float:
        """Return the seconds of waking the other threads, one after another."""
        return self.wake.get(threads, (threads - 1) * self._by_thread(self.wake, 1))

    def bandwidth_of(self, threads: int) -> float:
        """Return the bytes per second: those of one thread, times the threads, up to the most of the machine."""
        return self.bandwidth.get(threads, min(threads * self.bandwidth[1], self.largest_bandwidth))

    def _by_thread(self, measured: dict[int, float], first: int) -> float:
        """Return the cost per thread from `first` on, of the largest number that was measured."""
        most = max(measured)
        return (measured[most] - measured[min(measured)]) / (most - first) if most > 1 else 0.0


def measure(threads: Sequence[int], largest_bandwidth: float, seconds: float, megabytes: int = 256) -> Costs:
    """Measure the costs for each number of threads."""
    barriers, wake, bandwidth = {}, {}, {}
    for number in threads:
        wake[number] = best(lambda n=number: thread_pool.run(_barriers, n, 0, np.zeros(1)), seconds)  # type: ignore[misc]
        barriers[number] = _barrier_seconds(number, seconds)
        bandwidth[number] = _copy_rate(number, seconds, megabytes << 20)
    return Costs(barriers, wake, bandwidth, largest_bandwidth)


def _barrier_seconds(threads: int, seconds: float) -> float:
    """Return the least seconds of a barrier, the mean of a few in a row."""
    if threads == 1:
        return 0.0
    least = np.full(1, np.inf)
    best(lambda: thread_pool.run(_barriers, threads, _GROUPS, least), seconds)
    return max(0.0, float(least[0]) - reading_ns()) * 1e-9 / _BARRIERS


@jit
def _barriers(thread_id, num_threads, shared, groups, least):  # type: ignore[no-untyped-def]
    """Write the least nanoseconds of `_BARRIERS` barriers; by processor time, or a thread that is stopped counts."""
    for _ in range(groups):
        start = thread_ns()
        for _ in range(_BARRIERS):
            if not barrier(shared, num_threads):
                return
        if thread_id == 0:
            least[0] = min(least[0], thread_ns() - start)
    barrier(shared, num_threads)


def _copy_rate(threads: int, seconds: float, num_bytes: int) -> float:
    """Return the best bytes per second that all threads together copy, read and written, by their processor time."""
    arrays = [np.ones((2, num_bytes // (2 * threads)), np.uint8) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        rates = list(pool.map(lambda pair: _rate_of_one(pair[0], pair[1], seconds), arrays))
    return sum(rates)


def _rate_of_one(left: NDArray[np.uint8], right: NDArray[np.uint8], seconds: float) -> float:
    least, end, first = np.inf, time.perf_counter() + seconds, True
    while first or time.perf_counter() < end:
        start, first = time.thread_time(), False
        np.copyto(left, right)
        least = min(least, max(time.thread_time() - start, 1e-9))
    return 2.0 * left.nbytes / least

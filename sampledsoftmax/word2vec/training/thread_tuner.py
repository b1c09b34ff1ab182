"""Choose the number of threads at run time, by timing blocks of text.

The threads of a step wait for one another. On a busy machine a thread that is not scheduled delays all others, and one
thread alone can be several times faster. Results do not depend on the number of threads, so it can be varied.
"""

from collections import deque
from statistics import median

_SAMPLES = 3  # timed blocks per choice, whose median counts: a block takes 30 ms and may be interrupted
_PERIOD = 128  # blocks between two comparisons: a few seconds; if the other choice is half as fast, it costs 2 %


class ThreadTuner:
    """Chooses between one thread and `max_threads`.

    Parameters
    ----------
    max_threads : int
        At least 1.

    Examples
    --------
    >>> tuner = ThreadTuner(2)
    >>> for block in range(7):  # the first block includes compilation and is ignored
    ...     threads = tuner.next_threads()
    ...     tuner.record(threads, seconds=3.0 - threads, work=100)
    >>> tuner.next_threads()
    2
    """

    def __init__(self, max_threads: int) -> None:
        self._max_threads = max_threads
        self._blocks = 0
        # Seconds per unit of work of the last blocks, by number of threads.
        self._costs: dict[int, deque[float]] = {threads: deque(maxlen=_SAMPLES) for threads in (max_threads, 1)}

    def next_threads(self) -> int:
        """Return the number of threads for the next block."""
        for threads, costs in self._costs.items():
            if len(costs) < _SAMPLES:
                return threads
        best = min(self._costs, key=lambda threads: median(self._costs[threads]))
        other = 1 if best == self._max_threads else self._max_threads
        return other if self._blocks % _PERIOD < _SAMPLES else best

    def record(self, threads: int, seconds: float, work: int) -> None:
        """Record the time of a block; blocks without work and the first block, which compiles, are ignored."""
        if self._blocks > 0 and work > 0:
            self._costs[threads].append(seconds / work)
        self._blocks += 1

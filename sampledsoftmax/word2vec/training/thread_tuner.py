"""Choose the number of threads at run time, by timing blocks of text.

The threads of a step wait for one another. On a busy machine a thread that is not scheduled delays all others, and one
thread alone can be several times faster. Results do not depend on the number of threads, so it can be varied.
"""

from collections import deque
from collections.abc import Iterable
from statistics import median

_SAMPLES = 3  # timed blocks per choice, whose median counts: a block takes 30 ms and may be interrupted
# Of the time, for trials of the choices that were slower. If one thread of two is half as fast as both, it is tried
# every 120 blocks, a few seconds; one of 64, every 4000 blocks, which are short then.
_SHARE_OF_TRIALS = 0.05


class ThreadTuner:
    """Chooses the fastest of a few numbers of threads.

    Each is tried at the beginning, and again after a time that is in proportion to what a trial takes.

    Parameters
    ----------
    choices : iterable of int
        Numbers of threads, each at least 1, in the order in which they are tried.

    Examples
    --------
    >>> tuner = ThreadTuner([2, 1])
    >>> for block in range(7):  # the first block includes compilation and is ignored
    ...     threads = tuner.next_threads()
    ...     tuner.record(threads, seconds=3.0 - threads, work=100)
    >>> tuner.next_threads()
    2
    """

    def __init__(self, choices: Iterable[int]) -> None:
        # Seconds per unit of work of the last blocks, by number of threads; fewer than _SAMPLES while it is tried.
        self._costs: dict[int, deque[float]] = {threads: deque(maxlen=_SAMPLES) for threads in choices}
        self._seconds, self._is_first = 0.0, True
        self._next_trial = dict.fromkeys(self._costs, 0.0)  # in seconds of training

    def next_threads(self) -> int:
        """Return the number of threads for the next block."""
        tried = [threads for threads, costs in self._costs.items() if len(costs) < _SAMPLES]
        if tried:
            return tried[0]
        best = min(self._costs, key=lambda threads: median(self._costs[threads]))
        for threads, costs in self._costs.items():
            if threads != best and self._seconds >= self._next_trial[threads]:
                costs.clear()
                return threads
        return best

    def record(self, threads: int, seconds: float, work: int) -> None:
        """Record the time of a block; blocks without work and the first block, which compiles, are ignored."""
        if not self._is_first and work > 0:
            costs = self._costs[threads]
            costs.append(seconds / work)
            self._seconds += seconds
            trial = _SAMPLES * median(costs) * work
            self._next_trial[threads] = self._seconds + trial * (len(self._costs) - 1) / _SHARE_OF_TRIALS
        self._is_first = False

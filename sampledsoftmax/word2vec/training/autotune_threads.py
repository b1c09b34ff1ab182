"""How many threads a block of text gets where nobody has said: as many as are faster just now.

Threads that share a step wait for one another after each. On a machine whose cores are busy with something else, one
that is not running holds up all, and one thread alone can be several times faster. Results do not depend on the
number, so it can be tried out.
"""

from collections import deque
from statistics import median

_TRIES = 3  # blocks of a try, whose median counts: a block takes 30 ms, and may fall into a pause of the machine
_TRY_EVERY = 128  # blocks: a few seconds; if the other number is half as fast, trying costs 2 %


class ThreadTuner:
    """Chooses between one thread and `most`.

    Parameters
    ----------
    most : int
        At least 1.

    Examples
    --------
    >>> pace = ThreadTuner(2)
    >>> for block in range(7):  # the first block is compiled too, and does not count
    ...     threads = pace.next_threads()
    ...     pace.record(threads, seconds=3.0 - threads, work=100)
    >>> pace.next_threads()
    2
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._blocks = 0
        # Seconds for a unit of work, of the last blocks.
        self._costs: dict[int, deque[float]] = {threads: deque(maxlen=_TRIES) for threads in (most, 1)}

    def next_threads(self) -> int:
        """Return how many threads the next block gets."""
        for threads, costs in self._costs.items():
            if len(costs) < _TRIES:
                return threads
        best = min(self._costs, key=lambda threads: median(self._costs[threads]))
        other = 1 if best == self._most else self._most
        return other if self._blocks % _TRY_EVERY < _TRIES else best

    def record(self, threads: int, seconds: float, work: int) -> None:
        """Learn how long a block has taken; blocks of no work and the first one, which compiles, do not count."""
        if self._blocks > 0 and work > 0:
            self._costs[threads].append(seconds / work)
        self._blocks += 1

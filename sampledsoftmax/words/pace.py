"""How many threads a block of text gets where nobody has said: as many as are faster just now.

Threads that share a step wait for one another after each. On a machine whose cores are busy with something else, one
that is not running holds up all, and one thread alone can be several times faster. Results do not depend on the number, so
it can be tried out.
"""

_TRY_EVERY = 64  # blocks: a few seconds; if the other number is half as fast, trying costs 1.5 %


class Pace:
    """Chooses between one thread and `most`.

    Parameters
    ----------
    most : int
        At least 1.

    Examples
    --------
    >>> pace = Pace(2)
    >>> for seconds in (9.0, 2.0, 1.0):  # the first block is compiled too, and does not count
    ...     threads = pace.next_threads()
    ...     pace.took(threads, seconds, work=100)
    >>> pace.next_threads()
    1
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._blocks = 0
        self._cost: dict[int, float] = {}  # seconds for a unit of work, when last tried

    def next_threads(self) -> int:
        """Return how many threads the next block gets."""
        if self._most == 1:
            return 1
        choices = (self._most, 1)
        for threads in choices:
            if threads not in self._cost:
                return threads
        best = min(choices, key=self._cost.__getitem__)
        other = 1 if best == self._most else self._most
        return other if self._blocks % _TRY_EVERY == 0 else best

    def took(self, threads: int, seconds: float, work: int) -> None:
        """Learn how long a block has taken; blocks of no work and the first one, which compiles, do not count."""
        if self._blocks > 0 and work > 0:
            self._cost[threads] = seconds / work
        self._blocks += 1

"""Teams: the threads that work on one piece together, where there are more threads than pieces of work."""

from typing import Any, NamedTuple

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.barrier import static_range


class Team(NamedTuple):
    """A thread in its team.

    Attributes
    ----------
    thread_id, num_threads : int
        Of all threads of the run.
    shared : int64 [SHARED_SIZE]
        The counters of the run.
    first, end : int
        The pieces of the team: several for a team of one thread only.
    member, size : int
        The number of this thread in its team, and how many it has.
    """

    thread_id: int
    num_threads: int
    shared: Any
    first: int
    end: int
    member: int
    size: int


@jit
def team_of(thread_id, num_threads, shared, num_pieces):
    """Return the team of a thread.

    Adjacent threads are a team, and no team has more than one thread more than another: with six threads and four
    pieces, two teams have one thread, and the other two wait for them.
    """
    if num_threads <= num_pieces:
        first, end = static_range(thread_id, num_threads, num_pieces)
        return Team(thread_id, num_threads, shared, first, end, 0, 1)
    piece = ((thread_id + 1) * num_pieces - 1) // num_threads
    first, end = static_range(piece, num_pieces, num_threads)  # of threads
    return Team(thread_id, num_threads, shared, piece, piece + 1, thread_id - first, end - first)

"""Thread groups: the threads that work on one task together, where there are more threads than tasks."""

from typing import Any, NamedTuple

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.barrier import static_range


class ThreadGroup(NamedTuple):
    """A thread in its group.

    Attributes
    ----------
    thread_id, num_threads : int
        Of all threads of the run.
    shared : int64 [SHARED_SIZE]
        The counters of the run.
    first, end : int
        The tasks of the group: several for a group of one thread only.
    member, size : int
        The number of this thread in its group, and how many it has.
    """

    thread_id: int
    num_threads: int
    shared: Any
    first: int
    end: int
    member: int
    size: int


@jit
def thread_group_of(thread_id, num_threads, shared, num_tasks):
    """Return the group of a thread.

    Adjacent threads are a group, and no group has more than one thread more than another: with six threads and four
    tasks, two groups have one thread, and the other two wait for them.
    """
    if num_threads <= num_tasks:
        first, end = static_range(thread_id, num_threads, num_tasks)
        return ThreadGroup(thread_id, num_threads, shared, first, end, 0, 1)
    task = ((thread_id + 1) * num_tasks - 1) // num_threads
    first, end = static_range(task, num_tasks, num_threads)  # of threads
    return ThreadGroup(thread_id, num_threads, shared, task, task + 1, thread_id - first, end - first)

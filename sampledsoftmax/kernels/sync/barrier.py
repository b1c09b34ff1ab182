"""How the threads of a thread_pool wait for one another and share out tasks, inside compiled code.

`shared` is int64 [SHARED_SIZE], zeros at the start of a run; its counters lie in cache lines of their own. Who
takes a task changes no bit of a result: every task writes its own part of the output.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.atomics import atomic_add, atomic_load, thread_yield

ARRIVED, ABORTED, CLASS_CHUNKS, EXAMPLE_CHUNKS = 0, 8, 16, 24
SHARED_SIZE = 32
# So many looks, then the core is offered to others at each look: two threads on one core
# that only spin make a step of 0.1 ms take 24 ms.
_SPINS_BEFORE_YIELD = 1000


@jit
def barrier(shared, num_threads, meeting):
    """Wait until all threads are at their `meeting`-th meeting (from 1); False if one will not come."""
    if num_threads == 1:
        return True
    atomic_add(shared, ARRIVED, 1)
    spins = 0
    while atomic_load(shared, ARRIVED) < num_threads * meeting:
        spins += 1
        if spins > _SPINS_BEFORE_YIELD:
            if atomic_load(shared, ABORTED) != 0:
                return False
            thread_yield()
    return True


@jit
def next_chunk(shared, counter):
    """Return the number of a task that no other thread has taken."""
    return atomic_add(shared, counter, 1)


@jit
def reset_chunks(shared, counter):
    """Let tasks be numbered from 0 again; one thread does so while no other takes tasks."""
    atomic_add(shared, counter, -atomic_load(shared, counter))


@jit
def static_range(thread_id, num_threads, size):
    """Return the first and the one behind the last of `size` things that a thread does without asking."""
    return thread_id * size // num_threads, (thread_id + 1) * size // num_threads

"""Barrier and dynamic work counters for multi-threaded kernels.

`shared` is int64 [SHARED_SIZE], zeros at the start of a run; its counters lie in cache lines of their own. Which
thread takes a chunk changes no bit of a result: every chunk writes its own part of the output.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.atomics import atomic_add, atomic_load, thread_yield

ARRIVED, PASSED, ABORTED, CLASS_CHUNKS, EXAMPLE_CHUNKS = 0, 8, 16, 24, 32
SHARED_SIZE = 40
# Spin this often, then yield at each further spin: two threads on one core that only spin make a step of 0.1 ms
# take 24 ms.
_SPINS_BEFORE_YIELD = 1000


@jit
def barrier(shared, num_threads):
    """Wait until all threads have arrived; return False if the run was aborted."""
    return group_barrier(shared, num_threads, shared)


@jit
def group_barrier(counters, num_threads, shared):
    """Wait until all of a group of threads have arrived; it has counters of its own, like `shared`.

    The last thread to arrive resets the counter of arrivals and then lets the others pass: barriers can follow one
    another without a number of their own.
    """
    if num_threads == 1:
        return True
    passed = atomic_load(counters, PASSED)
    if atomic_add(counters, ARRIVED, 1) == num_threads - 1:
        atomic_add(counters, ARRIVED, -num_threads)
        atomic_add(counters, PASSED, 1)
        return True
    spins = 0
    while atomic_load(counters, PASSED) == passed:
        spins += 1
        if spins > _SPINS_BEFORE_YIELD:
            if atomic_load(shared, ABORTED) != 0:
                return False
            thread_yield()
    return True


@jit
def next_chunk(shared, counter):
    """Return the number of a chunk that no other thread has taken."""
    return atomic_add(shared, counter, 1)


@jit
def reset_chunks(shared, counter):
    """Restart the numbers of chunks at 0; one thread does so while no other takes chunks."""
    atomic_add(shared, counter, -atomic_load(shared, counter))


@jit
def static_range(thread_id, num_threads, size):
    """Return the half-open range of `size` items that is statically assigned to a thread."""
    return thread_id * size // num_threads, (thread_id + 1) * size // num_threads

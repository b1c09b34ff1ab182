"""How the threads of a team wait for one another and share out tasks, inside compiled code.

`shared` is int64 [SHARED_SIZE], zeros at the start of a run; its counters lie in cache lines of their own. Who
takes a task changes no bit of a result: every task writes its own part of the output.
"""

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.machine.atomics import atomic_add, atomic_load, give_way

ARRIVED, ABORTED, FIRST_TASKS, SECOND_TASKS = 0, 8, 16, 24
SHARED_SIZE = 32
# So many looks, then the core is offered to others at each look: two threads on one core
# that only spin make a step of 0.1 ms take 24 ms.
_LOOKS = 1000


@jit
def meet(shared, parts, meeting):
    """Wait until all threads are at their `meeting`-th meeting (from 1); False if one will not come."""
    if parts == 1:
        return True
    atomic_add(shared, ARRIVED, 1)
    looks = 0
    while atomic_load(shared, ARRIVED) < parts * meeting:
        looks += 1
        if looks > _LOOKS:
            if atomic_load(shared, ABORTED) != 0:
                return False
            give_way()
    return True


@jit
def next_task(shared, counter):
    """Return the number of a task that no other thread has taken."""
    return atomic_add(shared, counter, 1)


@jit
def start_tasks(shared, counter):
    """Let tasks be numbered from 0 again; one thread does so while no other takes tasks."""
    atomic_add(shared, counter, -atomic_load(shared, counter))


@jit
def share_of(part, parts, size):
    """Return the first and the one behind the last of `size` things that a thread does without asking."""
    return part * size // parts, (part + 1) * size // parts

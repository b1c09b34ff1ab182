"""What a contestant's process does: make the contestant, show its first steps, time it, let it go."""

import gc
import importlib
from typing import Any

from numpy.typing import NDArray

from benchmarks.cases import NUM_BATCHES, TABLES, Case, Ids
from benchmarks.contestants import Contestant
from benchmarks.timing import timed

WARM_UP = 2  # steps before a turn: caches and threads have been others' in the meantime
AT_LEAST = 4  # timed calls a turn, however slow

_seat: list[Contestant] = []  # the contestant of this process


def build(target: str, options: dict[str, Any], case: Case, optimizer: str) -> int:
    """Make the contestant `module:class` and return the number of threads that it uses."""
    free()
    module, name = target.split(":")
    _seat.append(getattr(importlib.import_module(module), name)(case, optimizer, **options))
    return _seat[0].threads


def free() -> None:
    """Drop the contestant and its tables."""
    _seat.clear()
    gc.collect()


def first_steps(case: Case, num_steps: int, ids: dict[str, Ids]) -> tuple[list[float], dict[str, NDArray[Any]]]:
    """Return the losses of the first steps, and rows `ids` of the tables as they are after the first one."""
    contestant, batches = _seat[0], case.batches()
    losses = [contestant.step(*batches[0])]
    rows = {name: contestant.rows(name, ids[name]) for name in TABLES}
    return losses + [contestant.step(*batch) for batch in batches[1:num_steps]], rows


def turn(case: Case, seconds: float, first: int) -> list[float]:
    """Return times of single steps over about `seconds`; batches are taken in rotation from the `first`-th on."""
    contestant = _seat[0]
    calls = contestant.calls(case.batches())
    for i in range(WARM_UP):
        contestant.step(*calls[(first + i) % len(calls)])
    times = timed(lambda i: contestant.step(*calls[(first + i) % len(calls)]), seconds, AT_LEAST)
    steps = NUM_BATCHES // len(calls)
    return [time / steps for time in times]

"""Functions that run in a worker process: construct a contestant, return its first steps, time it, drop it."""

import gc
import importlib
from typing import Any

from numpy.typing import NDArray

from benchmarks.cases import NUM_BATCHES, TABLES, Case, Ids
from benchmarks.contestants import Contestant
from benchmarks.timing import timed

WARM_UP = 2  # steps before a turn: other contestants have used caches and threads in the meantime
AT_LEAST = 4  # timed calls per turn, however slow

_current: list[Contestant] = []  # the contestant of this process, if any


def build(target: str, options: dict[str, Any], case: Case, optimizer: str) -> int:
    """Construct the contestant `module:class` and return the number of threads that it uses."""
    free()
    module, name = target.split(":")
    _current.append(getattr(importlib.import_module(module), name)(case, optimizer, **options))
    return _current[0].threads


def free() -> None:
    """Drop the contestant and its tables."""
    _current.clear()
    gc.collect()


def first_steps(case: Case, num_steps: int, ids: dict[str, Ids]) -> tuple[list[float], dict[str, NDArray[Any]]]:
    """Return the losses of the first steps, and the rows `ids` of the tables after the first step."""
    contestant, batches = _current[0], case.batches()
    losses = [contestant.step(*batches[0])]
    rows = {name: contestant.rows(name, ids[name]) for name in TABLES}
    return losses + [contestant.step(*batch) for batch in batches[1:num_steps]], rows


def turn(case: Case, seconds: float, first: int) -> list[float]:
    """Return times of single steps over about `seconds`; batches rotate, starting with number `first`."""
    contestant = _current[0]
    calls = contestant.calls(case.batches())
    for i in range(WARM_UP):
        contestant.step(*calls[(first + i) % len(calls)])
    times = timed(lambda i: contestant.step(*calls[(first + i) % len(calls)]), seconds, AT_LEAST)
    steps = NUM_BATCHES // len(calls)
    return [time / steps for time in times]

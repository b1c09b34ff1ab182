"""Time calls and summarize the times."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def timed(call: Callable[[int], object], seconds: float, at_least: int, at_most: float = float("inf")) -> list[float]:
    """Return the times of call(0), call(1), ... in seconds, measured over about `seconds`."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < at_least or (len(times) < at_most and time.perf_counter() < end):
        start = time.perf_counter()
        call(len(times))
        times.append(time.perf_counter() - start)
    return times


def best(call: Callable[[], object], seconds: float) -> float:
    """Return the minimum time of a call in seconds, measured over about `seconds`; the first call is not counted."""
    call()
    return min(timed(lambda _: call(), seconds, at_least=1))


def summary(rounds: list[list[float]]) -> dict[str, Any]:
    """Return the number and quantiles of times, given in seconds, in microseconds: over all rounds and by round."""
    times = 1e6 * np.concatenate(rounds)
    least, tenth, median, ninetieth, most = np.quantile(times, [0, 0.1, 0.5, 0.9, 1])
    return {
        "samples": times.size,
        "min_us": round(least, 2),
        "p10_us": round(tenth, 2),
        "median_us": round(median, 2),
        "p90_us": round(ninetieth, 2),
        "max_us": round(most, 2),
        "round_min_us": [round(1e6 * min(times), 2) for times in rounds],
        "round_median_us": [round(1e6 * float(np.median(times)), 2) for times in rounds],
    }

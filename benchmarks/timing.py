"""Times of calls, and what is kept of them."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def timed(call: Callable[[int], object], seconds: float, at_least: int, at_most: float = float("inf")) -> list[float]:
    """Return the seconds that call(0), call(1), ... take, over about `seconds`."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < at_least or (len(times) < at_most and time.perf_counter() < end):
        start = time.perf_counter()
        call(len(times))
        times.append(time.perf_counter() - start)
    return times


def best(call: Callable[[], object], seconds: float) -> float:
    """Return the least seconds that the call takes, over about `seconds`; the first call is not counted."""
    call()
    return min(timed(lambda _: call(), seconds, at_least=1))


def summary(rounds: list[list[float]]) -> dict[str, Any]:
    """Return counts and quantiles of times in seconds, as microseconds, over all rounds and round by round."""
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

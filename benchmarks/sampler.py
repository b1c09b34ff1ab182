"""`sampler`: time of drawing candidates, ours and TensorFlow's in rotation, after checking that they are equal."""

import importlib.util
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import draws as worker
from benchmarks.child import Child, ChildError
from benchmarks.contestants import NO_GPU
from benchmarks.draws import SAMPLERS, Draw, Values, word_counts
from benchmarks.record import Record
from benchmarks.session import SETTLE, Effort
from benchmarks.timing import summary
from benchmarks.views import sampler_view

RANGE_MAX, BATCH_SIZE = 100_000, 1024
SIZES = {"s64": 64, "s1024": 1024, "s8192": 8192}
TINY_SIZES = {"tiny": 12}
SIDES = ("sampledsoftmax", "tensorflow")
THEIRS = "tensorflow"  # the module that must be installed
COUNT_RTOL = 1e-6


def draws(sizes: Sequence[int]) -> list[Draw]:
    """Return every sampler at every size; `all` draws all of its classes."""
    return [
        Draw(sampler, size if sampler == "all" else RANGE_MAX, size, BATCH_SIZE)
        for sampler in SAMPLERS
        for size in sizes
    ]


def run(record: Record, sizes: Sequence[int], effort: Effort) -> int:
    """Time all samplers, print a table and record it; return how many disagreed with TensorFlow."""
    missing = {}
    if importlib.util.find_spec(THEIRS) is None:
        missing = {"tensorflow": f"{THEIRS} is not installed: pip install '.[bench]'"}
        print(f"tensorflow is left out: {missing['tensorflow']}\n", flush=True)
    record.begin("sampler", missing)
    children = {side: Child(NO_GPU | {"TF_CPP_MIN_LOG_LEVEL": "3"}) for side in SIDES if side not in missing}
    try:
        with tempfile.TemporaryDirectory() as folder:
            vocab_file = Path(folder) / "counts"
            write_counts(vocab_file, RANGE_MAX)
            results = [_measure(draw, vocab_file, children, effort, record) for draw in draws(sizes)]
    finally:
        for child in children.values():
            child.stop()
        for child in children.values():
            child.close()
    print(sampler_view(results).text(), flush=True)
    return sum(result["refused"] for result in results)


def _measure(
    draw: Draw, vocab_file: Path, children: dict[str, Child], effort: Effort, record: Record
) -> dict[str, Any]:
    problem = _problem(draw, vocab_file, children)
    times: dict[str, list[list[float]]] = {side: [] for side in (SIDES[:1] if problem else children)}
    for _ in range(effort.rounds):
        for side, rounds in times.items():
            time.sleep(SETTLE)
            rounds.append(children[side].call(worker.turn, side, draw, vocab_file, effort.seconds))
    result: dict[str, Any] = {**asdict(draw), "refused": bool(problem)}
    result |= {side: summary(rounds) for side, rounds in times.items()}
    result["notes"] = [f"{draw.sampler}, S={draw.num_sampled}: TensorFlow's is REFUSED: {problem}"] if problem else []
    record.add("sampler", result)
    return result


def _problem(draw: Draw, vocab_file: Path, children: dict[str, Child]) -> str:
    """Return why TensorFlow's op cannot be compared with our sampler, or an empty string."""
    if SIDES[1] not in children:
        return ""
    mine = children[SIDES[0]].call(worker.first_draws, SIDES[0], draw, vocab_file)
    try:
        return difference(mine, children[SIDES[1]].call(worker.first_draws, SIDES[1], draw, vocab_file))
    except ChildError as error:
        return str(error)


def write_counts(path: Path, range_max: int) -> None:
    """Write the counts of the fixed unigram for TensorFlow, one id and count per line."""
    path.write_text("".join(f"{i},{count!r}\n" for i, count in enumerate(word_counts(range_max).tolist())))


def difference(ours: list[Values], theirs: list[Values]) -> str:
    """Return how the calls of two samplers differ, or an empty string."""
    for call, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if not np.array_equal(mine[0], other[0]):
            return f"call {call} gives other candidates"
        if not all(np.allclose(a, b, rtol=COUNT_RTOL, atol=COUNT_RTOL) for a, b in zip(mine, other, strict=True)):
            return f"call {call} gives other expected counts"
    return ""

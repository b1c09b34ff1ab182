"""`separate-candidates`: what it costs if each input of a batch has its own candidates instead of shared ones.

Shared candidates are num_sampled rows and three matrix products: logits, gradient of the inputs, gradient of the rows.
Separate ones are batch_size * num_sampled rows, each read, multiplied and updated for one input. Both are timed on one
thread, with plain SGD, without draws, exponentials and log Q.
"""

from pathlib import Path

import click
import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.child import Child
from benchmarks.limits.sgemm import ONE_THREAD
from benchmarks.record import Record
from benchmarks.table import aligned
from benchmarks.timing import best

SECTION = "separate-candidates"
CASES = {
    "word vectors": (21_662, 100, 32, 64),
    "language model": (21_662, 100, 256, 256),
    "recommender": (38_048, 64, 128, 1024),
}  # classes, dim, batch size, candidates
SECONDS, RATE = 1.0, 1e-9
HEAD = ("case", "classes", "dim", "batch", "candidates", "shared (ms)", "separate (ms)", "ratio")

Rows = NDArray[np.float32]


@numba.njit(fastmath=True)
def _separate_step(inputs: Rows, weights: Rows, ids: NDArray[np.int64], rate: float, of_inputs: Rows) -> None:
    """Take a step on candidates of each input: the gradient of a logit is the logit, as good as any other."""
    step = np.float32(rate)
    for b in range(ids.shape[0]):
        x, of_x = inputs[b], of_inputs[b]
        of_x[:] = 0
        for s in range(ids.shape[1]):
            row = weights[ids[b, s]]
            logit = np.float32(0)
            for d in range(row.size):
                logit += x[d] * row[d]
            for d in range(row.size):
                of_x[d] += logit * row[d]
                row[d] -= step * logit * x[d]


def _shared_step(inputs: Rows, weights: Rows, ids: NDArray[np.int64], rate: float) -> None:
    """Take the same step on candidates of all inputs, by matrix products."""
    rows = weights[ids]
    logits = inputs @ rows.T
    logits @ rows
    weights[ids] -= np.float32(rate) * (logits.T @ inputs)


def measured(num_classes: int, dim: int, batch_size: int, num_sampled: int) -> dict[str, float]:
    """Return the milliseconds of a batch, the best of a second."""
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((num_classes, dim), np.float32)
    inputs = rng.standard_normal((batch_size, dim), np.float32)
    ids = rng.integers(num_classes, size=(batch_size, num_sampled))
    of_inputs = np.empty_like(inputs)
    shared = best(lambda: _shared_step(inputs, weights, ids[0], RATE), SECONDS)
    separate = best(lambda: _separate_step(inputs, weights, ids, RATE, of_inputs), SECONDS)
    return {"shared_ms": round(1e3 * shared, 4), "separate_ms": round(1e3 * separate, 4)}


@click.command(short_help="Candidates of each input against shared ones.")
@click.option("--json", "file", type=click.Path(path_type=Path), default=Path("docs/samplers.json"), show_default=True)
def command(file: Path) -> None:
    """Time a batch with shared candidates and with separate ones for each input, on one thread."""
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    record, rows = Record(file), []
    record.begin(SECTION, {})
    child = Child(ONE_THREAD)
    try:
        for name, case in CASES.items():
            found = child.call(measured, *case)
            sizes = dict(zip(("num_classes", "dim", "batch_size", "num_sampled"), case, strict=True))
            record.add(SECTION, {"case": name, **sizes, **found})
            ratio = found["separate_ms"] / found["shared_ms"]
            times = [f"{found[kind]:.3f}" for kind in ("shared_ms", "separate_ms")]
            rows.append([name, *(f"{size:,}" for size in case), *times, f"{ratio:.1f}"])
    finally:
        child.close()
    print(aligned(HEAD, rows))

"""Time one training step of every contestant, after checking that they compute the same loss.

Contestants take turns within one run, so that a change of the machine's clock meets all of them; the
figures are the minimum and the median over all timed steps.
"""

import argparse
import gc
import importlib.metadata
import importlib.util
import os
import platform
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np

import sampledsoftmax as ss
from benchmarks.cases import CASES, NUM_BATCHES, Case
from benchmarks.contestants import CONTESTANTS, OPTIMIZERS, Contestant, TensorFlow

LOSS_RTOL = 1e-5  # float32 sums over up to 1025 columns and 1024 examples


def main() -> None:
    """Parse the arguments, print the machine, then a table of one row a contestant, case and optimizer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant (default 5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="time a turn (default 0.5)")
    parser.add_argument("--cases", nargs="+", choices=[c.name for c in CASES], default=[c.name for c in CASES])
    options = parser.parse_args()
    contestants = [c for c in CONTESTANTS if c is not TensorFlow or importlib.util.find_spec("tensorflow")]
    print(_machine(contestants))
    print(f"{'case':4} {'V':>9} {'D':>4} {'B':>5} {'S':>5}  {'optimizer':9} {'contestant':18}"
          f" {'min us':>9} {'median us':>9} {'times ours':>10}")  # fmt: skip
    for case in CASES:
        if case.name in options.cases:
            for optimizer in OPTIMIZERS:
                _run(case, optimizer, contestants, options.rounds, options.seconds)


def _run(case: Case, optimizer: str, contestants: list[Any], rounds: int, seconds: float) -> None:
    tables = case.tables()
    entrants: list[Contestant] = [c(case, optimizer, tuple(t.copy() for t in tables)) for c in contestants]
    _check_losses(case, contestants, entrants)
    times: list[list[float]] = [[] for _ in entrants]
    for _ in range(rounds):
        for entrant, record in zip(entrants, times, strict=True):
            record += _turn(case, entrant, seconds)
    ours = min(times[0])
    for contestant, record in zip(contestants, times, strict=True):
        print(f"{case.name:4} {case.num_classes:9} {case.dim:4} {case.batch_size:5} {case.num_sampled:5}"
              f"  {optimizer:9} {contestant.name:18} {min(record) * 1e6:9.0f} {np.median(record) * 1e6:9.0f}"
              f" {min(record) / ours:10.2f}", flush=True)  # fmt: skip
    del entrants
    gc.collect()


def _check_losses(case: Case, contestants: list[Any], entrants: list[Contestant]) -> None:
    """Stop unless all contestants have the same loss on the first batch, from the same tables and seed."""
    batch = case.batches()[0]
    losses = [entrant.step(*batch) for entrant in entrants]
    if not np.allclose(losses, losses[0], rtol=LOSS_RTOL, atol=0):
        pairs = ", ".join(f"{c.name} {loss:.7g}" for c, loss in zip(contestants, losses, strict=True))
        raise SystemExit(f"{case.name}: the contestants do not compute the same loss: {pairs}")


def _turn(case: Case, entrant: Contestant, seconds: float) -> list[float]:
    """Return times of single steps over about `seconds`, after one round of batches to warm up."""
    batches = case.batches()
    for batch in batches[:2]:
        entrant.step(*batch)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < NUM_BATCHES:
        start = time.perf_counter()
        entrant.step(*batches[len(times) % NUM_BATCHES])
        times.append(time.perf_counter() - start)
    return times


def _machine(contestants: list[Any]) -> str:
    versions = f"sampledsoftmax {ss.__version__}, numpy {np.__version__}, numba {numba.__version__}"
    if TensorFlow in contestants:
        versions += f", TensorFlow {importlib.metadata.version('tensorflow-cpu')}"
    else:
        versions += "; TensorFlow is not installed and is left out"
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_cpu()}, {threads} cores, Python {platform.python_version()}, {versions}"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()

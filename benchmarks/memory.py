"""`memory`: peak memory of a training process beyond its tables."""

import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import sampledsoftmax as ss
from benchmarks.cases import INITIAL_ACCUMULATOR, LEARNING_RATE, NUM_BATCHES, SEED, TINY, Case
from benchmarks.child import Child
from benchmarks.record import Record
from benchmarks.views import memory_view

NUM_STEPS = 100


def run(record: Record, cases: Sequence[Case], optimizers: Sequence[str]) -> int:
    """Measure all cases, print a table and record it; return 0, the number of refused contestants."""
    record.begin("memory", {})
    results = []
    for case in cases:
        for optimizer in optimizers:
            imports, training = (_peak_of_a_process(model, optimizer) for model in ([], [case]))
            results.append(
                {
                    "case": asdict(case),
                    "optimizer": optimizer,
                    "steps": NUM_STEPS,
                    "tables_mb": round(case.num_bytes(optimizer) / 1e6, 1),
                    "imports_mb": round(imports / 1e6, 1),
                    "training_mb": round((training - imports) / 1e6, 1),
                }
            )
            record.add("memory", results[-1])
    print(memory_view(results).text(), flush=True)
    return 0


def train(case: Case, optimizer: str) -> None:
    """Construct a model and train `NUM_STEPS` steps."""
    rule = ss.SGD(LEARNING_RATE) if optimizer == "sgd" else ss.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
    model = ss.SkipGram(case.num_classes, case.dim, case.num_sampled, rule, seed=SEED)
    batches = case.batches()
    for i in range(NUM_STEPS):
        model.step(*batches[i % NUM_BATCHES])


def peak_bytes() -> int:
    """Return the peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, getrusage may include the parent process
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _peak_of_a_process(cases: Sequence[Case], optimizer: str) -> int:
    child = Child()
    try:
        for case in (TINY, *cases):  # the tiny case compiles all kernels
            child.call(train, case, optimizer)
        peak: int = child.call(peak_bytes)
    finally:
        child.close()
    return peak

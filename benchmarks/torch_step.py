"""`torch`: a training step of a whole model in PyTorch, its output layer written in several ways."""

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import machine
from benchmarks.child import Child, ChildError
from benchmarks.machine import free_memory_bytes
from benchmarks.record import Record
from benchmarks.table import aligned
from benchmarks.timing import summary

NAME = "torch"
SETTLE = 0.2  # seconds before a turn, for the threads of other contestants to go to sleep
NUM_STEPS = 3  # that are compared before anything is timed
RTOL = 1e-4  # float32 losses of steps that follow one another
LABELS = {
    "hand": "PyTorch by hand, sparse embeddings",
    "hand-compiled": "the same, compiled",
    "module": "SampledSoftmaxLoss",
    "fused": "FusedSampledSoftmaxLoss",
    "layer": "encoder + SampledSoftmax.step",
    "adaptive": "AdaptiveLogSoftmaxWithLoss",
    "full": "full cross_entropy",
}
BY_HAND = ("hand", "hand-compiled")
SAME_LOSS = ("hand", "hand-compiled", "module", "fused", "layer")
# Threads of OpenMP that spin for milliseconds would take the cores from the next operation; compiled in the process.
ENVIRONMENT = {"GOMP_SPINCOUNT": "10000", "TORCHINDUCTOR_COMPILE_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
SIZES = {"50k": 50_000, "250k": 250_000, "1m": 1_000_000}
TINY = {"n_classes": 500, "dim": 16, "batch_size": 24, "num_sampled": 12}


def _names(allowed: Sequence[str]) -> Any:
    def split(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
        found = value.split(",") if value else []
        for name in found:
            if name not in allowed:
                raise click.BadParameter(f"{name!r} is not one of {', '.join(allowed)}", context, parameter)
        return found

    return split


@click.command(short_help="A step of a model in PyTorch.")
@click.option("--cases", callback=_names([*SIZES, "tiny"]), help=f"Comma-separated, of {', '.join(SIZES)}.")
@click.option("--contestants", callback=_names(list(LABELS)), help=f"Comma-separated, of {', '.join(LABELS)}.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each contestant.")
@click.option("--seconds", type=click.FloatRange(0), default=1.0, show_default=True, help="Length of a turn.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="File of results.")
def command(cases: list[str], contestants: list[str], rounds: int, seconds: float, json: Path | None) -> None:
    """Time a step of a whole model: encoder, loss, gradients, update of all parameters, with Adagrad.

    Contestants with the same loss are first compared with each other. Each has its own process; they are timed in
    rotation. The peak is that of the process, over all steps.
    """
    if importlib.util.find_spec("torch") is None:
        raise click.ClickException("PyTorch is not installed: pip install '.[bench]'")
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    record = Record(json)
    record.begin(NAME, {})
    refused = 0
    for case in cases or SIZES:
        result = run(case, contestants or list(LABELS), rounds, seconds)
        record.add(NAME, result)
        print(view(result), flush=True)
        refused += len(result["refused"])
    if refused:
        raise click.ClickException(f"{refused} contestants compute another loss and were refused: see above")


def run(case: str, names: Sequence[str], rounds: int, seconds: float) -> dict[str, Any]:
    """Compare and time the contestants of one case, and return the results as plain data."""
    from benchmarks import torch_models  # noqa: PLC0415 - imports PyTorch

    size = torch_models.Size(**TINY) if case == "tiny" else torch_models.Size(SIZES[case])
    left_out: dict[str, str] = {}
    refused: dict[str, str] = {}
    children: dict[str, Child] = {}
    times: dict[str, list[list[float]]] = {}
    expected: list[float] = []
    try:
        for name in names:
            if name == "full" and (why := _too_large(size)):
                left_out[name] = why
                continue
            children[name] = Child(ENVIRONMENT)
            try:
                losses = children[name].call(torch_models.build, name, size, NUM_STEPS)
            except ChildError as error:
                left_out[name] = str(error)
                children.pop(name).close()
                continue
            if name in SAME_LOSS:
                expected = expected or losses
                if not np.allclose(losses, expected, rtol=RTOL):
                    refused[name] = f"losses {losses}, expected {expected}"
                    children.pop(name).close()
                    continue
            times[name] = []
        for _ in range(rounds):
            for name, found in times.items():
                time.sleep(SETTLE)
                found.append(children[name].call(torch_models.turn, seconds))
        rows = [
            {
                "name": name,
                "label": LABELS[name],
                **summary(found),
                "peak_mb": round(children[name].call(torch_models.peak) / 1e6),
            }
            for name, found in times.items()
        ]
    finally:
        for child in children.values():
            child.close()
    return {"case": case, "size": asdict(size), "rows": rows, "left_out": left_out, "refused": refused}


def view(result: dict[str, Any]) -> str:
    """Return a table of one case."""
    size = result["size"]
    title = f"{result['case']}: V={size['n_classes']:,} D={size['dim']} B={size['batch_size']} S={size['num_sampled']}"
    rows = [
        [row["label"], f"{row['min_us'] / 1000:.2f}", f"{row['median_us'] / 1000:.2f}", f"{row['peak_mb']:,}"]
        for row in result["rows"]
    ]
    table = aligned(["one step", "min ms", "median ms", "peak MB"], rows)
    notes = [f"{LABELS[name]}: {why}" for name, why in (result["left_out"] | result["refused"]).items()]
    return "\n".join([title, table, *_ratios(result["rows"]), *notes, ""])


def _ratios(rows: list[dict[str, Any]]) -> list[str]:
    """Return lines with the fused module's time over that of the fastest by hand, and of the encoder and a step."""
    fastest = {row["name"]: row["min_us"] for row in rows}
    by_hand = [fastest[name] for name in BY_HAND if name in fastest]
    others = {"the fastest by hand": min(by_hand, default=None), LABELS["layer"]: fastest.get("layer")}
    return [
        f"{LABELS['fused']} / {label}: {fastest['fused'] / other:.2f}"
        for label, other in others.items()
        if other is not None and "fused" in fastest
    ]


def _too_large(size: Any) -> str:
    """Return why all logits do not fit in memory, or an empty string."""
    logits, tables = 4 * size.batch_size * size.n_classes, 4 * size.n_classes * size.dim
    needed = 3 * logits + 4 * tables
    free = free_memory_bytes() // 2
    return f"needs {needed / 1e9:.0f} GB, and {free / 1e9:.0f} GB may be used" if needed > free else ""

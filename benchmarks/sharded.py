"""`ray`: a step of an output layer whose tables are on two processes, compared with the step of one layer.

The shards are processes of a local Ray cluster, so that messages pass through its sockets and shared memory. Beside
the seconds are the bytes of a step: those of rows and ids as `traffic` counts them, as the formula of the page has
them, and as pickled messages.
"""

import pickle
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

import sampledsoftmax as ss
from benchmarks import machine
from benchmarks.cases import CASES, SEED, TINY, Case
from benchmarks.record import Record
from benchmarks.table import markdown

RATES = (1, 10, 100)  # of networks, in Gb/s
BY_NAME = {case.name: case for case in (*CASES, TINY)}


class Counted:
    """Counts the bytes of pickled messages and replies, in the place of a transport."""

    def __init__(self, transport: Any) -> None:
        self._transport, self.bytes = transport, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def send(self, shard: int, message: str, *arguments: Any) -> Any:
        """Count a message."""
        self.bytes += len(pickle.dumps((message, arguments), protocol=5))
        return self._transport.send(shard, message, *arguments)

    def receive(self, replies: Sequence[Any]) -> list[Any]:
        """Count replies."""
        found: list[Any] = self._transport.receive(replies)
        self.bytes += sum(len(pickle.dumps(reply, protocol=5)) for reply in found)
        return found


def batches(case: Case) -> list[tuple[Any, Any]]:
    """Return inputs of an encoder and labels."""
    rng = np.random.default_rng(3)
    shape = case.batch_size, case.dim
    return [(rng.standard_normal(shape, np.float32), labels) for _, labels in case.batches()]


def median_seconds(layer: Any, work: list[tuple[Any, Any]], steps: int) -> float:
    """Return the median time of a step."""
    seconds = []
    for number in range(steps + 2):  # the first ones compile and allocate
        start = time.perf_counter()
        layer.step(*work[number % len(work)])
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[2:]))


def median_round_trip(sharded: Any, steps: int) -> float:
    """Return the median time of the shortest message to a shard and back."""
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        sharded.biases[:1]
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def message_bytes(num_rows: float, dim: int) -> float:
    """Return the bytes of a step with `num_rows` different rows: ids twice, rows and biases, their gradients."""
    return num_rows * (2 * 8 + 2 * 4 * (dim + 1))


def measure(case: Case, steps: int, num_shards: int) -> dict[str, Any]:
    """Return seconds and bytes of a case."""
    import sampledsoftmax.ray  # noqa: PLC0415 - an extra

    work, sizes = batches(case), (case.num_classes, case.dim, case.num_sampled)
    layer = ss.SampledSoftmax(*sizes, ss.Adagrad(0.1), seed=SEED)
    single = median_seconds(layer, work, steps)
    with sampledsoftmax.ray.ShardedSampledSoftmax(*sizes, ss.Adagrad(0.1), seed=SEED, num_shards=num_shards) as sharded:
        seconds = median_seconds(sharded, work, steps)
        round_trip = median_round_trip(sharded, steps)
        same = bool((sharded.weights[:1000] == layer.weights[:1000]).all())
        del layer
        driver = sharded._driver  # noqa: SLF001 - its transport is replaced by one that counts
        before, driver.transport = sharded.traffic, Counted(driver.transport)
        driver._worker._shards = driver.transport  # noqa: SLF001
        for number in range(steps):
            sharded.step(*work[number % len(work)])
        counted = sum(sharded.traffic.values()) - sum(before.values())
        pickled = driver.transport.bytes
        rows = (sharded.traffic["pulled"] - before["pulled"]) / (4 * (case.dim + 1) * steps)
    return {
        "case": case.name,
        "num_shards": num_shards,
        "threads": ss.get_num_threads(),
        "optimizer": "adagrad",
        "rows": rows,
        "bytes": counted / steps,
        "bytes_computed": message_bytes(rows, case.dim),
        "bytes_pickled": pickled / steps,
        "seconds_single": single,
        "seconds_sharded": seconds,
        "seconds_round_trip": round_trip,
        "seconds_model": {f"{rate} Gb/s": single + 2 * round_trip + counted / steps / (rate * 125e6) for rate in RATES},
        "same_bits": same,
    }


def page(section: dict[str, Any]) -> str:
    """Return the part of docs/ray.md that shows results."""
    head = ["case", "rows", "MB computed", "MB counted", "MB as messages", "one process, ms", "2 shards, ms"]
    head += ["round trip, ms", *(f"at {rate} Gb/s, ms" for rate in RATES)]
    rows = []
    for result in section["results"]:
        megabytes = [f"{result[name] / 1e6:.2f}" for name in ("bytes_computed", "bytes", "bytes_pickled")]
        seconds = [result[f"seconds_{name}"] for name in ("single", "sharded", "round_trip")]
        milliseconds = [f"{1e3 * value:.1f}" for value in (*seconds, *result["seconds_model"].values())]
        rows.append([result["case"], format(result["rows"], ",.0f"), *megabytes, *milliseconds])
    about = f"{machine.one_line(section['machine'])}; an output layer, Adagrad, 2 shards on one machine:"
    return f"{about}\n\n{markdown(head, rows)}"


@click.command(short_help="A step with tables on two processes.")
@click.option("--cases", default="w2,w3", show_default=True, help="Comma-separated sizes.")
@click.option("--num-shards", type=click.IntRange(1), default=2, show_default=True)
@click.option("--steps", type=click.IntRange(1), default=20, show_default=True, help="Steps that are timed.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="File of results.")
def command(cases: str, num_shards: int, steps: int, json: Path | None) -> None:
    """Time a step of an output layer on shards of a local Ray cluster, and count its bytes; needs the extra ray."""
    names = cases.split(",")
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(BY_NAME)}")
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    record = Record(json)
    record.begin("ray", {})
    for name in names:
        result = measure(replace(BY_NAME[name]), steps, num_shards)
        record.add("ray", result)
        print(
            f"{BY_NAME[name]}: {1e3 * result['seconds_single']:.1f} ms in one process,"
            f" {1e3 * result['seconds_sharded']:.1f} ms on {num_shards} shards; {result['rows']:,.0f} rows,"
            f" {result['bytes'] / 1e6:.2f} MB counted, {result['bytes_computed'] / 1e6:.2f} MB computed,"
            f" {result['bytes_pickled'] / 1e6:.2f} MB as messages; the same bits: {result['same_bits']}",
            flush=True,
        )
    print("\n" + page(record.sections["ray"]))

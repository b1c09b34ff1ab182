"""`break-even`: the number of classes from which on a sampled step is faster than a full one."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.record import Record
from benchmarks.views import full_time
from sampledsoftmax.reference import full_softmax_loss_and_grad

LEARNING_RATE = 0.05
SEED = 1
NAME = "break_even"

Step = Callable[[], None]


@dataclass(frozen=True)
class Sizes:
    """Every batch size and every number of candidates at every number of classes.

    Sizes whose full step has more than `most_logits` are skipped, since each step would take seconds.
    """

    num_classes: tuple[int, ...] = (100, 300, 1000, 3000, 10_000, 30_000)
    num_sampled: tuple[int, ...] = (16, 64, 256, 1024)
    batch_size: tuple[int, ...] = (32, 256, 1024)
    dim: int = 128
    most_logits: int = 11_000_000


QUICK = Sizes((50, 200, 800), (8, 32), (16,), 8)


class Problem(NamedTuple):
    """A number of classes, inputs float32 [batch_size, dim] and labels int64 [batch_size]."""

    num_classes: int
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]


def a_problem(num_classes: int, batch_size: int, dim: int) -> Problem:
    """Return log-uniform labels and normal inputs."""
    rng = np.random.default_rng(SEED)
    inputs = rng.standard_normal((batch_size, dim), np.float32)
    labels = np.exp(rng.random(batch_size) * np.log(num_classes)).astype(np.int64) - 1
    return Problem(num_classes, inputs, labels)


def sampled_step(problem: Problem, num_sampled: int) -> Step:
    """Return one step of the output layer with sampled softmax and Adagrad."""
    dim = problem.inputs.shape[1]
    layer = ss.SampledSoftmax(problem.num_classes, dim, num_sampled, ss.Adagrad(LEARNING_RATE), seed=SEED)

    def step() -> None:
        layer.step(problem.inputs, problem.labels)

    return step


def full_step(problem: Problem, by: str) -> Step:
    """Return one step with the exact softmax over all classes and Adagrad on all rows.

    `by` is "kernels", the compiled function of this package, or "NumPy", whole matrices by its linear algebra.
    """
    num_classes, inputs, labels = problem
    rng = np.random.default_rng(SEED)
    weights = rng.standard_normal((num_classes, inputs.shape[1]), np.float32) / np.float32(inputs.shape[1] ** 0.5)
    biases = np.zeros(num_classes, np.float32)
    accumulators = [np.full_like(table, 0.1) for table in (weights, biases)]
    share = np.full(labels.size, 1 / labels.size, np.float32)

    def gradients() -> Iterator[NDArray[np.float32]]:
        if by == "kernels":
            found = ss.full_softmax_loss_and_grad(weights, biases, labels, inputs, loss_grad=share)[1]
            return iter((found.weights.values, found.biases.values))
        found = full_softmax_loss_and_grad(weights, biases, labels[:, np.newaxis], inputs)
        return iter(gradient * share[0] for gradient in found[1:3])

    def step() -> None:
        for table, accumulator, gradient in zip((weights, biases), accumulators, gradients(), strict=True):
            accumulator += gradient * gradient
            gradient *= np.float32(LEARNING_RATE)
            gradient /= np.sqrt(accumulator)
            table -= gradient

    return step


def measure(sizes: Sizes, rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the CPU time of a step, in microseconds, for every batch size and number of classes.

    All kinds of steps are timed in rotation, `rounds` times; the result is the minimum over all rounds.
    """
    for batch_size in sizes.batch_size:
        for num_classes in sizes.num_classes:
            if batch_size * num_classes > sizes.most_logits:
                continue
            problem = a_problem(num_classes, batch_size, sizes.dim)
            steps = {f"full, {by}": full_step(problem, by) for by in ("kernels", "NumPy")}
            steps |= {f"sampled {s}": sampled_step(problem, s) for s in sizes.num_sampled if s <= num_classes}
            least = dict.fromkeys(steps, float("inf"))
            for step in steps.values():
                step()
            for _ in range(rounds):
                for name, step in steps.items():
                    least[name] = min(least[name], _seconds(step, seconds))
            times = {name: round(1e6 * time, 1) for name, time in least.items()}
            yield {"batch_size": batch_size, "num_classes": num_classes, "min_us": times}


def _seconds(step: Step, at_least: float) -> float:
    """Return the CPU seconds of the fastest of several steps, which take about `at_least` together.

    Not wall time: on a shared machine, a long step is always interrupted and a short one rarely.
    """
    fastest, total = float("inf"), 0.0
    while total <= at_least:
        start = time.process_time()
        step()
        taken = time.process_time() - start
        fastest, total = min(fastest, taken), total + max(taken, 1e-6)
    return fastest


def break_even(results: list[dict[str, Any]], batch_size: int, num_sampled: int) -> float | None:
    """Return the number of classes from which on a sampled step is faster than the faster full step.

    Between measured sizes, the ratio of the times is interpolated as a power of the number of classes. If the sampled
    step is always faster, the smallest measured size; None if it is not faster at the largest.
    """
    name = f"sampled {num_sampled}"
    chosen = [result for result in results if result["batch_size"] == batch_size and name in result["min_us"]]
    sizes = np.log([result["num_classes"] for result in chosen])
    gains = np.log([full_time(result) / result["min_us"][name] for result in chosen])
    behind = np.flatnonzero(gains < 0)
    if not chosen or gains[-1] < 0:
        return None
    if not behind.size:
        return float(np.exp(sizes[0]))
    i = int(behind[-1])
    return float(np.exp(np.interp(0.0, gains[i : i + 2], sizes[i : i + 2])))


@click.command(short_help="Sampled against full softmax steps.")
@click.option(
    "--json",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="File of results; other sections in it are kept.",
)
@click.option("--plots", type=click.Path(path_type=Path), metavar="DIR", help="Directory for break_even.svg.")
@click.option("--rounds", default=5, show_default=True, help="Turns of each kind of step.")
@click.option("--seconds", default=0.03, show_default=True, help="Length of a turn.")
@click.option("--dim", default=Sizes.dim, show_default=True, help="Width of the inputs.")
@click.option("--quick", is_flag=True, help="Tiny sizes, to test that it runs.")
@click.option("--shared", is_flag=True, help="Note in the file that the machine was shared.")
@click.option("--redraw", is_flag=True, help="Measure nothing; evaluate and draw the results in FILE again.")
def command(json: Path, plots: Path | None, redraw: bool, **options: Any) -> None:
    """Time a training step of the output layer, sampled and full, over classes, candidates and batch sizes.

    CPU time on one thread, so that other work on the machine matters less. With more threads, the large matrix products
    of a full step gain more than a sampled step.
    """
    record = Record(json)
    if not redraw:
        _measure(record, **options)
    elif NAME not in record.sections:
        raise click.ClickException(f"{json} has no results of {NAME}: omit --redraw")
    section = record.sections[NAME]
    settings = section["settings"]
    section["break_even"] = [
        {"batch_size": b, "num_sampled": s, "num_classes": break_even(section["results"], b, s)}
        for b in settings["batch_size"]
        for s in settings["num_sampled"]
    ]
    record.write()
    if plots is not None:
        from benchmarks.plots import draw_break_even  # noqa: PLC0415 - measuring needs no matplotlib

        click.echo(draw_break_even(section["results"], settings["dim"], plots))


def _measure(record: Record, rounds: int, seconds: float, dim: int, quick: bool, shared: bool) -> None:
    """Measure and record the times of all steps."""
    ss.set_num_threads(1)
    sizes = QUICK if quick else Sizes(dim=dim)
    record.begin(NAME, {})
    record.sections[NAME] |= {
        "command": f"python -m benchmarks break-even --rounds {rounds} --seconds {seconds:g}",
        "note": "a shared machine" if shared else "an otherwise idle machine",
        "settings": {**vars(sizes), "optimizer": "Adagrad", "threads": 1, "seed": SEED},
    }
    for result in measure(sizes, rounds, seconds):
        record.add(NAME, result)
        times = "  ".join(f"{name} {time:,.0f}" for name, time in result["min_us"].items())
        click.echo(f"B={result['batch_size']} V={result['num_classes']:,}: {times}")

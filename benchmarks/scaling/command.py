"""`scaling`: time by number of threads, measured up to the cores of this machine and simulated beyond."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import sampledsoftmax as ss
from benchmarks import machine
from benchmarks.cases import CASES, TINY, Case
from benchmarks.record import Record
from benchmarks.scaling import costs, report
from benchmarks.scaling.clock import IS_AVAILABLE
from benchmarks.scaling.costs import Costs
from benchmarks.scaling.simulate import outcome, step_stages, word_stages
from benchmarks.scaling.steps import LayerSteps
from benchmarks.scaling.word_kernels import PHASES
from benchmarks.scaling.words import Clock, WordRuns, WordTrace, corpus
from benchmarks.session import Effort
from sampledsoftmax.runtime.threadpool import threads_for

NAME = "scaling"
THREADS = (1, 2, 4, 8, 16, 32, 64)
SHARDS = (4, 8, 16, 32, 64)
BANDWIDTH = 200.0  # GB/s: eight channels of DDR4 at 3200 million transfers per second have 204.8


@click.command(short_help="Time by number of cores, measured and simulated.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="File of results.")
@click.option("--write", is_flag=True, help="Write docs/scaling.json, and the page and the plot from it.")
@click.option("--redraw", is_flag=True, help="With --write: measure nothing, use docs/scaling.json as it is.")
@click.option(
    "--bandwidth",
    type=click.FloatRange(0, min_open=True),
    default=BANDWIDTH,
    show_default=True,
    help="Memory of the simulated machine, in GB/s.",
)
@click.option("--shards", multiple=True, type=click.IntRange(1), default=SHARDS, show_default=True)
@click.option("--case", "cases", multiple=True, type=click.Choice([case.name for case in CASES]), help="Default: all.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Runs; the median counts.")
@click.option("--seconds", type=click.FloatRange(0), default=0.5, show_default=True, help="Least length of a turn.")
@click.option("--processor-time", is_flag=True, help="Measure one thread only, for a machine that is busy.")
@click.option("--small", is_flag=True, help="A tiny corpus and layer, to test that it runs.")
def command(
    json: Path | None,
    write: bool,
    redraw: bool,
    bandwidth: float,
    shards: Sequence[int],
    cases: Sequence[str],
    rounds: int,
    seconds: float,
    processor_time: bool,
    small: bool,
) -> None:
    """Time word training and steps of an output layer by number of threads and of shards.

    Phases are measured on one thread, by processor time. Numbers of threads up to the cores of this machine are
    measured by the clock too, to compare; the others are simulated.
    """
    if redraw and not write:
        raise click.UsageError("--redraw is for --write")
    if not IS_AVAILABLE:
        raise click.ClickException("scaling needs the processor time of a thread, which Windows does not give")
    record = Record(report.JSON if write else json)
    if not redraw:
        chosen = [case for case in CASES if not cases or case.name in cases]
        effort, sizes = Effort(rounds, seconds), [TINY] if small else chosen
        _measure(record, bandwidth * 1e9, shards, sizes, effort, processor_time, small)
    elif NAME not in record.sections:
        raise click.ClickException(f"{report.JSON} has no results: omit --redraw")
    click.echo(report.text(record.sections[NAME]))
    if write:
        for path in report.write(record.sections[NAME]):
            click.echo(path)


def _measure(
    record: Record,
    bandwidth: float,
    shards: Sequence[int],
    cases: Sequence[Case],
    effort: Effort,
    processor_time: bool,
    small: bool,
) -> None:
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    real = [number for number in THREADS if number <= machine.num_cores()]
    name, encoded = corpus(small)
    found = costs.measure(real, bandwidth, effort.seconds, 2 if small else 256)
    clock, compared = (time.thread_time, [1]) if processor_time else (time.perf_counter, real)
    record.begin(NAME, {})
    record.sections[NAME] |= {
        "corpus": name,
        "costs": report.as_json(found._asdict()),  # with text as keys, as in a file
        "effort": asdict(effort),
        "processor_time": processor_time,
    }
    for number in shards:
        result = _words(WordRuns(encoded, number), found, effort, compared, clock)
        record.add(NAME, result)
        print(report.progress(result), flush=True)
    for case in cases:
        result = _step(case, found, effort, compared, clock)
        record.add(NAME, result)
        print(report.progress(result), flush=True)


def _words(runs: WordRuns, found: Costs, effort: Effort, compared: Sequence[int], clock: Clock) -> dict[str, Any]:
    """Return what word training takes with a number of shards."""
    trace, rows = runs.trace(THREADS, effort.rounds), []
    for threads in THREADS:
        simulated = outcome(word_stages(trace, threads, found), trace.blocks, threads, found)
        is_measured = threads in compared
        measured = runs.seconds(threads, effort.rounds, clock) if is_measured else None
        rows.append({"threads": threads, **simulated._asdict(), "measured": measured})
    return {"kind": "words", "shards": runs.shards, "words": trace.words, "phases": _phases(trace), "rows": rows}


def _phases(trace: WordTrace) -> dict[str, float]:
    """Return the mean microseconds of each phase of a shard in a step, and how much more its slowest shard takes."""
    steps, shards, _ = trace.work.shape
    means = trace.work.mean(axis=(0, 1)) * 1e6
    work = trace.work.sum(axis=2)
    return {
        "read": float(trace.read.sum() / (steps * shards) * 1e6),
        **{name: float(mean) for name, mean in zip(PHASES, means, strict=True)},
        "update": float(trace.updates[1].sum() / (steps * shards) * 1e6),
        "slowest": float((work.max(axis=1) / work.mean(axis=1)).mean()),
    }


def _step(case: Case, found: Costs, effort: Effort, compared: Sequence[int], clock: Clock) -> dict[str, Any]:
    """Return what a step of an output layer takes; small steps use fewer threads than there are."""
    steps, rows, before = LayerSteps(case), [], ss.get_num_threads()
    traces, outside = {1: steps.trace(1, effort)}, steps.outside(effort)
    for threads in THREADS:
        ss.set_num_threads(threads)
        used = threads_for(case.batch_size * case.num_sampled * case.dim)
        ss.set_num_threads(before)
        if used not in traces:
            traces[used] = steps.trace(used, effort)
        stages = step_stages(traces[used], (case.dim, case.batch_size, case.num_sampled), outside)
        measured = steps.seconds(threads, effort, clock) if threads in compared else None
        simulated = outcome(stages, 1, used, found)
        rows.append({"threads": threads, "used": used, **simulated._asdict(), "measured": measured})
    one = traces[1]
    phases = {
        "sample": one.sample.sum(),
        "pack": one.pack.sum(),
        "examples": one.static.sum() + one.examples.sum(),
        "update": one.classes.sum(),
        "outside": outside,
    }
    return {
        "kind": "step",
        "case": str(case),
        "phases": {name: float(seconds) * 1e6 for name, seconds in phases.items()},
        "rows": rows,
    }

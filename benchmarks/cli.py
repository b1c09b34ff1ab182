"""The command line: `python -m benchmarks COMMAND`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from benchmarks import (
    break_even,
    contestants,
    expected_count,
    larger_than_memory,
    machine,
    parity,
    ragged,
    report,
    sharded,
    small_calls,
    torch_step,
)
from benchmarks.cases import OPTIMIZERS
from benchmarks.recommend import compare as recommend
from benchmarks.recommend import report as recommend_report
from benchmarks.record import Record
from benchmarks.samplers import distances, quality, separate
from benchmarks.samplers import report as samplers_report
from benchmarks.scaling import command as scaling
from benchmarks.sections import CASE_NAMES, HIDDEN, RUN, Options
from benchmarks.session import Effort
from benchmarks.step import LIMIT, SCALE_CONTESTANTS
from benchmarks.words import compare, over_corpora, seeds, settings
from benchmarks.words import report as word_report

Command = TypeVar("Command", bound=Callable[..., Any])
CONTESTANTS = [*(spec.name for spec in contestants.SPECS), LIMIT, "all"]


def _named(allowed: Sequence[str]) -> Callable[[click.Context, click.Parameter, str | None], list[str]]:
    """Return a callback that splits an option at commas and validates the names."""

    def names(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
        found = value.split(",") if value else []
        for name in found:
            if name not in allowed:
                raise click.BadParameter(f"{name!r} is not one of {', '.join(allowed)}", context, parameter)
        return found

    return names


def _names_option(
    option: str, allowed: Sequence[str], default: str, hidden: Sequence[str] = ()
) -> Callable[[Command], Command]:
    text = f"Comma-separated, of {', '.join(allowed)}; default {default}."
    return click.option(option, metavar="NAMES", callback=_named([*allowed, *hidden]), help=text)


def _cases(*sections: str) -> Callable[[Command], Command]:
    names = list(dict.fromkeys(name for section in sections for name in CASE_NAMES[section]))
    return _names_option("--cases", names, "all", [HIDDEN])


def _effort(command: Command) -> Command:
    rounds = click.option(
        "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each contestant."
    )
    seconds = click.option(
        "--seconds", type=click.FloatRange(0), default=0.5, show_default=True, help="Length of a turn."
    )
    return rounds(seconds(command))


def _files(command: Command) -> Command:
    path = click.Path(path_type=Path)
    json = click.option("--json", type=path, metavar="FILE", help="File of results; other sections in it are kept.")
    plots = click.option("--plots", type=path, metavar="DIR", help="Directory for plots.")
    return json(plots(command))


_contestants = _names_option("--contestants", CONTESTANTS, "all but forced vectors; no reference in w3")
_scale_contestants = _names_option("--contestants", CONTESTANTS, ",".join(SCALE_CONTESTANTS))
_optimizers = _names_option("--optimizers", OPTIMIZERS, "both; sgd in scale")


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Time training with sampled softmax against TensorFlow, PyTorch, JAX and the limit of the machine.

    All contestants are first verified against the reference in float64. Each has its own process, and they are timed
    in rotation, so that changes of the clock rate affect all of them. Without a command: step.
    """
    if context.invoked_subcommand is None:
        _run("step")


@main.command("step", short_help="One training step.")
@_cases("step")
@_contestants
@_optimizers
@_effort
@_files
def _step(**options: Any) -> None:
    """Time a training step: lookup, sampling, gather, logits, hits, log Q, loss, gradients, sparse update."""
    _run("step", **options)


@main.command("sampler", short_help="Five samplers.")
@_cases("sampler")
@_effort
@_files
def _sampler(**options: Any) -> None:
    """Time drawing unique candidates with expected counts and their logarithms: five samplers against TensorFlow's."""
    _run("sampler", **options)


@main.command("scale", short_help="Steps by V, S and B.")
@_cases("scale")
@_scale_contestants
@_optimizers
@_effort
@_files
def _scale(**options: Any) -> None:
    """Time steps by size of the vocabulary (10 thousand to 10 million), of the sample and of the batch."""
    _run("scale", **options)


@main.command("memory", short_help="Peak memory of training.")
@_cases("memory")
@_optimizers
@_files
def _memory(**options: Any) -> None:
    """Compare the peak memory of a training process, minus that of one that only imports, to the size of its tables."""
    _run("memory", **options)


@main.command("words", short_help="Word vectors of a corpus, against gensim.")
@_names_option("--contestants", list(compare.CONTESTANTS), "all")
@click.option("--epochs", "epochs", multiple=True, type=click.IntRange(1), default=(1, 3), show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each.")
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Threads of both programs.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="File of results.")
def _words(contestants: Sequence[str], epochs: Sequence[int], seeds: int, threads: int, json: Path | None) -> None:
    """Train word vectors on 17 million words, ours and gensim's: words per second, scores, memory.

    The text and the questions are in the folder SAMPLEDSOFTMAX_DATA; without them nothing is run.
    """
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    compare.run(Record(json), contestants, epochs, seeds, threads)


@main.command("all", short_help="step, sampler, scale and memory.")
@_cases(*RUN)
@_contestants
@_optimizers
@_effort
@_files
def _all(**options: Any) -> None:
    """Run step, sampler, scale and memory; sections without any of the named cases are skipped."""
    _run(*RUN, **options)


def _run(
    *sections: str,
    json: Path | None = None,
    plots: Path | None = None,
    rounds: int = 5,
    seconds: float = 0.5,
    **names: Sequence[str],
) -> None:
    record, options = Record(json), Options(effort=Effort(rounds, seconds), **names)
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    refused = sum(RUN[section](record, options) for section in sections)
    if plots is not None:
        from benchmarks.plots import draw  # noqa: PLC0415 - measuring needs no matplotlib

        for path in draw(record.sections, plots):
            print(path)
    if refused:
        raise click.ClickException(f"{refused} contestants compute something else and were refused: see above")


main.add_command(report.command, "report")
main.add_command(break_even.command, "break-even")
main.add_command(settings.command, "word-settings")
main.add_command(seeds.command, "word-seeds")
main.add_command(over_corpora.command, "word-corpora")
main.add_command(word_report.command, "word-report")
main.add_command(expected_count.command, "expected-count")
main.add_command(parity.command, "parity")
main.add_command(small_calls.command, "small-calls")
main.add_command(torch_step.command, "torch")
main.add_command(recommend.command, "recommend")
main.add_command(recommend_report.command, "recommend-report")
main.add_command(ragged.command, "ragged")
main.add_command(sharded.command, "ray")
main.add_command(distances.command, "proposals")
main.add_command(quality.command, "samplers-quality")
main.add_command(separate.command, "separate-candidates")
main.add_command(samplers_report.command, "samplers-report")
main.add_command(scaling.command, "scaling")
main.add_command(larger_than_memory.command, "larger-than-memory")

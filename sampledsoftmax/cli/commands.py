"""The command group; it turns click's errors into one line."""

import click

import sampledsoftmax
from sampledsoftmax.cli.check.commands import check
from sampledsoftmax.cli.evaluate import evaluate
from sampledsoftmax.cli.explain import explain
from sampledsoftmax.cli.plot import plot
from sampledsoftmax.cli.recommend.commands import recommend
from sampledsoftmax.cli.sample import sample
from sampledsoftmax.cli.train import train
from sampledsoftmax.cli.vectors import analogy, export, neighbors


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(sampledsoftmax.__version__, prog_name="sampledsoftmax", message="%(prog)s %(version)s")
def commands() -> None:
    """Train word vectors and recommenders with sampled softmax, and query, evaluate and plot them."""


commands.add_command(train)
commands.add_command(neighbors)
commands.add_command(analogy)
commands.add_command(evaluate)
commands.add_command(export)
commands.add_command(plot)
commands.add_command(explain)
commands.add_command(sample)
commands.add_command(recommend)
commands.add_command(check)


def run(args: list[str]) -> int:
    """Run a command line and return its exit code; a wrong one raises ValueError."""
    try:
        with commands.make_context("sampledsoftmax", args or ["--help"]) as context:
            commands.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        raise ValueError(error.format_message()) from None
    return 0

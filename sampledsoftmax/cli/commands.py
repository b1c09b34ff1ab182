"""The commands under one name, and how click's own errors become one line."""

import click

import sampledsoftmax
from sampledsoftmax.cli.analogy import analogy
from sampledsoftmax.cli.evaluate import evaluate
from sampledsoftmax.cli.explain import explain
from sampledsoftmax.cli.export import export
from sampledsoftmax.cli.neighbors import neighbors
from sampledsoftmax.cli.plot import plot
from sampledsoftmax.cli.train import train


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(sampledsoftmax.__version__, prog_name="sampledsoftmax", message="%(prog)s %(version)s")
def commands() -> None:
    """Train word vectors with sampled softmax, and look at what they have learnt."""


commands.add_command(train)
commands.add_command(neighbors)
commands.add_command(analogy)
commands.add_command(evaluate)
commands.add_command(export)
commands.add_command(plot)
commands.add_command(explain)


def run(args: list[str]) -> int:
    """Run the command that `args` name and return its exit code; a wrong command line raises ValueError."""
    try:
        with commands.make_context("sampledsoftmax", args or ["--help"]) as context:
            commands.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        raise ValueError(error.format_message()) from None
    return 0

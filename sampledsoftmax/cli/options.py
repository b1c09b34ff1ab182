"""Arguments and options that several commands have."""

import click

from sampledsoftmax.words.vectors import WHICH

directory = click.argument("directory", metavar="DIR")
which = click.option(
    "--which",
    type=click.Choice(WHICH),
    help="Vectors: of the input table, the output table, their mean, or both side by side [default: as trained].",
)
topn = click.option("--topn", default=10, show_default=True, help="How many words.")

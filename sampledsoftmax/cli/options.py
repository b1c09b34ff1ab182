"""Arguments and options that several commands have."""

from pathlib import Path

import click

from sampledsoftmax.word2vec.vectors.word_vectors import WHICH

directory = click.argument("directory", metavar="DIR")
which = click.option(
    "--which",
    type=click.Choice(WHICH),
    help="Vectors: of the input table, the output table, their mean, or both side by side [default: as trained].",
)
topn = click.option("--topn", default=10, show_default=True, help="How many words.")


def checked_output(path: str) -> Path:
    """Return where a file is to go, or raise before any work is done for it."""
    file = Path(path)
    if not file.parent.is_dir():
        raise FileNotFoundError(f"{file.parent} is no directory: make it, or name another file than {file}")
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a directory: name a file in it")
    return file

"""`sampledsoftmax analogy`: a is to b as c is to what."""

import click

from sampledsoftmax.cli import options
from sampledsoftmax.word2vec.training.load import load_trained


@click.command()
@options.directory
@click.argument("a")
@click.argument("b")
@click.argument("c")
@options.topn
@options.which
def analogy(directory: str, a: str, b: str, c: str, topn: int, which: str) -> None:
    """Print the words that are to C as B is to A, with their cosines.

    `sampledsoftmax analogy DIR man king woman` asks: man is to king as woman is to ... The answers are the words
    nearest to king - man + woman. DIR is what a training run has written (its --output), or a file of vectors.
    """
    found = load_trained(directory).vectors(which).analogy(a, b, c, topn)
    click.echo(f"{a} is to {b} as {c} is to:")
    width = max((len(word) for word, _ in found), default=0)
    for word, cosine in found:
        click.echo(f"  {word:<{width}} {cosine:.3f}")

"""`sampledsoftmax neighbors`: the words nearest to some words."""

import click

from sampledsoftmax.cli import options
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors


@click.command()
@options.directory
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option("--topn", default=10, show_default=True, help="How many neighbors of each word.")
@options.which
def neighbors(directory: str, words: tuple[str, ...], topn: int, which: str) -> None:
    """Print the words nearest to each WORD, with their cosines.

    DIR is what a training run has written (its --output), or a file of vectors.
    """
    for line in neighbor_lines(load_trained(directory).vectors(which), words, topn):
        click.echo(line)


def neighbor_lines(vectors: WordVectors, words: tuple[str, ...], topn: int) -> list[str]:
    """Return one line for each word, or raise before the first one is made."""
    width = max(map(len, words)) + 1
    found = [(word, vectors.most_similar(word, topn)) for word in words]
    return [
        f"{word + ':':<{width}} {', '.join(f'{near} {cosine:.2f}' for near, cosine in nearest)}"
        for word, nearest in found
    ]

"""The commands that query or convert vectors, `neighbors`, `analogy` and `export`, and the options they share."""

from pathlib import Path

import click

from sampledsoftmax.cli.report import say
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors import formats
from sampledsoftmax.word2vec.vectors.word_vectors import WHICH, WordVectors

directory_argument = click.argument("directory", metavar="DIR")
which_option = click.option(
    "--which",
    type=click.Choice(WHICH),
    help="Vectors: of the input table, the output table, their mean, or both concatenated [default: as trained].",
)

_FORMAT_HELP = (
    "word2vec: text, which gensim and most programs read; word2vec-binary: smaller and faster; numpy: .npz with words "
    "and vectors; safetensors: the same for that library; projector: two .tsv files for projector.tensorflow.org."
)


@click.command()
@directory_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option("--topn", default=10, show_default=True, help="Number of neighbors of each word.")
@which_option
def neighbors(directory: str, words: tuple[str, ...], topn: int, which: str) -> None:
    """Print the words nearest to each WORD, with their cosines.

    DIR is the --output directory of a training run, or a file of vectors.
    """
    for line in neighbor_lines(load_trained(directory).vectors(which), words, topn):
        click.echo(line)


def neighbor_lines(vectors: WordVectors, words: tuple[str, ...], topn: int) -> list[str]:
    """Return one line per word; an unknown word raises before any line is returned."""
    width = max(map(len, words)) + 1
    found = [(word, vectors.most_similar(word, topn=topn)) for word in words]
    return [
        f"{word + ':':<{width}} {', '.join(f'{near} {cosine:.2f}' for near, cosine in nearest)}"
        for word, nearest in found
    ]


@click.command()
@directory_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@click.option("--topn", default=10, show_default=True, help="Number of answers.")
@which_option
def analogy(directory: str, a: str, b: str, c: str, topn: int, which: str) -> None:
    """Print the words that are to C as B is to A, with their cosines.

    `sampledsoftmax analogy DIR man king woman` asks: man is to king as woman is to ... The answers are the words
    nearest to king - man + woman. DIR is the --output directory of a training run, or a file of vectors.
    """
    found = load_trained(directory).vectors(which).analogy(a, b, c, topn)
    click.echo(f"{a} is to {b} as {c} is to:")
    width = max((len(word) for word, _ in found), default=0)
    for word, cosine in found:
        click.echo(f"  {word:<{width}} {cosine:.3f}")


@click.command()
@directory_argument
@click.option("--format", "form", type=click.Choice(list(formats.FORMATS)), required=True, help=_FORMAT_HELP)
@click.option("--output", required=True, metavar="FILE", help="The file to write; an existing file is replaced.")
@which_option
def export(directory: str, form: str, output: str, which: str) -> None:
    """Write vectors in the file format of another program.

    DIR is the --output directory of a training run, or a file of vectors. The two word2vec formats are compressed if
    FILE ends in .gz.
    """
    file = checked_output(output)
    vectors = load_trained(directory).vectors(which)
    formats.save(vectors, file, form)
    words = f", words in {formats.metadata_path(file)}" if form == "projector" else ""
    say(f"{len(vectors):,} vectors of dimension {vectors.vectors.shape[1]} in {file}{words}")


def checked_output(path: str) -> Path:
    """Return the path of an output file, or raise before any work is done for it."""
    file = Path(path)
    if not file.parent.is_dir():
        raise FileNotFoundError(f"{file.parent} is not a directory: create it, or name another file than {file}")
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a directory: name a file in it")
    return file

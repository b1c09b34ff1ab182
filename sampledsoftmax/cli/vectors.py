"""The commands that query or convert vectors, `neighbors`, `analogy` and `export`, and the options they share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sampledsoftmax.cli.report import say
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors import formats
from sampledsoftmax.word2vec.vectors.vector_file import DUPLICATES, Reading, checked_reading
from sampledsoftmax.word2vec.vectors.word_table import Word
from sampledsoftmax.word2vec.vectors.word_vectors import WHICH, WordVectors

directory_argument = click.argument("directory", metavar="DIR")
which_option = click.option(
    "--which",
    type=click.Choice(WHICH),
    help="Vectors: of the input table, the output table, their mean, or both concatenated [default: as trained].",
)

_FORMAT_HELP = (
    "word2vec: text, which gensim and most programs read; word2vec-binary: smaller and faster; sampledsoftmax: .zip, "
    "any words and every bit; numpy: .npz with words and vectors; safetensors: the same for that library; projector: "
    "two .tsv files for projector.tensorflow.org."
)
_READING_OPTIONS = (
    click.option("--limit", type=click.IntRange(1), help="Read only the first words of the file."),
    click.option("--no-header", is_flag=True, help="The file has no first line 'WORDS DIMENSIONS' (GloVe)."),
    click.option("--on-duplicate", type=click.Choice(DUPLICATES), default="error", show_default=True,
                 help="A repeated word is an error, or the first of its vectors is kept."),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the words of the file."),
    click.option("--errors", default="strict", show_default=True, help="Bytes in another encoding: 'strict', "
                 "'replace', 'backslashreplace', 'surrogateescape' or 'ignore'."),
)  # fmt: skip


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for reading a word2vec or GloVe file, which the command gets as `reading`."""

    @functools.wraps(command)
    def with_reading(
        limit: int | None, no_header: bool, on_duplicate: str, encoding: str, errors: str, **others: Any
    ) -> None:
        command(reading=checked_reading(encoding, errors, limit, no_header, on_duplicate), **others)

    for option in reversed(_READING_OPTIONS):
        with_reading = option(with_reading)
    return with_reading


@click.command()
@directory_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option("--topn", default=10, show_default=True, help="Number of neighbors of each word.")
@which_option
@reading_options
def neighbors(directory: str, words: tuple[str, ...], topn: int, which: str, reading: Reading) -> None:
    """Print the words nearest to each WORD, with their cosines.

    DIR is the --output directory of a training run, or a file of vectors.
    """
    for line in neighbor_lines(load_trained(directory, reading).vectors(which), words, topn):
        click.echo(line)


def neighbor_lines(vectors: WordVectors, words: tuple[str, ...], topn: int) -> list[str]:
    """Return one line per word; an unknown word raises before any line is returned."""
    width = max(map(len, words)) + 1
    found = [(word, vectors.most_similar([named(vectors, word)], topn=topn)) for word in words]
    return [
        f"{visible(word) + ':':<{width}} {', '.join(f'{visible(near)} {cosine:.2f}' for near, cosine in nearest)}"
        for word, nearest in found
    ]


def named(vectors: WordVectors, text: str) -> Word:
    """Return the word that an argument means: the int, where words are ints."""
    if text not in vectors and text.isdecimal() and len(text) < _MAX_DIGITS and int(text) in vectors:
        return int(text)
    return text


def visible(word: Word) -> str:
    """Return a word for a terminal: control characters, line ends and invisible spaces are escaped."""
    text = str(word)
    return text if text.isprintable() else repr(text)[1:-1]


_MAX_DIGITS = 40


@click.command()
@directory_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@click.option("--topn", default=10, show_default=True, help="Number of answers.")
@which_option
@reading_options
def analogy(directory: str, a: str, b: str, c: str, topn: int, which: str, reading: Reading) -> None:
    """Print the words that are to C as B is to A, with their cosines.

    `sampledsoftmax analogy DIR man king woman` asks: man is to king as woman is to ... The answers are the words
    nearest to king - man + woman. DIR is the --output directory of a training run, or a file of vectors.
    """
    vectors = load_trained(directory, reading).vectors(which)
    found = vectors.analogy(named(vectors, a), named(vectors, b), named(vectors, c), topn)
    click.echo(f"{visible(a)} is to {visible(b)} as {visible(c)} is to:")
    width = max((len(visible(word)) for word, _ in found), default=0)
    for word, cosine in found:
        click.echo(f"  {visible(word):<{width}} {cosine:.3f}")


@click.command()
@directory_argument
@click.option("--format", "form", type=click.Choice(list(formats.FORMATS)), required=True, help=_FORMAT_HELP)
@click.option("--output", required=True, metavar="FILE", help="The file to write; an existing file is replaced.")
@which_option
@reading_options
def export(directory: str, form: str, output: str, which: str, reading: Reading) -> None:
    """Write vectors in the file format of another program.

    DIR is the --output directory of a training run, or a file of vectors. The two word2vec formats are compressed if
    FILE ends in .gz; with --errors surrogateescape, words that are not UTF-8 are written as they were read.
    """
    file = checked_output("--output", output)
    vectors = load_trained(directory, reading).vectors(which)
    formats.save(vectors, file, form, reading.errors)
    words = f", words in {shown_path(formats.metadata_path(file))}" if form == "projector" else ""
    say(f"{len(vectors):,} vectors of dimension {vectors.vectors.shape[1]} in {shown_path(file)}{words}")


def checked_output(option: str, path: str) -> Path:
    """Return the path of an output file, or raise before any work is done for it."""
    file = checked_path(path, option)
    if path == "-":
        raise ValueError(f"{option} - is no file: write {option} /dev/stdout, or {option} ./- for a file of that name")
    if not file.parent.is_dir():
        folder = shown_path(file.parent)
        raise FileNotFoundError(f"{folder} is not a directory: create it, or name another file than {shown_path(file)}")
    if file.is_dir():
        raise IsADirectoryError(f"{shown_path(file)} is a directory: name a file in it")
    return file

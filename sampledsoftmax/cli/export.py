"""`sampledsoftmax export`: vectors in the file formats of other programs."""

import click

from sampledsoftmax.cli import options
from sampledsoftmax.cli.report import say
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors import formats

_HELP = (
    "word2vec: text, which gensim and most programs read; word2vec-binary: smaller and faster; numpy: .npz with words "
    "and vectors; safetensors: the same for that library; projector: two .tsv files for projector.tensorflow.org."
)


@click.command()
@options.directory
@click.option("--format", "form", type=click.Choice(list(formats.FORMATS)), required=True, help=_HELP)
@click.option("--output", required=True, metavar="FILE", help="Where it goes; a file of that name is replaced.")
@options.which
def export(directory: str, form: str, output: str, which: str) -> None:
    """Write vectors in a format that other programs read.

    DIR is what a training run has written (its --output), or a file of vectors. The two formats of word2vec are
    packed if FILE ends in .gz.
    """
    file = options.checked_output(output)
    vectors = load_trained(directory).vectors(which)
    formats.save(vectors, file, form)
    beside = f", words in {formats.metadata_path(file)}" if form == "projector" else ""
    say(f"{len(vectors):,} vectors of {vectors.vectors.shape[1]} numbers in {file}{beside}")

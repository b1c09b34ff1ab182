"""`sampledsoftmax plot`: a map of the words as a picture and as a page, and the loss curve."""

import importlib.util
from pathlib import Path

import click

from sampledsoftmax import validation
from sampledsoftmax.cli.report import say
from sampledsoftmax.cli.vectors import directory_argument, named, reading_options, which_option
from sampledsoftmax.io.extras import need
from sampledsoftmax.io.loss_plot import read_loss, save_loss_plot
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.plots.labels import label
from sampledsoftmax.word2vec.plots.map_page import save_page
from sampledsoftmax.word2vec.plots.map_picture import save_picture
from sampledsoftmax.word2vec.plots.word_map import (
    METHODS,
    WordMap,
    default_method,
    frequent_words,
    words_with_neighbors,
)
from sampledsoftmax.word2vec.training.load import load_trained
from sampledsoftmax.word2vec.vectors.vector_file import Reading
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

_TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


@click.command()
@directory_argument
@click.option("--words", default=1000, show_default=True, help="Draw a map of this many of the most frequent words.")
@click.option(
    "--word",
    "chosen",
    multiple=True,
    metavar="WORD",
    help="Draw a map of this word and its nearest words instead; may be repeated.",
)
@click.option("--neighbors", default=15, show_default=True, help="Number of nearest words of each --word.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="Projection method [default: tsne, but pca without scikit-learn, with --word, or in one dimension].",
)
@click.option("--output", metavar="FOLDER", help="Output folder, created if it does not exist [default: DIR].")
@which_option
@reading_options
def plot(
    directory: str,
    words: int,
    chosen: tuple[str, ...],
    neighbors: int,
    method: str | None,
    output: str | None,
    which: str,
    reading: Reading,
) -> None:
    """Draw a map of the words, and the loss curve.

    DIR is the --output directory of a training run, or a file of vectors. The files are map.png, map.html (a page that
    works offline: hover, zoom, search), and loss.png if DIR has a loss.csv.

    Words with similar uses are near one another, and colors are groups of similar words. pca shows the two directions
    of largest variance; tsne and umap preserve neighborhoods, while large distances mean little.
    """
    need("matplotlib.figure", "matplotlib", "plot")  # before the work, not after it
    model = load_trained(directory, reading)
    vectors = model.vectors(which)
    # with a few groups of words far apart, t-SNE would leave most of the plane empty
    default = "tsne" if importlib.util.find_spec("sklearn") and not chosen else "pca"
    how = method or default_method(vectors.vectors, default)
    folder = _output_folder(directory, output)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{shown_path(folder)} is not a directory: name another --output")
    asked = [named(vectors, word) for word in chosen]
    word_map = words_with_neighbors(vectors, asked, neighbors, how) if chosen else frequent_words(vectors, words, how)
    folder.mkdir(parents=True, exist_ok=True)
    title = _title(vectors, word_map, chosen)
    shown = save_picture(folder / "map.png", vectors, word_map, title)
    say(f"{shown_path(folder / 'map.png')}: {len(word_map.ids):,} words, {shown:,} with room for a label")
    save_page(folder / "map.html", vectors, word_map, title, model.counts)
    say(f"{shown_path(folder / 'map.html')}: the same words to look through: hover, zoom, search")
    if (Path(directory) / "loss.csv").is_file():
        save_loss_plot(folder / "loss.png", read_loss(Path(directory) / "loss.csv"))
        say(f"{shown_path(folder / 'loss.png')}: the loss curve")


def _title(vectors: WordVectors, word_map: WordMap, chosen: tuple[str, ...]) -> str:
    what = f"the {len(word_map.ids):,} most frequent of {len(vectors):,} words"
    if chosen:
        what = f"{', '.join(map(label, chosen))} and the words nearest to {'them' if len(chosen) > 1 else 'it'}"
    return f"{what[0].upper() if not chosen else what[0]}{what[1:]} ({_TITLES[word_map.method]})"


def _output_folder(directory: str, output: str | None) -> Path:
    if output is not None:
        return validation.not_empty("--output", output)
    return Path(directory) if Path(directory).is_dir() else Path(directory).parent

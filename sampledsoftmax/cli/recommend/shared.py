"""What the commands of `recommend` share: options, reading pairs and models, scores."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from sampledsoftmax.cli.report import say
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.retrieval.evaluation import evaluate_ranking
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.layouts import FORMATS
from sampledsoftmax.retrieval.matrix_factorization import MatrixFactorization
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.run_folder import MODEL, RunFolder
from sampledsoftmax.retrieval.state import without
from sampledsoftmax.runtime.threadpool import get_num_threads, set_num_threads

FEW = 3  # ids in a message
_READING = (
    click.option("--format", "form", type=click.Choice(FORMATS), help="Layout of the lines [default: told from them]."),
    click.option("--header/--no-header", default=None, help="Whether the first line names columns [default: told]."),
    click.option("--min-rating", type=float, help="Leave out lines with a lower rating [default: keep all]."),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files."),
    click.option("--errors", type=click.Choice(["strict", "replace", "ignore"]), default="strict", show_default=True,
                 help="How to handle bytes that are not of the encoding."),
)  # fmt: skip
directory_argument = click.argument("directory", metavar="DIR")
k_option = click.option("--k", default=20, show_default=True, help="Length of the rankings.")
json_option = click.option("--json", "json_file", metavar="FILE", help="Also write the results to FILE.")
threads_option = click.option(
    "--threads", type=int, help="Threads; results do not depend on them [default: one per core]."
)
titles_option = click.option(
    "--titles", metavar="FILE", help="Titles of items: lines of an id and a title, such as movies.csv."
)


def reading_options(command: Any) -> Any:
    """Add the options for reading pairs."""
    for option in reversed(_READING):
        command = option(command)
    return command


def read(paths: tuple[str, ...], reading: Mapping[str, Any]) -> Interactions:
    """Read pairs, and say what was found in the files."""
    others = {name: value for name, value in reading.items() if name != "form"}
    pairs: Interactions = Interactions.read(list(paths), format=reading["form"], **others)
    for note in pairs.notes:
        say(note)
    return pairs


def load(directory: Any) -> tuple[MatrixFactorization, RunFolder | None]:
    """Return the model of a folder, or of a file that `save` has written, which has no folder."""
    path = Path(directory)
    if path.is_file():
        return MatrixFactorization.load(path), None
    check_model(directory)
    return MatrixFactorization.load(path / MODEL), RunFolder(path)


def check_model(directory: Any) -> None:
    """Raise FileNotFoundError unless the folder has a model."""
    path = Path(directory)
    if not path.is_dir():
        raise FileNotFoundError(f"{shown_path(path)} does not exist: name the --output folder of recommend train")
    if not (path / MODEL).is_file():
        raise FileNotFoundError(f"{shown_path(path)} has no {MODEL}: name the --output folder of recommend train")


def held_out_scores(model: MatrixFactorization, k: int = 20) -> dict[str, RankingScores]:
    """Return the scores on the validation split; nothing if there is none."""
    held_out = model.validation
    if held_out is None:
        return {}
    return scores_of(model, held_out, without(model.interactions, held_out), k)


def scores_of(model: MatrixFactorization, test: Interactions, seen: Interactions, k: int) -> dict[str, RankingScores]:
    """Return the scores of the model, and those of a ranking by popularity."""
    counts = seen.item_counts[:, np.newaxis].astype(np.float64)
    popularity = evaluate_ranking(np.ones((seen.num_users, 1)), counts, seen, test, k)
    return {"model": model.evaluate(test, k=k), "popularity": popularity}


@contextmanager
def threads_of(threads: int | None) -> Iterator[None]:
    """Use a number of threads within the block."""
    before = get_num_threads()
    if threads is not None:
        set_num_threads(threads)
    try:
        yield
    finally:
        set_num_threads(before)

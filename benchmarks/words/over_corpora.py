"""`word-corpora`: word vectors of corpora of several kinds, ours and gensim's: scores and divergence, not time."""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import click

from benchmarks import machine
from benchmarks.words.compare import CONTESTANTS, TEXT, Task, data_folder, measure
from benchmarks.words.corpora import CORPORA, make
from benchmarks.words.results import read_results, results_option, write_results

SKIP_GRAM = [name for name in CONTESTANTS if "CBOW" not in name]


class Run(NamedTuple):
    """One run."""

    corpus: str
    contestant: str
    epochs: int
    seed: int


@click.command(short_help="Word2Vec on corpora of several kinds, against gensim.")
@results_option("docs/word-corpora.json")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("corpora"),
    show_default=True,
    help="Directory of the corpora; those that it lacks are made, with packages that apt downloads.",
)
@click.option("--corpus", "corpora", multiple=True, type=click.Choice(list(CORPORA)), help="By default all.")
@click.option("--contestant", "contestants", multiple=True, type=click.Choice(SKIP_GRAM), help="By default all.")
@click.option("--epochs", multiple=True, type=click.IntRange(1), default=(1, 3, 5), show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Runs at the same time, on one thread each.")
def command(
    file: Path,
    folder: Path,
    corpora: Sequence[str],
    contestants: Sequence[str],
    epochs: Sequence[int],
    seeds: int,
    jobs: int,
) -> None:
    """Train with the default settings on each corpus and evaluate the vectors."""
    results = read_results(file)
    texts = {name: make(name, folder, data_folder() / TEXT) for name in corpora or CORPORA}
    runs = itertools.starmap(Run, itertools.product(texts, contestants or SKIP_GRAM, epochs, range(1, seeds + 1)))
    left = [run for run in runs if not any(run._asdict().items() <= result.items() for result in results)]
    with ThreadPoolExecutor(jobs) as pool:
        for run, result in zip(left, pool.map(lambda run: _result(run, texts[run.corpus]), left), strict=True):
            results.append({**run._asdict(), **result, "machine": machine.one_line(machine.describe())})
            write_results(file, results)
            print(results[-1], flush=True)


def _result(run: Run, text: Path) -> dict[str, Any]:
    try:
        return measure(Task(data_folder(), run.epochs, run.seed, 1, CONTESTANTS[run.contestant], text))
    except Exception as error:  # a run that diverges is a result
        return {"failed": str(error).splitlines()[-1]}

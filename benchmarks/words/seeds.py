"""`word-seeds`: whether the defaults of `Word2Vec` ever diverge, and how far results differ between seeds.

Each seed trains five epochs of the English text, and of the source of Python's standard library with the settings that
`sampledsoftmax train` uses for it. Results are kept in docs/word-seeds.json.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import click

import sampledsoftmax as ss
from benchmarks import machine
from benchmarks.child import Child
from benchmarks.words.compare import Task, data_folder, train_and_evaluate
from benchmarks.words.results import read_results, results_option, write_results
from sampledsoftmax.cli.train import STANDARD_LIBRARY_DEFAULTS
from sampledsoftmax.word2vec.corpus.python_source import PythonSource

ENGLISH, STANDARD_LIBRARY = "English", "standard library"


class Run(NamedTuple):
    """One run: corpus, epochs and seed."""

    corpus: str
    epochs: int
    seed: int


@click.command(short_help="Spread of Word2Vec over seeds.")
@results_option("docs/word-seeds.json")
@click.option("--seeds", default=20, show_default=True)
@click.option("--epochs", default=5, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Runs at the same time, on one thread each.")
def command(file: Path, seeds: int, epochs: int, jobs: int) -> None:
    """Train the default Word2Vec with many seeds, to see whether any diverge and how far results differ."""
    results = read_results(file)
    runs = itertools.product((STANDARD_LIBRARY, ENGLISH), (epochs,), range(1, seeds + 1))
    left = [run for run in itertools.starmap(Run, runs) if not any(run._asdict().items() <= r.items() for r in results)]
    with ThreadPoolExecutor(jobs) as pool:
        for run, result in zip(left, pool.map(_in_child_process, left), strict=True):
            results.append({**run._asdict(), **result, "machine": machine.one_line(machine.describe())})
            write_results(file, results)
            print(results[-1], flush=True)


def _in_child_process(run: Run) -> dict[str, Any]:
    child = Child()
    try:
        result: dict[str, Any] = child.call(_train, run)
    except Exception as error:  # a run that diverges is a result
        return {"failed": str(error).splitlines()[-1]}
    finally:
        child.close()
    return result


def _train(run: Run) -> dict[str, Any]:
    if run.corpus == ENGLISH:
        result = train_and_evaluate(Task(data_folder(), run.epochs, run.seed, 1, {}))
        return {name: result[name] for name in ("loss", "wordsim", "simlex", "analogies")}
    settings: dict[str, Any] = {**STANDARD_LIBRARY_DEFAULTS, "epochs": run.epochs, "seed": run.seed}
    model = ss.Word2Vec(threads=1, **settings)
    model.train(PythonSource())
    return {"loss": round(model.history[-1].loss, 4)}

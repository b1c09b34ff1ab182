"""`python -m benchmarks.word_seeds`: whether the defaults of `Word2Vec` ever diverge, and how far seeds are apart.

Each seed trains five epochs of the English text, and of the source of Python's standard library with the settings that
`sampledsoftmax train` has for it. Results are kept in docs/word-seeds.json; those that are there are not made again.
"""

import argparse
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import sampledsoftmax as ss
from benchmarks import machine
from benchmarks.child import Child
from benchmarks.words import Task, data_folder, train_and_evaluate
from sampledsoftmax.cli.train import STANDARD_LIBRARY_DEFAULTS
from sampledsoftmax.word2vec.corpus.python_source import PythonSource

ENGLISH, STANDARD_LIBRARY = "English", "standard library"


class Run(NamedTuple):
    """One run: what is trained on."""

    corpus: str
    epochs: int
    seed: int


def main() -> None:
    """Train with all seeds that the file does not have yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=Path("docs/word-seeds.json"), help="results so far")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, on one thread each")
    options = parser.parse_args()
    results = json.loads(options.json.read_text()) if options.json.exists() else []
    runs = itertools.product((STANDARD_LIBRARY, ENGLISH), (options.epochs,), range(1, options.seeds + 1))
    left = [run for run in itertools.starmap(Run, runs) if not any(run._asdict().items() <= r.items() for r in results)]
    with ThreadPoolExecutor(options.jobs) as pool:
        for run, result in zip(left, pool.map(_in_a_child, left), strict=True):
            results.append({**run._asdict(), **result, "machine": machine.one_line(machine.describe())})
            options.json.write_text(json.dumps(results, indent=1) + "\n")
            print(results[-1], flush=True)


def _in_a_child(run: Run) -> dict[str, Any]:
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


if __name__ == "__main__":
    main()

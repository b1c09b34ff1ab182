"""`word-settings`: which settings of `Word2Vec` learn the best vectors.

Each run adds a result to docs/word-settings.json; `word-report` makes the table.
"""

from pathlib import Path
from typing import Any

import click

from benchmarks import machine
from benchmarks.words.compare import Task, data_folder, measure
from benchmarks.words.results import read_results, results_option, write_results

TRIED: list[tuple[int, dict[str, Any]]] = [
    (1, {}),
    (3, {}),
    (1, {"batch_size": 20}),
    (1, {"batch_size": 40}),
    (1, {"batch_size": 160}),
    (3, {"batch_size": 160}),
    (1, {"num_sampled": 32}),
    (1, {"num_sampled": 128}),
    (3, {"num_sampled": 128}),
    (1, {"min_learning_rate": 0.02}),
    (1, {"min_learning_rate": 0.2}),
    (1, {"learning_rate": 0.4, "min_learning_rate": 0.2}),
    (3, {"min_learning_rate": 0.02}),
    (1, {"learning_rate": 0.1, "min_learning_rate": 0.05}),
    (1, {"learning_rate": 0.3, "min_learning_rate": 0.15}),
    (1, {"optimizer": "adagrad"}),
    (3, {"optimizer": "adagrad"}),
    (1, {"optimizer": "sgd", "learning_rate": 0.025, "min_learning_rate": 0.0025}),
    (1, {"optimizer": "sgd", "learning_rate": 0.05, "min_learning_rate": 0.005}),
    (1, {"subtract_log_q": False}),
    (1, {"subtract_log_q": False, "learning_rate": 0.1, "min_learning_rate": 0.05}),
    (3, {"subtract_log_q": False, "learning_rate": 0.1, "min_learning_rate": 0.05}),
    (1, {"ns_exponent": 0.75}),
    (1, {"sampler": "log_uniform"}),
    (1, {"sampler": "learned_unigram"}),
    (1, {"bias": False}),
    (1, {"first_embeddings": 0.1}),
    (3, {"first_embeddings": 0.1}),
    (1, {"first_accumulator": 0.01}),
    (1, {"first_accumulator": 1.0}),
    (1, {"sample": 1e-4}),
    (1, {"which": "mean"}),
    (1, {"shrink_windows": False}),
    (3, {"shrink_windows": False}),
    (1, {"sg": False}),
    (1, {"objective": "nce"}),
    (1, {"objective": "nce", "learning_rate": 0.05, "min_learning_rate": 0.025}),
    (1, {"objective": "negative_sampling", "num_sampled": 16}),
    (1, {"objective": "negative_sampling", "learning_rate": 0.05, "min_learning_rate": 0.025}),
]


@click.command(short_help="Settings of Word2Vec, tried.")
@results_option("docs/word-settings.json")
@click.option("--seeds", default=1, show_default=True, help="Runs of each setting.")
@click.option("--threads", default=2, show_default=True)
@click.option("--most", default=10_000, help="Maximum number of runs.")
def command(file: Path, seeds: int, threads: int, most: int) -> None:
    """Try settings of Word2Vec: train with each and evaluate the vectors."""
    results = read_results(file)
    for seed in range(1, seeds + 1):
        for epochs, settings in TRIED:
            key = {"epochs": epochs, "settings": settings, "seed": seed}
            if most == 0 or any(key.items() <= result.items() for result in results):
                continue
            most -= 1
            result = _tried(Task(data_folder(), epochs, seed, threads, settings))
            results.append({**key, **result, "machine": machine.one_line(machine.describe())})
            write_results(file, results)
            print(results[-1], flush=True)


def _tried(task: Task) -> dict[str, Any]:
    try:
        return measure(task)
    except Exception as error:  # a run that diverges is a result
        return {"failed": str(error).splitlines()[-1]}

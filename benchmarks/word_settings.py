"""`python -m benchmarks.word_settings`: which settings of `Word2Vec` learn the best vectors, by trying them.

A run is a result of docs/word-settings.json; runs that are there are not made again. `word_report` makes the table.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.words import Task, data_folder, measure

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


def main() -> None:
    """Try all that the file does not have yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=Path("docs/word-settings.json"), help="figures so far")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--most", type=int, default=10_000, help="how many runs at most")
    options = parser.parse_args()
    results = json.loads(options.json.read_text()) if options.json.exists() else []
    left = options.most
    for seed in range(1, options.seeds + 1):
        for epochs, settings in TRIED:
            key = {"epochs": epochs, "settings": settings, "seed": seed}
            if left == 0 or any(key.items() <= result.items() for result in results):
                continue
            left -= 1
            result = _tried(Task(data_folder(), epochs, seed, options.threads, settings))
            results.append({**key, **result, "machine": machine.one_line(machine.describe())})
            options.json.write_text(json.dumps(results, indent=1) + "\n")
            print(results[-1], flush=True)


def _tried(task: Task) -> dict[str, Any]:
    try:
        return measure(task)
    except Exception as error:  # a run that diverges is a result
        return {"failed": str(error).splitlines()[-1]}


if __name__ == "__main__":
    main()

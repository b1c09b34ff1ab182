"""`recommend`: recommendation on Yelp2018 and Gowalla, ours, implicit's and published: quality and time.

Each run has its own process. All contestants read the same pairs, and all items are ranked by the same code. Settings
were chosen with `--validation`, on pairs held out of the training set; the test set is for the table alone.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import click

from benchmarks import machine
from benchmarks.child import Child, ChildError
from benchmarks.limits.sgemm import ONE_THREAD
from benchmarks.memory import peak_bytes
from benchmarks.recommend.contestants import CONTESTANTS
from benchmarks.record import Record
from benchmarks.table import aligned
from benchmarks.words.compare import data_folder
from sampledsoftmax.retrieval.evaluation import evaluate_ranking
from sampledsoftmax.retrieval.interactions import Interactions

K = 20
DATA = ("yelp2018", "gowalla")
# Recall@20 and NDCG@20 in the literature, on the same splits. MF with sampled softmax drew 800 negatives per pair, took
# 2.9 hours on a GPU for Yelp2018, and was stopped early on the test set.
PUBLISHED = {
    "yelp2018": {"LightGCN (published)": (0.0649, 0.0530), "MF, sampled softmax (published)": (0.0721, 0.0592)},
    "gowalla": {"LightGCN (published)": (0.1830, 0.1554), "MF, sampled softmax (published)": (0.1759, 0.1395)},
}
HEAD = ("data", "contestant", "seeds", f"Recall@{K}", f"NDCG@{K}", "s", "CPU s", "peak MB")


class Task(NamedTuple):
    """One run.

    Attributes
    ----------
    folder : Path
        Of the data.
    data, contestant : str
    seed, threads : int
    rounds : int or None
        Passes over the data in the place of those of the settings.
    validation : bool
        Whether a tenth of each user's training pairs is held out and scored instead of the test set.
    """

    folder: Path
    data: str
    contestant: str
    seed: int
    threads: int
    rounds: int | None
    validation: bool


def train_and_evaluate(task: Task) -> dict[str, Any]:
    """Train, rank all items, and return scores, seconds and peak memory; runs in a process of its own."""
    contestant = CONTESTANTS[task.contestant]
    train = _read(task, "train")
    if task.validation:
        train, test = train.split(0.1, seed=task.seed)
    else:
        test = _read(task, "test").with_rows_of(train)
    settings = dict(contestant.settings[task.data])
    if task.rounds is not None:
        settings[contestant.rounds] = task.rounds
    trained = contestant.train(train, settings, task.seed, task.threads)
    scores = evaluate_ranking(*trained.factors, train, test, k=K)
    return {
        "recall": round(scores.recall, 5),
        "ndcg": round(scores.ndcg, 5),
        "seconds": round(trained.seconds, 2),
        "cpu_seconds": round(trained.cpu_seconds, 2),
        "peak_mb": round(peak_bytes() / 1e6),
    }


def run(record: Record, data: Sequence[str], names: Sequence[str], tasks: dict[str, Any], seeds: int) -> None:
    """Train all contestants on all data, print a table and record it."""
    folder = data_folder()
    missing = {name: CONTESTANTS[name].missing for name in names if CONTESTANTS[name].missing}
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}", flush=True)
    record.begin("recommend", missing)
    results: list[dict[str, Any]] = []
    for one in data:
        if not (folder / f"{one}-train.txt.gz").exists():
            print(f"{one} is skipped: it is not in {folder} (set SAMPLEDSOFTMAX_DATA to its folder)", flush=True)
            continue
        for name in names:
            for seed in range(1, seeds + 1) if name not in missing else ():
                task = Task(folder, one, name, seed, **tasks)
                results.append({"data": one, "contestant": name, "seed": seed, **tasks, **_measured(task)})
                record.add("recommend", results[-1])
                print(", ".join(f"{key} {value}" for key, value in results[-1].items()), flush=True)
    if results:
        print(f"\n{aligned(HEAD, rows_of(results))}", flush=True)


def rows_of(results: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return a row per data set and contestant, means over seeds and the best time; then those that are published."""
    rows = []
    for data in dict.fromkeys(result["data"] for result in results):
        of_data = [result for result in results if result["data"] == data]
        for name in dict.fromkeys(result["contestant"] for result in of_data):
            runs = [result for result in of_data if result["contestant"] == name]
            scores = [_spread([result[score] for result in runs]) for score in ("recall", "ndcg")]
            best = [f"{min(result[clock] for result in runs):.1f}" for clock in ("seconds", "cpu_seconds")]
            peak = max(result["peak_mb"] for result in runs)
            rows.append([data, name, str(len(runs)), *scores, *best, str(peak)])
        if not any(result["validation"] for result in of_data):
            rows += [
                [data, name, "", *(f"{s:.4f}" for s in scores), "", "", ""] for name, scores in PUBLISHED[data].items()
            ]
    return rows


def _published(data: str, name: str) -> list[str]:
    return [data, name, "", *(f"{score:.4f}" for score in PUBLISHED[data][name]), "", "", ""]


def _measured(task: Task) -> dict[str, Any]:
    """Run a task in its own process, with one BLAS thread, as implicit asks for beside its own threads."""
    child = Child(ONE_THREAD)
    try:
        result: dict[str, Any] = child.call(train_and_evaluate, task)
    finally:
        child.close()
    return result


def _read(task: Task, part: str) -> Interactions:
    found: Interactions = Interactions.read(task.folder / f"{task.data}-{part}.txt.gz", format="lists")
    return found


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.4f} ± {stdev(values):.4f}" if len(values) > 1 else f"{values[0]:.4f}"


def _named(allowed: Sequence[str]) -> Any:
    def names(_: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
        found = value.split(",") if value else list(allowed)
        for name in found:
            if name not in allowed:
                raise click.BadParameter(f"{name!r} is not one of {', '.join(allowed)}", param=parameter)
        return found

    return names


@click.command(short_help="Recommendation, against implicit and published figures.")
@click.option("--data", metavar="NAMES", callback=_named(DATA), help=f"Comma-separated, of {', '.join(DATA)}.")
@click.option(
    "--contestants", metavar="NAMES", callback=_named(tuple(CONTESTANTS)), help=f"Of {', '.join(CONTESTANTS)}."
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each.")
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Threads of all programs.")
@click.option("--rounds", type=click.IntRange(1), help="Epochs or iterations instead of those of the settings, to try.")
@click.option("--validation", is_flag=True, help="Score pairs held out of the training set instead of the test set.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="File of results.")
def command(
    data: list[str],
    contestants: list[str],
    seeds: int,
    threads: int,
    rounds: int | None,
    validation: bool,
    json: Path | None,
) -> None:
    """Train on Yelp2018 and Gowalla with their standard splits: Recall@20, NDCG@20 over all items, seconds, memory.

    The data is in the folder SAMPLEDSOFTMAX_DATA; what is not there is skipped.
    """
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    try:
        run(Record(json), data, contestants, {"threads": threads, "rounds": rounds, "validation": validation}, seeds)
    except ChildError as error:
        raise click.ClickException(str(error)) from None

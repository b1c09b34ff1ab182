"""`words`: word vectors of a whole corpus, ours and gensim's: words per second, quality, memory.

Each run has its own process. Both programs read the same text and are compiled before the timer starts; only training
is timed, as by gensim. Questions are evaluated if all their words are among the 30,000 most frequent ones.
"""

import gzip
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

import sampledsoftmax as ss
from benchmarks.child import Child
from benchmarks.memory import peak_bytes
from benchmarks.record import Record
from benchmarks.table import aligned
from sampledsoftmax.layers.table import FirstValues, Table
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.word2vec.evaluation.analogies import evaluate_analogies
from sampledsoftmax.word2vec.evaluation.similarities import evaluate_similarities
from sampledsoftmax.word2vec.training import tables
from sampledsoftmax.word2vec.training.settings import TrainingSettings
from sampledsoftmax.word2vec.training.watch import Watch

QUESTIONS, JUDGEMENTS = "questions-words.txt.gz", {"wordsim": "wordsim353.tsv", "simlex": "simlex999.txt"}
TEXT = "english.txt.gz"
RESTRICT = 30_000
FEWEST_QUESTIONS = 200  # the standard error of a correlation of fewer is above 0.07
COMMON = {"vector_size": 100, "window": 5, "min_count": 5}  # sample is the default of each program

CONTESTANTS: dict[str, dict[str, Any]] = {
    "ours": {},
    "gensim 0.025": {"program": "gensim", "alpha": 0.025},
    "gensim 0.05": {"program": "gensim", "alpha": 0.05},
    "ours CBOW": {"sg": False},
    "gensim CBOW 0.025": {"program": "gensim", "alpha": 0.025, "sg": False},
    "gensim CBOW 0.05": {"program": "gensim", "alpha": 0.05, "sg": False},
}


class Task(NamedTuple):
    """One run: the questions and the English text, the settings of training, and the text if it is another one."""

    data: Path
    epochs: int
    seed: int
    threads: int
    settings: dict[str, Any]
    text: Path | None = None


def data_folder() -> Path:
    """Return the folder of the text and the questions: SAMPLEDSOFTMAX_DATA, or ../shared/data beside the checkout."""
    given = os.environ.get("SAMPLEDSOFTMAX_DATA")
    return Path(given) if given else Path(__file__).parents[3] / "shared" / "data"


def run(record: Record, names: Sequence[str], epochs: Sequence[int], seeds: int, threads: int) -> None:
    """Train all contestants, print a table and record it."""
    data = data_folder()
    if not (data / TEXT).exists():
        print(f"words: skipped, there is no {data / TEXT} (set SAMPLEDSOFTMAX_DATA to its folder)", flush=True)
        return
    record.begin("words", {})
    results = []
    for number in epochs:
        for name in names or CONTESTANTS:
            for seed in range(1, seeds + 1):
                result = measure(Task(data, number, seed, threads, CONTESTANTS[name]))
                results.append({"contestant": name, "epochs": number, "seed": seed, "threads": threads, **result})
                record.add("words", results[-1])
                print(_line(results[-1]), flush=True)
    print(f"\n{table(results)}", flush=True)


def measure(task: Task) -> dict[str, Any]:
    """Run a task in its own process."""
    child = Child()
    try:
        result: dict[str, Any] = child.call(train_and_evaluate, task)
    finally:
        child.close()
    return result


def train_and_evaluate(task: Task) -> dict[str, Any]:
    """Train, and return time, words per second, scores and peak memory."""
    settings = {**COMMON, **task.settings}
    program = settings.pop("program", "ours")
    train = _train_gensim if program == "gensim" else _train_ours
    vectors, seconds, num_words, more = train(task, settings)
    return {
        "seconds": round(seconds, 2),
        "words_per_second": round(num_words * task.epochs / seconds),
        **_scores(vectors, task.data),
        "peak_mb": round(peak_bytes() / 1e6),
        **more,
    }


def _scores(vectors: ss.WordVectors, data: Path) -> dict[str, float]:
    """Return the scores by name, those for which the words of enough questions are known."""
    scores = {}
    for name, file in JUDGEMENTS.items():
        found = evaluate_similarities(vectors, data / file)
        if found.covered >= FEWEST_QUESTIONS:
            scores[name] = round(float(found.spearman), 4)
    total = evaluate_analogies(vectors, data / QUESTIONS, restrict_vocab=RESTRICT).total
    if total.covered >= FEWEST_QUESTIONS:
        scores["analogies"] = round(float(total.accuracy), 4)
    return scores


def _train_ours(task: Task, settings: dict[str, Any]) -> tuple[ss.WordVectors, float, int, dict[str, Any]]:
    first_embeddings = settings.pop("first_embeddings", 1.0)
    first_accumulator = settings.pop("first_accumulator", None)
    words = [str(i) for i in range(200)]  # a tiny corpus, to compile all kernels
    ss.Word2Vec(min_count=1, epochs=1, **{k: v for k, v in settings.items() if k != "min_count"}).train([words] * 9)
    model = ss.Word2Vec(epochs=task.epochs, seed=task.seed, threads=task.threads, **settings)
    started: list[float] = []
    with initial_values(first_embeddings, first_accumulator):
        model.train(task.text or task.data / TEXT, watch=Watch(on_plan=lambda _: started.append(time.perf_counter())))
    seconds = time.perf_counter() - started[0]
    return model.vectors, seconds, model.corpus_total_words or 0, {"loss": round(model.history[-1].loss, 4)}


@contextmanager
def initial_values(first_embeddings: float, first_accumulator: float | None) -> Iterator[None]:
    """Change the initial values of models: scale the embeddings, set the row-wise accumulators."""
    new_optimizer = TrainingSettings.new_optimizer

    def scaled_table(name: str, shape: tuple[int, ...], first: FirstValues, optimizer: Optimizer) -> Table:
        scale = np.float32(first_embeddings if name == "embeddings" else 1.0)
        return Table(name, shape, lambda shape: first(shape) * scale, optimizer)

    def optimizer(settings: TrainingSettings) -> Optimizer:
        if first_accumulator is None:
            return new_optimizer(settings)
        return ss.RowwiseAdagrad(settings.learning_rate, first_accumulator)

    with (
        patch.object(tables, "Table", scaled_table),
        patch.object(TrainingSettings, "new_optimizer", optimizer),
    ):
        yield


def _train_gensim(task: Task, settings: dict[str, Any]) -> tuple[ss.WordVectors, float, int, dict[str, Any]]:
    from gensim.models import Word2Vec  # noqa: PLC0415 - only in the process of gensim

    with tempfile.TemporaryDirectory() as folder:
        # gensim is fastest on a plain file, which its threads read themselves
        text = task.text or _unpacked(task.data / TEXT, Path(folder) / "text.txt")
        options = {"sg": True, "negative": 5, **settings}  # with sg=False: CBOW with the mean, gensim's default
        model = Word2Vec(seed=task.seed, workers=task.threads, **options)
        model.build_vocab(corpus_file=str(text))
        start = time.perf_counter()
        model.train(
            corpus_file=str(text),
            total_examples=model.corpus_count,
            total_words=model.corpus_total_words,
            epochs=task.epochs,
        )
        seconds = time.perf_counter() - start
    return ss.WordVectors(model.wv.index_to_key, np.array(model.wv.vectors)), seconds, model.corpus_total_words, {}


def _unpacked(compressed: Path, plain: Path) -> Path:
    with gzip.open(compressed) as source, plain.open("wb") as target:
        shutil.copyfileobj(source, target)
    return plain


def table(results: Sequence[dict[str, Any]]) -> str:
    """Return `rows_of` as aligned text."""
    return aligned(HEAD, rows_of(results))


def rows_of(results: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return means over seeds, one row per contestant and number of epochs."""
    rows = []
    for name, epochs in dict.fromkeys((r["contestant"], r["epochs"]) for r in results):
        runs = [r for r in results if (r["contestant"], r["epochs"]) == (name, epochs)]
        scores = [f"{mean(r[score] for r in runs):.3f}" for score in (*JUDGEMENTS, "analogies")]
        times = [f"{min(r['seconds'] for r in runs):.1f}", f"{max(r['words_per_second'] for r in runs):,}"]
        rows.append([name, str(epochs), str(len(runs)), *times, *scores, str(max(r["peak_mb"] for r in runs))])
    return rows


HEAD = ("contestant", "epochs", "seeds", "s", "words/s", "WordSim", "SimLex", "analogies", "peak MB")


def _line(result: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.items())

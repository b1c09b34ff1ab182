"""`samplers-quality`: what a model has learned with each sampler, after equal numbers of steps and in equal time.

Word vectors and a log-bilinear language model on 2 million words are scored by their exact loss on held-out text, word
vectors by WordSim-353 too, matrix factorization of Yelp2018 by Recall@20 and NDCG@20. Each run has its own process. The
one setting that is searched, for each sampler with the same number of runs, is the learning rate; it is chosen on
examples that are not those of the score.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple
from unittest.mock import patch

import click
import numpy as np

import sampledsoftmax as ss
from benchmarks import machine
from benchmarks.child import Child
from benchmarks.limits.sgemm import ONE_THREAD
from benchmarks.memory import peak_bytes
from benchmarks.record import Record
from benchmarks.samplers.adaptive import AdaptiveSampler, SharedIndexSampler, SharedSoftmaxSampler
from benchmarks.samplers.models import DIM, LanguageModel, Text, contexts_of, pairs_of, read_text, train_words
from benchmarks.table import aligned
from benchmarks.words.compare import JUDGEMENTS, data_folder
from sampledsoftmax.layers import ragged_plain, ragged_step
from sampledsoftmax.reference import scaled
from sampledsoftmax.retrieval import run
from sampledsoftmax.retrieval.evaluation import evaluate_ranking
from sampledsoftmax.retrieval.interactions import Interactions

SECTION = "samplers-quality"
SCORES = ("loss", "wordsim", "recall", "ndcg")
NUM_EVALUATED = 4096  # examples of the exact loss; as many others choose the learning rate
RATES = {
    "words": (0.1, 0.2, 0.4),
    "language": (0.8, 1.6, 3.2),
    "recommender": (0.5, 1.0, 2.0),  # they multiply the defaults
}
SIZES = {"words": (80, 64), "language": (256, 256), "recommender": (128, 1024)}  # examples of a batch, candidates
LENGTHS = {"words": 3, "language": 2000, "recommender": 8}  # epochs, steps, epochs
HEAD = (
    "data",
    "sampler",
    "equal",
    "seeds",
    "loss",
    "WordSim",
    "Recall@20",
    "NDCG@20",
    "steps/s, words/s",
    "peak MB",
    "rate",
)

SAMPLERS: dict[str, Callable[[np.ndarray, int, int], ss.CandidateSampler]] = {
    "uniform": lambda counts, size, seed: ss.UniformSampler(counts.size, seed),
    "log-uniform": lambda counts, size, seed: ss.LogUniformSampler(counts.size, seed),
    "counts": lambda counts, size, seed: ss.FixedUnigramSampler(counts, seed=seed),
    "counts^0.75": lambda counts, size, seed: ss.FixedUnigramSampler(counts, 0.75, seed=seed),
    "counts^0.5": lambda counts, size, seed: ss.FixedUnigramSampler(counts, 0.5, seed=seed),
    "in-batch": lambda counts, size, seed: ss.InBatchSampler(counts.size, counts, seed=seed),
    "counts + uniform": lambda counts, size, seed: ss.MixedSampler(
        [(ss.FixedUnigramSampler(counts), size // 2), (ss.UniformSampler(counts.size), size - size // 2)], seed,
    ),
    "shared MIDX": lambda counts, size, seed: SharedIndexSampler(counts, 64, 0.2, seed=seed),
    "shared softmax": lambda counts, size, seed: SharedSoftmaxSampler(counts, 0.2, seed=seed),
}  # fmt: skip

# The samplers of `ss.Word2Vec`: "unigram" draws by a power of the counts.
WORDS: dict[str, dict[str, Any]] = {
    "uniform": {"ns_exponent": 0.0},
    "log-uniform": {"sampler": "log_uniform"},
    "counts": {"ns_exponent": 1.0},
    "counts^0.75": {"ns_exponent": 0.75},
    "counts^0.5": {"ns_exponent": 0.5},
}


class Task(NamedTuple):
    """One run.

    Attributes
    ----------
    folder : Path
        Of the data.
    data : str
        "words", "language" or "recommender".
    sampler : str
        Key of `SAMPLERS`.
    rate : float
        Of `RATES`.
    length : int
        Most steps (epochs).
    seconds : float or None
        Time of training after which it ends; None: `length` alone ends it.
    seed, threads : int
    validation : bool
        Whether it is scored on the examples that choose the rate.
    """

    folder: Path
    data: str
    sampler: str
    rate: float
    length: int
    seconds: float | None
    seed: int
    threads: int
    validation: bool


def train_and_evaluate(task: Task) -> dict[str, Any]:
    """Train and return scores, steps per second and peak memory; runs in a process of its own."""
    ss.set_num_threads(task.threads)
    found = {"words": _words, "language": _language, "recommender": _recommender}[task.data](task)
    return {**found, "peak_mb": round(peak_bytes() / 1e6)}


def _words(task: Task) -> dict[str, Any]:
    text, size = read_text(task.folder), SIZES["words"]
    settings = {"learning_rate": task.rate, "batch_size": size[0], "num_sampled": size[1], **WORDS[task.sampler]}
    tables, seconds = train_words(text, task.seed, epochs=task.length, threads=task.threads, **settings)
    inputs, labels = pairs_of(text.held_out, 2 * NUM_EVALUATED, seed=0)
    part = slice(NUM_EVALUATED, None) if task.validation else slice(NUM_EVALUATED)
    scores = ss.held_out(*tables, inputs[part], labels[part])
    found = ss.evaluate_similarities(ss.WordVectors(text.words, tables.embeddings), task.folder / JUDGEMENTS["wordsim"])
    words = task.length * sum(line.size for line in text.train)
    return {
        "loss": round(scores.loss, 4), "wordsim": round(float(found.spearman), 4), "steps": words,
        "steps_per_second": round(words / seconds, 1),
    }  # fmt: skip


def _language(task: Task) -> dict[str, Any]:
    text = read_text(task.folder)
    batch_size, num_sampled = SIZES["language"]
    sampler = SAMPLERS[task.sampler](text.counts.astype(np.float64), num_sampled, task.seed)
    layer = ss.SampledSoftmax(len(text.words), DIM, num_sampled, ss.Adagrad(task.rate), sampler, seed=task.seed)
    model = LanguageModel(len(text.words), layer, task.rate, task.seed)
    steps, seconds = train_steps(model, text, task, batch_size)
    contexts, labels = contexts_of(text.held_out)
    order = np.random.default_rng(0).permutation(labels.size)
    rows = order[NUM_EVALUATED : 2 * NUM_EVALUATED] if task.validation else order[:NUM_EVALUATED]
    loss = float(layer.full_loss(model.encode(contexts[rows]), labels[rows]).mean())
    return {"loss": round(loss, 4), "steps": steps, "steps_per_second": round(steps / seconds, 1)}


def train_steps(model: LanguageModel, text: Text, task: Task, batch_size: int) -> tuple[int, float]:
    """Train for a number of steps or a time, and return both; the first step, which compiles, is not counted."""
    contexts, labels = contexts_of(text.train)
    order = np.random.default_rng((task.seed, 0)).permutation(labels.size)
    sampler, start = model.layer.sampler, 0.0
    for step in range(task.length + 1):
        rows = order[(step * batch_size + np.arange(batch_size)) % labels.size]
        if isinstance(sampler, AdaptiveSampler):
            sampler.observe(model.encode(contexts[rows]), model.layer.weights, model.layer.biases)
        model.step(contexts[rows], labels[rows])
        start = start or time.perf_counter()
        if task.seconds is not None and time.perf_counter() - start >= task.seconds:
            return step, time.perf_counter() - start
    return task.length, time.perf_counter() - start


def _recommender(task: Task) -> dict[str, Any]:
    train: Interactions = Interactions.read(task.folder / "yelp2018-train.txt.gz", format="lists")
    if task.validation:
        train, test = train.split(0.1, seed=task.seed)
    else:
        test = Interactions.read(task.folder / "yelp2018-test.txt.gz", format="lists").with_rows_of(train)
    batch_size, num_sampled = SIZES["recommender"]
    rates = 2e-2 * task.rate, 4e-3 * task.rate
    optimizer = ss.Adam(rates[0], beta_1=0, beta_2=0.9, mode="row_counted"), ss.Adam(rates[1], mode="row_counted")
    model = ss.MatrixFactorization(
        num_sampled=num_sampled, batch_size=batch_size, epochs=task.length, optimizer=optimizer, seed=task.seed
    )
    start = time.perf_counter()
    with candidates_of(task.sampler, num_sampled):
        model.fit(train)
    seconds = time.perf_counter() - start
    scores = evaluate_ranking(model.user_factors, model.item_factors, train, test, k=20)
    steps = task.length * -(-train.num_users // batch_size)
    return {
        "recall": round(scores.recall, 5), "ndcg": round(scores.ndcg, 5), "steps": steps,
        "steps_per_second": round(steps / seconds, 1),
    }  # fmt: skip


class _PositionedMixture(ss.MixedSampler):
    """A mixture that is moved to a position of one stream, as `MatrixFactorization` does; part i adds i to the seed."""

    def _set_state(self, state: dict[str, Any]) -> None:
        parts = [{**state, "seed": state["seed"] + i} for i in range(len(self.parts))]
        super()._set_state({"parts": parts, **state})


@contextmanager
def candidates_of(name: str, num_sampled: int) -> Iterator[None]:
    """Let `MatrixFactorization` draw from a sampler of `SAMPLERS`, and show its batches to adaptive ones."""
    plain_step = ragged_plain.plain_step

    def new_sampler(_: Any, train: Interactions) -> ss.CandidateSampler:
        counts = np.maximum(train.item_counts, 0.5)
        if name != "counts + uniform":
            return SAMPLERS[name](counts, num_sampled, 0)
        half = num_sampled // 2
        parts = [(ss.FixedUnigramSampler(counts), half), (ss.UniformSampler(counts.size), num_sampled - half)]
        return _PositionedMixture(parts, 0, unique=False)

    def shown_step(*arguments: Any) -> float:
        tables, ids, _, _, sampler, (_, _, temperature, normalize, _), _ = arguments
        if isinstance(sampler, AdaptiveSampler):
            rows = tables[0].values[ids] if tables[0].values.shape[0] else tables[0].values
            weights = scaled(tables[1].values, normalize)
            sampler.observe(scaled(rows, normalize) / np.float32(temperature), weights, None)
        return plain_step(*arguments)

    with patch.object(run, "candidate_sampler", new_sampler), patch.object(ragged_step, "plain_step", shown_step):
        yield


def compare(tasks: Sequence[Task], record: Record) -> list[dict[str, Any]]:
    """Run all tasks, each in its own process; results that are recorded already are not repeated."""
    results = record.sections[SECTION]["results"]
    for task in tasks:
        key = {name: value for name, value in task._asdict().items() if name != "folder"}
        if not any(key.items() <= result.items() for result in results):
            child = Child(ONE_THREAD)
            try:
                record.add(SECTION, {**key, **child.call(train_and_evaluate, task)})
            finally:
                child.close()
            print(", ".join(f"{name} {value}" for name, value in results[-1].items()), flush=True)
    return [one for one in results if any(_is_of(task, one) for task in tasks)]


def _is_of(task: Task, result: dict[str, Any]) -> bool:
    return all(result[name] == value for name, value in task._asdict().items() if name != "folder")


def best_rates(searched: Sequence[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Return the rate of the best score by data and sampler."""
    best: dict[tuple[str, str], tuple[float, float]] = {}
    for result in searched:
        key = result["data"], result["sampler"]
        score = -result["loss"] if "loss" in result else result["ndcg"]
        best[key] = max(best.get(key, (-np.inf, 0.0)), (score, result["rate"]))
    return {key: rate for key, (_, rate) in best.items()}


def rows_of(results: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return a row per data, sampler and limit: means over seeds of the runs that are no search."""
    runs = [result for result in results if not result["validation"]]
    rows = []
    for data, name, seconds in dict.fromkeys((r["data"], r["sampler"], r["seconds"]) for r in runs):
        own = [r for r in runs if (r["data"], r["sampler"], r["seconds"]) == (data, name, seconds)]
        scores = [_spread([r[score] for r in own if score in r]) for score in SCORES]
        unit = "steps" if data == "language" else "epochs"
        limit = f"{own[0]['length']:,} {unit}" if seconds is None else f"{seconds:g} s"
        speed = f"{max(r['steps_per_second'] for r in own):,.0f}"
        peak = str(max(r["peak_mb"] for r in own))
        rows.append([data, name, limit, str(len(own)), *scores, speed, peak, f"{own[0]['rate']:g}"])
    return rows


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


@click.command(short_help="Models trained with each sampler.")
@click.option("--data", metavar="NAMES", default=",".join(SIZES), show_default=True, help="Comma-separated.")
@click.option("--samplers", metavar="NAMES", default=",".join(SAMPLERS), show_default=True, help="Comma-separated.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each, after the search.")
@click.option("--seconds", type=float, help="Also train the language model for this time with each sampler.")
@click.option("--length", type=click.IntRange(1), help="Steps or epochs instead of the usual number, to try.")
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), default=Path("docs/samplers.json"), show_default=True)
def command(
    data: str, samplers: str, seeds: int, seconds: float | None, length: int | None, threads: int, file: Path
) -> None:
    """Train with all samplers: exact held-out loss, Recall@20 and NDCG@20, steps per second, memory.

    The learning rate is searched for each of them first, one run of seed 1 for each of three rates. The data is in the
    folder SAMPLEDSOFTMAX_DATA.
    """
    for option, given, known in (("--data", data, SIZES), ("--samplers", samplers, SAMPLERS)):
        unknown = [name for name in given.split(",") if name not in known]
        if unknown:
            raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(known)}", param_hint=option)
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    record = Record(file)
    if SECTION not in record.sections:
        record.begin(SECTION, {})
    folder = data_folder()
    search = [
        Task(folder, one, name, rate, length or LENGTHS[one], None, 1, threads, True)
        for one in data.split(",")
        for name in samplers.split(",")
        for rate in RATES[one]
        if one != "words" or name in WORDS
    ]
    best = best_rates(compare(search, record))
    final = [
        Task(
            folder, one, name, best[one, name], 10**9 if limit else length or LENGTHS[one], limit, seed, threads, False
        )
        for one in data.split(",")
        for limit in ((None, seconds) if seconds is not None and one == "language" else (None,))
        for name in samplers.split(",")
        for seed in range(1, seeds + 1)
        if (one, name) in best
    ]
    print(f"\n{aligned(HEAD, rows_of(compare(final, record)))}")

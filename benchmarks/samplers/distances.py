"""`proposals`: how many candidates of each proposal are worth one draw from the softmax itself, on three models.

The settings of each proposal are searched on one half of the held-out examples, at most 12 of them, and the best, by
the mean worth, is measured on the other half.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.record import Record
from benchmarks.samplers.models import MODELS, Floats, TrainedModel
from benchmarks.samplers.proposals import PROPOSALS, Setting, distribution, shared
from benchmarks.table import aligned
from benchmarks.words.compare import data_folder
from sampledsoftmax.diagnostics.proposals import diagnose_sampler, distances, softmax

NUM_EXAMPLES = 256
BATCH_SIZES = (1, 32, 128)
NUM_SAMPLED = 64  # of the gradients
GRADIENT_EXAMPLES, GRADIENT_SAMPLES = 32, 100
SECTION = "proposals"
HEAD = ("model", "proposal", "inputs per sample", "worth", "10th percentile", "KL (nats)", "bias", "noise", "setting")


class Measured(NamedTuple):
    """Distances of a proposal from the softmax.

    Attributes
    ----------
    worth : float64 [num_examples]
        1 / (1 + chi-square): effective candidates per candidate.
    kl : float64 [num_examples]
    """

    worth: Floats
    kl: Floats


def others(model: TrainedModel) -> Floats:
    """Return the softmax of each example over the classes that are not removed, float32."""
    logits = (model.inputs @ model.rows.T).astype(np.float64)
    for row, removed in zip(logits, model.removed, strict=True):
        row[removed] = -np.inf
    return softmax(logits).astype(np.float32)


def measured(p: Floats, q: Floats) -> Measured:
    """Return the distances of q from p, both one row for each example or q one for all."""
    chi_square, kl = distances(p, q)
    return Measured(1 / (1 + chi_square), kl)


def best_settings(model: TrainedModel, p: Floats, name: str) -> dict[int, tuple[Setting, Floats]]:
    """Return for each batch size the setting of the highest mean worth on the first half, and its q on the second."""
    half = len(p) // 2
    best: dict[int, tuple[float, Setting, Floats]] = {}
    for setting in PROPOSALS[name].settings:
        own = distribution(model, name, setting)
        for size in BATCH_SIZES if own.ndim == 2 else (1,):
            q = own if size == 1 else np.concatenate([shared(own[:half], size), shared(own[half:], size)])
            first = q[:half] if q.ndim == 2 else q
            worth = float(measured(p[:half], first).worth.mean())
            if size not in best or worth > best[size][0]:
                best[size] = worth, setting, q[half:] if q.ndim == 2 else q
    return {size: found[1:] for size, found in best.items()}


def compare(model: TrainedModel) -> list[dict[str, Any]]:
    """Return a result for each proposal and batch size."""
    p, half = others(model), len(model.labels) // 2
    results = []
    for name in PROPOSALS:
        for size, (setting, q) in best_settings(model, p, name).items():
            found = measured(p[half:], q)
            results.append({
                "model": model.name, "proposal": name, "inputs_per_sample": "any" if q.ndim == 1 else size,
                "setting": setting, "num_tried": len(PROPOSALS[name].settings),
                "worth": round(float(found.worth.mean()), 4),
                "worth_error": round(float(found.worth.std() / len(found.worth) ** 0.5), 4),
                "worth_percentile_10": round(float(np.percentile(found.worth, 10)), 4),
                "kl": round(float(found.kl.mean()), 3), **gradient(model, q, size),
            })  # fmt: skip
            print(", ".join(f"{key} {value}" for key, value in results[-1].items()), flush=True)
    return results


def gradient(model: TrainedModel, q: Floats, size: int) -> dict[str, float]:
    """Return bias and noise of the gradient of the inputs with `NUM_SAMPLED` different candidates, on some examples."""
    chosen: NDArray[np.int64] = len(model.labels) // 2 + np.arange(GRADIENT_EXAMPLES)
    proposal = q if q.ndim == 1 else q[0] if size > 1 else q[:GRADIENT_EXAMPLES]
    proposal = np.maximum(proposal.astype(np.float64), 1e-12)  # as float32 of a sampler it must not vanish
    found = diagnose_sampler(
        model.rows, np.zeros(len(model.rows)), model.labels[chosen], model.inputs[chosen], NUM_SAMPLED,
        proposal / proposal.sum(axis=-1, keepdims=True), num_samples=GRADIENT_SAMPLES,
    ).gradient  # fmt: skip
    assert found is not None  # num_samples is above 0
    names = ("bias", "bias_error", "noise")
    return {name: round(float(getattr(found, name)), 4) for name in names}


def rows_of(results: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return a row per result."""
    return [
        [
            result["model"], result["proposal"], str(result["inputs_per_sample"]), f"{100 * result['worth']:.1f} %",
            f"{100 * result['worth_percentile_10']:.1f} %", f"{result['kl']:.2f}",
            f"{result['bias']:.3f} ± {2 * result['bias_error']:.3f}", f"{result['noise']:.2f}",
            ", ".join(f"{key} {value}" for key, value in result["setting"].items()),
        ]
        for result in results
    ]  # fmt: skip


def raises(results: Sequence[dict[str, Any]], size: int | str) -> dict[str, float]:
    """Return for each model the worth of the best adaptive proposal by that of the best power of the counts.

    The softmax itself is no proposal: it is what the others approximate.
    """
    found = {}
    for model in dict.fromkeys(result["model"] for result in results):
        worths = {
            (result["proposal"], result["inputs_per_sample"]): result["worth"]
            for result in results
            if result["model"] == model
        }
        static = worths["counts^power", "any"]
        adaptive = [w for (name, per), w in worths.items() if per == size and name != "softmax itself"]
        found[model] = max(adaptive) / static
    return found


@click.command(short_help="Proposals of candidates, simulated exactly.")
@click.option("--models", metavar="NAMES", default=",".join(MODELS), show_default=True, help="Comma-separated.")
@click.option("--seed", default=1, show_default=True, help="Of models and examples.")
@click.option("--json", "file", type=click.Path(path_type=Path), default=Path("docs/samplers.json"), show_default=True)
def command(models: str, seed: int, file: Path) -> None:
    """Measure how far proposals are from the softmax of trained models: static ones, and adaptive ones at no cost.

    Trains word vectors and a language model on 2 million words and a recommender on Yelp2018, from the folder
    SAMPLEDSOFTMAX_DATA.
    """
    unknown = [name for name in models.split(",") if name not in MODELS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(MODELS)}", param_hint="--models")
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    record, results = Record(file), []
    record.begin(SECTION, {})
    record.sections[SECTION]["num_examples"] = NUM_EXAMPLES
    for name in models.split(","):
        for result in compare(MODELS[name](data_folder(), NUM_EXAMPLES, seed)):
            results.append({**result, "seed": seed})
            record.add(SECTION, results[-1])
    print(f"\n{aligned(HEAD, rows_of(results))}\n")
    for size in BATCH_SIZES:
        print(f"best adaptive proposal / best power of the counts, {size} inputs per sample: ", end="")
        print(json.dumps({model: round(ratio, 2) for model, ratio in raises(results, size).items()}))

"""The expected first steps of every contestant, computed by `reference.py` in float64 on the rows that they use.

A step uses few rows of a table, so the rows of the first steps are copied to small tables with consecutive ids.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.cases import INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, TABLES, Case, Ids
from sampledsoftmax import reference

NUM_STEPS = 3
LOSS_RTOL = 1e-5  # float32 sums over up to 8193 columns and 2560 examples
ROW_ATOL = 1e-5  # float32: a frequent row is updated hundreds of times, each time rounded
STEP_RTOL = 0.02  # error over norm of the first step, per table: in w3 a step is only a few hundred roundings long

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Truth:
    """Losses of the first steps; the rows `ids` of each table before and after the first step."""

    losses: list[float]
    ids: dict[str, Ids]
    before: Arrays
    after: Arrays
    changed: dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Agreement:
    """The largest relative error of a loss, the largest error of an entry, the error over norm of the first step."""

    loss: float
    row: float
    step: float
    problem: str


def truth(case: Case, optimizer: str) -> Truth:
    """Return the first steps of a case, computed in float64."""
    batches = case.batches()[:NUM_STEPS]
    sampler = ss.LogUniformSampler(case.num_classes, SEED)
    drawn = [sampler.sample(labels, case.num_sampled) for _, labels in batches]
    named = {"embeddings": np.unique([inputs for inputs, _ in batches])}
    named["weights"] = np.unique(
        np.concatenate([*(labels.ravel() for _, labels in batches), *(values.sampled_candidates for values in drawn)])
    )
    named["biases"] = named["weights"]
    before = {name: case.rows(name, named[name]) for name in TABLES}
    trainer = _Float64({name: before[name].astype(np.float64) for name in TABLES}, optimizer)
    losses: list[float] = []
    after: Arrays = {}
    for (inputs, labels), values in zip(batches, drawn, strict=True):
        positions = [np.searchsorted(named["weights"], ids) for ids in (labels, values.sampled_candidates)]
        sampled = (positions[1], values.true_expected_count, values.sampled_expected_count)
        losses.append(trainer.step(np.searchsorted(named["embeddings"], inputs), positions[0], sampled))
        after = after or {name: trainer.tables[name].copy() for name in TABLES}
    first = {"embeddings": batches[0][0]}
    first["weights"] = first["biases"] = np.concatenate([batches[0][1].ravel(), drawn[0].sampled_candidates])
    return Truth(losses, named, before, after, {name: np.isin(named[name], first[name]) for name in TABLES})


def compare(expected: Truth, losses: list[float], rows: Arrays) -> Agreement:
    """Return the errors of the first steps of a contestant, and a message if they are too large."""
    problems = []
    loss = float(np.max(np.abs(np.divide(losses, expected.losses) - 1)))
    if not loss <= LOSS_RTOL:
        got, wanted = (", ".join(f"{value:.7g}" for value in values) for values in (losses, expected.losses))
        problems.append(f"its first losses are {got} and not {wanted}")
    entry = step = 0.0
    for name in TABLES:
        changed = expected.changed[name]
        if not np.array_equal(rows[name][~changed], expected.before[name][~changed]):
            problems.append(f"its first step changes rows of {name} that it does not use")
        errors = rows[name][changed] - expected.after[name][changed]
        taken = expected.after[name][changed] - expected.before[name][changed]
        entry = max(entry, float(np.abs(errors).max()))
        step = max(step, float(np.linalg.norm(errors) / np.linalg.norm(taken)))
    if not (entry <= ROW_ATOL and step <= STEP_RTOL):
        problems.append(f"rows after its first step are off by {entry:.1g}, {step:.1g} of the step")
    return Agreement(loss, entry, step, "; ".join(problems))


class _Float64:
    """Training with the reference on the copied rows."""

    def __init__(self, tables: Arrays, optimizer: str) -> None:
        self.tables = tables
        self.accumulators: Arrays = {}
        if optimizer == "adagrad":
            self.accumulators = {name: np.full_like(tables[name], np.float32(INITIAL_ACCUMULATOR)) for name in TABLES}

    def step(self, inputs: Ids, labels: Ids, values: tuple[NDArray[Any], ...]) -> float:
        embeddings, weights, biases = (self.tables[name] for name in TABLES)
        return float(reference.skip_gram_step(embeddings, weights, biases, inputs, labels, values, self._update))

    def _update(self, name: str, indices: Ids, rows: NDArray[Any]) -> None:
        if self.accumulators:
            reference.adagrad(self.tables[name], self.accumulators[name], indices, rows, LEARNING_RATE)
        else:
            reference.sgd(self.tables[name], indices, rows, LEARNING_RATE)

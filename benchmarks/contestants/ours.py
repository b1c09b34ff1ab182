"""The fast path: `SkipGram.step`, and `SkipGram.steps` for many steps in one call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.cases import INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, TABLES, Case, Ids
from benchmarks.contestants import OneBatchPerCall
from benchmarks.machine import num_cores


class Fast(OneBatchPerCall):
    """`SkipGram.step` on the model's own tables."""

    def __init__(self, case: Case, optimizer: str, threads: int | None = None) -> None:
        ss.set_num_threads(threads or num_cores())
        self.threads: int = ss.get_num_threads()
        rule = ss.SGD(LEARNING_RATE) if optimizer == "sgd" else ss.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
        self.model = ss.SkipGram(case.num_classes, case.dim, case.num_sampled, rule, seed=SEED)
        for name in TABLES:  # filled in place: the library chooses the memory layout of its tables
            case.fill(name, getattr(self.model, name))

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        return self.model.step(inputs, labels)

    def rows(self, name: str, ids: Ids) -> NDArray[Any]:
        """Return copies of rows of a table."""
        return np.asarray(getattr(self.model, name)[ids])


class Steps(Fast):
    """`SkipGram.steps`: all batches in one call."""

    def __init__(self, case: Case, optimizer: str) -> None:
        super().__init__(case, optimizer)
        self.batch_size = case.batch_size

    def calls(self, batches: list[tuple[Ids, Ids]]) -> Sequence[tuple[Ids, Ids]]:
        """Return all batches as one call."""
        inputs, labels = zip(*batches, strict=True)
        return [(np.concatenate(inputs), np.concatenate(labels))]

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on the batches of one call and return the mean loss of the last."""
        return float(self.model.steps(inputs, labels, self.batch_size)[-1])

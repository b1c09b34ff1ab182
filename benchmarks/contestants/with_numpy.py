"""The reference: plain NumPy, with matrix products by BLAS."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, TABLES, Case, Ids
from benchmarks.contestants import OneBatchPerCall
from benchmarks.machine import num_cores
from sampledsoftmax import LogUniformSampler, reference


class Reference(OneBatchPerCall):
    """`reference.py`, with candidates from the sampler, whose stream continues from step to step."""

    def __init__(self, case: Case, optimizer: str) -> None:
        self.threads = num_cores()  # those of BLAS
        self.num_sampled = case.num_sampled
        self.sampler = LogUniformSampler(case.num_classes, SEED)
        self.tables = {name: case.table(name) for name in TABLES}
        self.accumulators = {}
        if optimizer == "adagrad":
            self.accumulators = {name: np.full_like(self.tables[name], INITIAL_ACCUMULATOR) for name in TABLES}

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        values = self.sampler.sample(labels, self.num_sampled)
        embeddings, weights, biases = (self.tables[name] for name in TABLES)
        return float(reference.skip_gram_step(embeddings, weights, biases, inputs, labels, values, self._update))

    def rows(self, name: str, ids: Ids) -> NDArray[Any]:
        """Return copies of rows of a table."""
        return np.asarray(self.tables[name][ids])

    def _update(self, name: str, indices: Ids, rows: NDArray[Any]) -> None:
        if self.accumulators:
            reference.adagrad(self.tables[name], self.accumulators[name], indices, rows, LEARNING_RATE)
        else:
            reference.sgd(self.tables[name], indices, rows, LEARNING_RATE)

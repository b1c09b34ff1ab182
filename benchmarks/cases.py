"""The sizes that a step is timed at, and batches whose ids fall off as those of words do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

NUM_BATCHES = 8


@dataclass(frozen=True)
class Case:
    """Vocabulary, width, pairs a batch, candidates a batch."""

    name: str
    num_classes: int
    dim: int
    batch_size: int
    num_sampled: int

    def tables(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return embeddings, weights and biases, float32, the same for every contestant."""
        rng = np.random.default_rng(0)
        shape = (self.num_classes, self.dim)
        embeddings = rng.random(shape, np.float32) - np.float32(0.5)
        weights = rng.standard_normal(shape, np.float32) * np.float32(self.dim**-0.5)
        return embeddings, weights, np.zeros(self.num_classes, np.float32)

    def batches(self) -> list[tuple[Ids, Ids]]:
        """Return (inputs [batch_size], labels [batch_size, 1]) batches of log-uniform ids."""
        uniform = np.random.default_rng(1).random((NUM_BATCHES, 2, self.batch_size))
        ids = (np.exp(uniform * np.log1p(self.num_classes)).astype(np.int64) - 1) % self.num_classes
        return [(inputs, labels[:, np.newaxis]) for inputs, labels in ids]


CASES = (
    Case("w1", 50_000, 128, 128, 64),
    Case("w1b", 50_000, 128, 1024, 64),
    Case("w2", 1_000_000, 128, 1024, 1024),
)

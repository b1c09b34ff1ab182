"""The sizes at which a step is timed, and batches whose ids have the frequencies of words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

NUM_BATCHES = 8
OPTIMIZERS = ("sgd", "adagrad")
LEARNING_RATE = 0.1
INITIAL_ACCUMULATOR = 0.1
SEED = 5  # of the candidates, the same for every contestant
TABLES = ("embeddings", "weights", "biases")
BLOCK = 65_521  # rows after which a table repeats; a prime


@dataclass(frozen=True)
class Case:
    """Sizes of a training step: classes, width, pairs and candidates per batch."""

    name: str
    num_classes: int
    dim: int
    batch_size: int
    num_sampled: int

    def block(self, name: str) -> NDArray[Any]:
        """Return the rows that one of `TABLES` repeats; float32, the same for every contestant.

        Random numbers for a whole large table would take minutes.
        """
        values = np.random.default_rng(TABLES.index(name)).random((BLOCK, self.dim), np.float32)
        values -= np.float32(0.5)
        if name == "biases":
            return values[:, 0]
        return values * np.float32((12 / self.dim) ** 0.5) if name == "weights" else values

    def rows(self, name: str, ids: Ids) -> NDArray[Any]:
        """Return initial rows of one of `TABLES`."""
        return self.block(name)[ids % BLOCK]

    def fill(self, name: str, out: NDArray[Any]) -> None:
        """Write the initial values of one of `TABLES` to an array."""
        block = self.block(name)
        for start in range(0, self.num_classes, BLOCK):
            end = min(start + BLOCK, self.num_classes)
            out[start:end] = block[: end - start]

    def table(self, name: str) -> NDArray[Any]:
        """Return the initial values of one of `TABLES`."""
        values = np.empty(self.num_classes if name == "biases" else (self.num_classes, self.dim), np.float32)
        self.fill(name, values)
        return values

    def batches(self) -> list[tuple[Ids, Ids]]:
        """Return (inputs [batch_size], labels [batch_size, 1]) batches of log-uniform ids."""
        uniform = np.random.default_rng(1).random((NUM_BATCHES, 2, self.batch_size))
        ids = (np.exp(uniform * np.log1p(self.num_classes)).astype(np.int64) - 1) % self.num_classes
        return [(inputs, labels[:, np.newaxis]) for inputs, labels in ids]

    def num_bytes(self, optimizer: str) -> int:
        """Return the bytes of the three tables and of their optimizer slots."""
        return 4 * self.num_classes * (2 * self.dim + 1) * (2 if optimizer == "adagrad" else 1)

    def __str__(self) -> str:
        return f"{self.name}: V={self.num_classes:,} D={self.dim} B={self.batch_size} S={self.num_sampled}"


TINY = Case("tiny", 500, 16, 24, 12)  # for the tests of the suite; its times mean nothing
CASES = (
    Case("w1", 50_000, 128, 128, 64),
    Case("w1b", 50_000, 128, 1024, 64),
    Case("w2", 1_000_000, 128, 1024, 1024),
    Case("w3", 793_471, 512, 2560, 8192),
)

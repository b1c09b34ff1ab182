"""Passes over all classes, a block of them at a time: the memory, the rows of a block, and the threads."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.full.logits import Block, Panels, ThreadBuffers, pack_inputs
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.gather import gather, gather_biases
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import aligned, panel_width

# A piece of logits, 96 examples by 32 panels of 64 bytes, is 197 KB: it stays in the second cache while it is used.
_GROUP_ROWS = 96
_PIECE_PANELS = 32
# Packing a class takes as long as its products with so many examples.
_PACKING_ROWS = 16


class AllClasses:
    """A batch, and the memory of passes over all classes.

    Attributes
    ----------
    panels : Panels
        What all threads read.
    parts : int
        Threads.
    group_rows, width : int
        Examples of a group, and columns of a panel.
    """

    def __init__(self, batch: Batch, block_size: int, piece_panels: int | None = None) -> None:
        self.batch = batch
        self.block_size = min(block_size, batch.weights.num_rows)
        batch_size, dim = batch.inputs.shape
        self.dtype = batch.inputs.dtype
        self.width = panel_width(self.dtype)
        self.depth = panels_of(dim, self.width)
        self.parts = threads_for((batch_size + _PACKING_ROWS) * self.block_size * dim)
        self.group_rows = min(_GROUP_ROWS, round_up(batch_size, MR_TAIL))
        self.num_groups = ceil_div(batch_size, max(self.group_rows, 1))
        self.num_panels = panels_of(self.block_size, self.width)
        self.piece_panels = min(piece_panels or _PIECE_PANELS, self.num_panels)
        self.panels = Panels(
            aligned((self.num_groups, self.depth, self.group_rows, self.width), self.dtype),
            aligned((self.num_panels, self.depth * self.width, self.width), self.dtype),
            aligned((self.num_panels, self.width), self.dtype),
            batch_size,
            self.piece_panels,
        )
        pack_inputs(batch.inputs, np.arange(batch_size), self.panels.inputs)

    @property
    def num_pieces(self) -> int:
        """Pieces of a block."""
        return ceil_div(self.num_panels, self.piece_panels)

    def buffers(self) -> ThreadBuffers:
        """Return memory of each thread."""
        logits = aligned((self.parts, self.piece_panels, self.group_rows, self.width), self.dtype)
        size = self.group_rows * self.width
        return ThreadBuffers(
            logits,
            logits.reshape(self.parts, self.piece_panels, size),
            aligned((self.parts, size), self.dtype),
            aligned((self.parts, size), self.dtype),
        )

    def blocks(self) -> Iterator[Block]:
        """Yield the classes block by block."""
        weights, biases = self.batch.weights, self.batch.biases
        for first in range(0, weights.num_rows, self.block_size):
            ids = np.arange(first, min(first + self.block_size, weights.num_rows))
            yield Block(_rows(weights, ids, self.dtype), gather_biases(biases, ids, self.dtype), first)

    def in_lanes(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a number of each example in all lanes of its rows: [groups, group_rows * width]."""
        padded = np.zeros(self.num_groups * self.group_rows, values.dtype)
        padded[: values.size] = values
        return np.repeat(padded, self.width).reshape(self.num_groups, self.group_rows * self.width)

    def run(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run a compiled pass on the threads."""
        thread_pool.run(function, self.parts, *arguments)


def panels_of(columns: int, width: int) -> int:
    """Return how many panels hold so many columns."""
    return ceil_div(columns, width)


def _rows(table: Shards, ids: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return rows of consecutive ids: those of the table itself where kernels can read them as they are.

    Kernels are compiled for one kind of array: contiguous, and not known to be read-only.
    """
    if len(table.arrays) > 1:
        return gather(table, ids, dtype)
    return np.require(table.arrays[0][ids[0] : ids[-1] + 1], dtype, ["C", "A", "W", "E"])

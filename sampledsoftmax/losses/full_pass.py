"""Passes over all classes, one block at a time: memory, rows of a block, threads."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.full.logits import Block, Panels, ThreadBuffers, pack_inputs
from sampledsoftmax.kernels.full.unit_rows import run_scale_rows, run_through_scaling
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.gather import gather, gather_biases
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.runtime.threadpool import thread_pool, threads_for
from sampledsoftmax.runtime.workspace import aligned, panel_width
from sampledsoftmax.types import DOT_PRODUCT, Similarity

# A chunk of logits, 96 examples by 32 panels of 64 bytes, is 197 KB: it stays in L2 while it is used.
_GROUP_ROWS = 96
_CHUNK_PANELS = 32
# Packing a class takes as long as its dot products with this many examples.
_PACKING_ROWS = 16


class FullPass:
    """A batch, and the memory of passes over all classes.

    Attributes
    ----------
    panels : Panels
        Packed operands.
    num_threads : int
    num_groups, group_rows : int
        Groups of examples, and examples of a group.
    width : int
        Columns of a panel.
    """

    def __init__(self, batch: Batch, similarity: Similarity, block_size: int, chunk_panels: int | None = None) -> None:
        self.batch, self.similarity = batch, similarity
        self.block_size = min(block_size, batch.weights.num_rows)
        batch_size, dim = batch.inputs.shape
        self.dtype = batch.inputs.dtype
        self.width = panel_width(self.dtype)
        self.depth = panels_of(dim, self.width)
        self.num_threads = threads_for((batch_size + _PACKING_ROWS) * self.block_size * dim)
        self.group_rows = min(_GROUP_ROWS, round_up(batch_size, MR_TAIL))
        self.num_groups = ceil_div(batch_size, max(self.group_rows, 1))
        self.num_panels = panels_of(self.block_size, self.width)
        self.chunk_panels = min(chunk_panels or _CHUNK_PANELS, self.num_panels)
        self.panels = Panels(
            aligned((self.num_groups, self.depth, self.group_rows, self.width), self.dtype),
            aligned((self.num_panels, self.depth * self.width, self.width), self.dtype),
            aligned((self.num_panels, self.width), self.dtype),
            batch_size,
            self.chunk_panels,
        )
        self._unit_rows = np.empty((self.block_size if similarity.normalize else 0, dim), self.dtype)
        inputs = batch.inputs if similarity == DOT_PRODUCT else self._scaled_inputs()
        pack_inputs(inputs, np.arange(batch_size), self.panels.inputs)

    @property
    def num_chunks(self) -> int:
        """Chunks of a block."""
        return ceil_div(self.num_panels, self.chunk_panels)

    def buffers(self) -> ThreadBuffers:
        """Return the working memory of the threads."""
        logits = aligned((self.num_threads, self.chunk_panels, self.group_rows, self.width), self.dtype)
        size = self.group_rows * self.width
        return ThreadBuffers(
            logits,
            logits.reshape(self.num_threads, self.chunk_panels, size),
            aligned((self.num_threads, size), self.dtype),
            aligned((self.num_threads, size), self.dtype),
        )

    def blocks(self) -> Iterator[Block]:
        """Yield the classes, block by block."""
        weights, biases = self.batch.weights, self.batch.biases
        for first in range(0, weights.num_rows, self.block_size):
            ids = np.arange(first, min(first + self.block_size, weights.num_rows))
            rows = _rows(weights, ids, self.dtype)
            if self.similarity.normalize:
                self.run(run_scale_rows, rows, 1.0, True, self._unit_rows[: ids.size])
                rows = self._unit_rows[: ids.size]
            yield Block(rows, gather_biases(biases, ids, self.dtype), first)

    def _scaled_inputs(self) -> NDArray[Any]:
        """Return the inputs / temperature, of unit length before that if asked for."""
        inputs, (temperature, normalize) = self.batch.inputs, self.similarity
        scaled = np.empty_like(inputs)
        self.run(run_scale_rows, inputs, 1.0 / temperature, normalize, scaled)
        return scaled

    def class_gradients(self, gradients: NDArray[Any], block: Block) -> None:
        """Turn gradients of the rows of a block into those of the rows of the table, in place."""
        if self.similarity.normalize:
            ids = np.arange(block.first, block.first + gradients.shape[0])
            self.run(run_through_scaling, gradients, _rows(self.batch.weights, ids, self.dtype), 1.0, True)

    def input_gradients(self, gradients: NDArray[Any]) -> None:
        """Turn gradients of the packed inputs into those of the inputs, in place."""
        temperature, normalize = self.similarity
        if self.similarity != DOT_PRODUCT:
            self.run(run_through_scaling, gradients, self.batch.inputs, 1.0 / temperature, normalize)

    def repeat_in_lanes(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values [batch_size], repeated in all lanes of an example: [groups, group_rows * width]."""
        padded = np.zeros(self.num_groups * self.group_rows, values.dtype)
        padded[: values.size] = values
        return np.repeat(padded, self.width).reshape(self.num_groups, self.group_rows * self.width)

    def run(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run a kernel on the threads."""
        thread_pool.run(function, self.num_threads, *arguments)


def panels_of(columns: int, width: int) -> int:
    """Return the number of panels of a matrix."""
    return ceil_div(columns, width)


def _rows(table: Shards, ids: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return rows of consecutive ids: a view of the table where kernels can read it, else a copy.

    Kernels are compiled for one type of array: contiguous and writable.
    """
    if len(table.arrays) > 1:
        return gather(table, ids, dtype)
    return np.require(table.arrays[0][ids[0] : ids[-1] + 1], dtype, ["C", "A", "W", "E"])

"""The memory of a step: made once for the largest batch seen, and used again by every smaller one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.batch import Correction
from sampledsoftmax.kernels.bundles import Groups, Lanes, Scratch, Settings
from sampledsoftmax.machine.vectors import PANEL_BYTES

# Rows of a block of examples: their logits stay in the second cache while they are used four times.
_BLOCK_BYTES = 400_000
_LEAST_ROWS, _MOST_ROWS = 48, 192
# Panels of candidates whose gradients are summed in one pass over the inputs.
_CLASS_PANELS = 4
_LINE_BYTES = 64


def settings_for(
    objective: int,
    gradients: bool,
    correction: Correction,
    num_true: int,
    num_sampled: int,
    dtype: np.dtype[Any],
    threads: int,
) -> Settings:
    """Return what the kernels are to compute, and in what pieces."""
    return Settings(
        objective,
        gradients,
        correction.subtract_log_q,
        correction.remove_accidental_hits,
        correction.hit_copies == "last",
        num_true,
        block_rows(num_sampled, dtype.itemsize),
        class_panels(num_sampled, panel_width(dtype), threads),
    )


def block_rows(num_sampled: int, itemsize: int) -> int:
    """Return how many examples a task takes: a multiple of 48, so of every height of a tile."""
    rows = _BLOCK_BYTES // max(num_sampled * itemsize, 1) // _LEAST_ROWS * _LEAST_ROWS
    return max(_LEAST_ROWS, min(_MOST_ROWS, rows))


def class_panels(num_sampled: int, width: int, threads: int) -> int:
    """Return how many panels of candidates a task takes: fewer where threads would stand idle."""
    panels = -(-num_sampled // width)
    return max(1, min(_CLASS_PANELS, -(-panels // threads)))


def panel_width(dtype: np.dtype[Any]) -> int:
    """Return the columns of a panel."""
    return PANEL_BYTES // dtype.itemsize


class Workspace:
    """Arrays for batches of up to `batch_size` examples.

    Attributes
    ----------
    scratch : Scratch
        Memory that all threads share.
    """

    def __init__(self, batch_size: int, num_true: int, num_sampled: int, dim: int, dtype: np.dtype[Any]) -> None:
        self.batch_size, self.num_labels = batch_size, batch_size * num_true
        self.num_sampled, self.dim, self.dtype = num_sampled, dim, dtype
        self.scratch = self._scratch()
        self._lanes: dict[int, Lanes] = {}

    def fits(self, batch_size: int, num_true: int, num_sampled: int, dim: int, dtype: np.dtype[Any]) -> bool:
        """Return whether a batch of these sizes has room."""
        sizes = batch_size <= self.batch_size and batch_size * num_true <= self.num_labels
        return sizes and num_sampled <= self.num_sampled and (dim, dtype) == (self.dim, self.dtype)

    def lanes(self, threads: int) -> Lanes:
        """Return the memory of each of so many threads."""
        if threads not in self._lanes:
            self._lanes[threads] = self._make_lanes(threads)
        return self._lanes[threads]

    def _scratch(self) -> Scratch:
        width = panel_width(self.dtype)
        rows, columns = _padded_rows(self.batch_size), -(-self.num_sampled // width)
        depth = -(-self.dim // width)
        real = self.dtype
        exponentials = aligned((columns, rows, width), real)
        num_ids = self.num_labels + self.num_sampled
        integers = np.int64
        return Scratch(
            inputs=aligned((depth, rows, width), real),
            scaled_inputs=aligned((depth, rows, width), real),
            input_sums=aligned((depth, rows, width), real),
            exponentials=exponentials,
            flat_exponentials=exponentials.reshape(columns, rows * width),
            by_class=aligned((columns, depth * width, width), real),
            by_dim=aligned((depth, _padded_rows(columns * width), width), real),
            biases=np.zeros((columns, width), real),
            log_counts=np.zeros((columns, width), real),
            scales=aligned((1, rows, width), real),
            bias_sums=aligned((1, columns, width), real),
            true_logits=np.zeros(self.num_labels, real),
            losses=np.zeros(self.batch_size, real),
            loss_grad=np.zeros(self.batch_size, real),
            input_grad=np.zeros((self.batch_size, self.dim), real),
            true_counts=np.zeros(self.num_labels, np.float32),
            sampled_counts=np.zeros(self.num_sampled, np.float32),
            candidates=np.zeros(self.num_sampled, integers),
            slot_of_label=np.zeros(self.num_labels, integers),
            slot_of_input=np.zeros(self.batch_size, integers),
            earlier=np.zeros(self.num_sampled, integers),
            keys=np.zeros(_table_size(num_ids), integers),
            slots=np.zeros(_table_size(num_ids), integers),
            cursor=np.zeros(8, np.uint64),
            sizes=np.zeros(4, integers),
            classes=_groups(num_ids, self.num_labels),
            examples=_groups(self.batch_size, self.batch_size),
        )

    def _make_lanes(self, threads: int) -> Lanes:
        width = panel_width(self.dtype)
        depth = -(-self.dim // width)
        class_sums = aligned((threads, _CLASS_PANELS * width, depth, width), self.dtype)
        return Lanes(
            maxima=aligned((threads, _MOST_ROWS * width), self.dtype),
            sums=aligned((threads, _MOST_ROWS * width), self.dtype),
            class_sums=class_sums,
            flat_class_sums=class_sums.reshape(threads, _CLASS_PANELS * width, depth * width),
            row=aligned((threads, depth * width), self.dtype),
            entry=aligned((threads, _LINE_BYTES), self.dtype),
        )


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return zeros that start at a cache line, which large arrays of NumPy do not."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + _LINE_BYTES, np.uint8)
    offset = -memory.ctypes.data % _LINE_BYTES
    return memory[offset : offset + size].view(dtype).reshape(shape)


def _padded_rows(rows: int) -> int:
    """Return at least `rows`: 20 more than a multiple of 64, so that panels do not share sets of a cache.

    A panel's row is one or two cache lines, and with a power of two of them between panels, the same row of all
    panels would have to be in the few lines of one set.
    """
    return (rows + 43) // 64 * 64 + 20


def _table_size(num_ids: int) -> int:
    return 1 << max(2, (2 * num_ids - 1).bit_length())


def _groups(num_slots: int, num_places: int) -> Groups:
    return Groups(*(np.zeros(n, np.int64) for n in (num_slots, num_slots, num_places, num_slots)))

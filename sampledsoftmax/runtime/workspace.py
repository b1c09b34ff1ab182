"""Working memory of a step, allocated once for the largest batch seen and reused by every smaller one."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.jit.simd_width import PANEL_BYTES
from sampledsoftmax.kernels.linalg.similarity import Cosine, DotProduct, ScaledDotProduct
from sampledsoftmax.kernels.structs import IdGroups, Scratch, StepSettings, ThreadBuffers
from sampledsoftmax.kernels.sync.schedule import BLOCK_ROWS
from sampledsoftmax.types import Correction, Similarity

# Panels of candidates whose gradients are summed in one pass over the inputs.
_CLASS_PANELS = 4
_LINE_BYTES = 64
# False sharing: a cache line that two threads use and one writes moves between cores, 50 ns and more each time, and
# the hardware prefetcher of a core also requests lines beyond the end of an array. Word training with two threads was
# 1.6 times as fast with this gap between arrays (AMD Zen 3).
_GAP_BYTES = 1024


def settings_for(
    objective: Any,
    gradients: bool,
    correction: Correction,
    columns: tuple[int, int],
    dtype: np.dtype[Any],
    threads: int,
) -> StepSettings:
    """Return the settings of a step for num_true, num_sampled = `columns`."""
    num_true, num_sampled = columns
    return StepSettings(
        objective,
        compiled_similarity(correction.similarity),
        gradients,
        correction.subtract_log_q,
        correction.remove_accidental_hits,
        correction.hit_copies == "last",
        num_true,
        class_panels(num_sampled, panel_width(dtype), threads),
    )


def compiled_similarity(similarity: Similarity) -> DotProduct | ScaledDotProduct | Cosine:
    """Return the parameters of the kernels; dot products have kernels of their own, without factors."""
    if similarity.normalize:
        return Cosine(1.0 / similarity.temperature)
    return DotProduct() if similarity.temperature == 1 else ScaledDotProduct(1.0 / similarity.temperature)


def class_panels(num_sampled: int, width: int, threads: int) -> int:
    """Return the panels of candidates in a chunk; fewer where threads would be idle otherwise."""
    panels = ceil_div(num_sampled, width)
    return max(1, min(_CLASS_PANELS, ceil_div(panels, threads)))


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
        self.num_columns = num_true + num_sampled
        self.num_sampled, self.dim, self.dtype = num_sampled, dim, dtype
        sizes = Sizes(batch_size, batch_size, self.num_labels, num_sampled, dim)
        self.scratch = make_scratch(sizes, dtype)
        self._thread_buffers: dict[int, ThreadBuffers] = {}

    def fits(self, batch_size: int, num_true: int, num_sampled: int, dim: int, dtype: np.dtype[Any]) -> bool:
        """Return whether a batch of these sizes fits."""
        sizes = batch_size <= self.batch_size and batch_size * num_true <= self.num_labels
        columns = num_sampled <= self.num_sampled and num_true + num_sampled <= self.num_columns
        return sizes and columns and (dim, dtype) == (self.dim, self.dtype)

    def buffers(self, threads: int) -> ThreadBuffers:
        """Return the buffers of `threads` threads."""
        if threads not in self._thread_buffers:
            self._thread_buffers[threads] = make_thread_buffers(threads, self.num_columns, self.dim, self.dtype)
        return self._thread_buffers[threads]


class Sizes(NamedTuple):
    """Sizes of the largest batch: examples, ids of inputs, ids of labels, candidates; and the width of a row."""

    batch_size: int
    num_inputs: int
    num_labels: int
    num_sampled: int
    dim: int


def make_scratch(sizes: Sizes, real: np.dtype[Any], more_rows: int = 0) -> Scratch:
    """Return the shared memory of a step; `packed_candidates` gets `more_rows` rows after those of the candidates."""
    width = panel_width(real)
    rows, columns = _padded_rows(sizes.batch_size), ceil_div(sizes.num_sampled, width)
    depth = ceil_div(sizes.dim, width)
    num_ids = sizes.num_labels + columns * width
    table_size = _table_size(max(num_ids, sizes.num_inputs))
    sampled, true = aligned((columns, rows, width), real), aligned((sizes.num_labels,), real)

    def reals(*shape: int) -> NDArray[Any]:
        return aligned(shape, real)

    def panels(*shape: int) -> NDArray[Any]:
        return aligned((*shape, width), real)

    return Scratch(
        inputs=panels(depth, rows),
        input_sums=panels(depth, rows),
        sampled_logits=sampled,
        sampled_exp=sampled.reshape(columns, rows * width),
        sampled_grad=sampled,
        packed_candidates_t=panels(columns, depth * width),
        packed_candidates=panels(depth, _padded_rows(columns * width + more_rows)),
        biases=panels(columns),
        log_q=panels(columns),
        bias_sums=panels(columns),
        true_logits=true,
        true_grad=true,
        losses=reals(sizes.batch_size),
        loss_grad=reals(sizes.batch_size),
        input_grad=reals(sizes.batch_size, sizes.dim),
        true_counts=aligned((sizes.num_labels,), np.dtype(np.float32)),
        sampled_counts=aligned((sizes.num_sampled,), np.dtype(np.float32)),
        candidates=_integers(sizes.num_sampled),
        group_of_label=_integers(sizes.num_labels),
        group_of_input=_integers(sizes.num_inputs),
        previous_copy=_integers(sizes.num_sampled),
        hash_keys=_integers(2 * table_size),
        hash_values=_integers(2 * table_size),
        cursor=aligned((8,), np.dtype(np.uint64)),
        sizes=_integers(4),
        class_groups=_groups(num_ids, sizes.num_labels),
        input_groups=_groups(sizes.num_inputs, sizes.num_inputs),
    )


def _integers(size: int) -> NDArray[np.int64]:
    return aligned((size,), np.dtype(np.int64))


def _groups(num_groups: int, num_occurrences: int) -> IdGroups:
    return IdGroups(*map(_integers, (num_groups, num_groups, num_occurrences, num_groups)))


def make_thread_buffers(threads: int, num_columns: int, dim: int, real: np.dtype[Any]) -> ThreadBuffers:
    """Return the buffers of `threads` threads, for rows of at most `num_columns` logits."""
    width = panel_width(real)
    depth = ceil_div(dim, width)
    gap = _GAP_BYTES // real.itemsize
    classes = _CLASS_PANELS * width + ceil_div(gap, depth * width)
    candidate_grad = aligned((threads, classes, depth, width), real)
    return ThreadBuffers(
        row_max=aligned((threads, BLOCK_ROWS * width + gap), real),
        row_scales=aligned((threads, BLOCK_ROWS * width + gap), real),
        row_logits=aligned((threads, num_columns + gap), real),
        row_grad=aligned((threads, num_columns + gap), real),
        label_grad=aligned((threads, num_columns + gap), real),
        candidate_grad=candidate_grad,
        flat_candidate_grad=candidate_grad.reshape(threads, classes, depth * width),
        row=aligned((threads, depth * width + gap), real),
        entry=aligned((threads, gap), real),
    )


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return zeros aligned to a cache line, with a gap before and behind them against false sharing."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + _LINE_BYTES + 2 * _GAP_BYTES, np.uint8)
    first = _GAP_BYTES + -(memory.ctypes.data + _GAP_BYTES) % _LINE_BYTES
    return memory[first : first + size].view(dtype).reshape(shape)


def _padded_rows(rows: int) -> int:
    """Return at least `rows`, 20 more than a multiple of 64, to avoid conflict misses.

    A row of a panel is one or two cache lines. With a power of two of lines between panels, the same row of all panels
    would map to one set of the cache.
    """
    return (rows + 43) // 64 * 64 + 20


def _table_size(num_ids: int) -> int:
    return 1 << max(2, (2 * num_ids - 1).bit_length())

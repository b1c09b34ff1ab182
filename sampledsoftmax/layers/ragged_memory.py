"""The memory of a step over ragged labels, allocated for the largest batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.ragged.structs import RaggedExamples, RaggedMemory
from sampledsoftmax.runtime.workspace import Sizes, aligned, make_scratch, make_thread_buffers, panel_width


def ragged_memory(
    tables: Any, batch_size: int, num_labels: int, num_sampled: int, dim: int, dtype: np.dtype[Any], threads: int
) -> RaggedMemory:
    """Return the memory of steps of at most these sizes."""
    num_classes = tables.weights.shape[0]
    num_groups = round_up(num_sampled, panel_width(dtype)) + min(num_labels, num_classes)
    rows = round_up(batch_size, MR_TAIL)

    def integers(size: int) -> NDArray[np.int64]:
        return aligned((size,), np.dtype(np.int64))

    def reals(size: int) -> NDArray[Any]:
        return aligned((size,), dtype)

    examples = RaggedExamples(
        starts=integers(batch_size + 1),
        example_of=integers(num_labels),
        place=integers(num_classes),
        copies=integers(num_sampled),
        counts=aligned((num_groups,), np.dtype(np.float32)),
        offsets=reals(num_groups),
        norms=reals(num_groups),
        input_norms=reals(batch_size),
        scales=reals(rows),
        losses=aligned((batch_size,), np.dtype(np.float64)),
    )
    sizes = Sizes(batch_size, batch_size, num_labels, num_sampled, dim)
    scratch = make_scratch(sizes, dtype)
    return RaggedMemory(tables, scratch, make_thread_buffers(threads, 1, dim, dtype), examples)

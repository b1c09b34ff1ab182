"""The memory of a step over ragged labels, allocated for the largest batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.integers import round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.ragged.structs import RaggedExamples, RaggedMemory, RaggedTurns
from sampledsoftmax.kernels.structs import IdGroups
from sampledsoftmax.runtime.workspace import Sizes, aligned, make_scratch, make_thread_buffers, panel_width


def ragged_memory(
    tables: Any, batch_size: int, num_labels: int, num_sampled: int, dim: int, dtype: np.dtype[Any], threads: int
) -> RaggedTurns:
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
    memory = RaggedMemory(tables, scratch, make_thread_buffers(threads, 1, dim, dtype), examples)
    return RaggedTurns(memory, prepared_apart(memory))


def prepared_apart(memory: RaggedMemory) -> RaggedMemory:
    """Return the same memory with arrays of its own for the candidates, labels and groups of a batch."""
    scratch, examples = memory.scratch, memory.examples
    of_batch = ("candidates", "group_of_label", "group_of_input", "sizes", "class_groups", "input_groups")
    of_examples = ("starts", "example_of", "copies")
    return memory.replace(
        scratch=scratch.replace(**{name: _another(getattr(scratch, name)) for name in of_batch}),
        examples=examples.replace(**{name: _another(getattr(examples, name)) for name in of_examples}),
    )


def _another(value: Any) -> Any:
    """Return an array of the same shape, or a struct of such arrays."""
    if isinstance(value, IdGroups):
        return IdGroups(*(_another(getattr(value, name)) for name in value.names))
    return aligned(value.shape, value.dtype)

"""The memory of a shard of the text: what its batches need, and how many bytes that is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.kernels.hash_table import num_buckets
from sampledsoftmax.kernels.sync.barrier import SHARED_SIZE
from sampledsoftmax.kernels.text.owned_rows import OwnedRows
from sampledsoftmax.kernels.text.shard import EXAMPLES, ShardBuffers
from sampledsoftmax.kernels.text.windows import POSITIONS_AT_ONCE, Examples, TokenWindow
from sampledsoftmax.runtime.workspace import Sizes, aligned, make_scratch, panel_width


def sizes_of_batch(batch_size: int, window: int, center_is_input: bool, num_sampled: int, dim: int) -> Sizes:
    """Return the sizes of the largest batch of a shard.

    Examples
    --------
    >>> sizes_of_batch(80, window=5, center_is_input=True, num_sampled=64, dim=100)
    Sizes(batch_size=80, num_inputs=80, num_labels=800, num_sampled=64, dim=100)
    """
    neighbors = batch_size * 2 * window
    inputs, labels = (batch_size, neighbors) if center_is_input else (neighbors, batch_size)
    return Sizes(batch_size, inputs, labels, num_sampled, dim)


def new_shard(sizes: Sizes, positions: int, threads: int, real: np.dtype[Any]) -> ShardBuffers:
    """Return the memory of a shard for token windows of that many positions, and at most that many threads in all."""
    width = panel_width(real)
    depth = ceil_div(sizes.dim, width)
    classes = round_up(sizes.num_sampled, width) + sizes.num_labels
    class_rows = aligned((classes, depth, width), real)
    input_rows = aligned((sizes.num_inputs, depth, width), real)
    starts = sizes.batch_size + 1
    return ShardBuffers(
        scratch=make_scratch(sizes, real, sizes.num_labels),
        tokens=TokenWindow(
            *(_integers(positions) for _ in range(3)),
            _integers(4),
            aligned((2 * POSITIONS_AT_ONCE,), np.dtype(np.uint64)),
        ),
        examples=Examples(
            _integers(sizes.num_inputs),
            _integers(starts),
            _integers(sizes.num_inputs),
            _integers(sizes.num_labels),
            _integers(starts),
            _integers(sizes.num_labels),
            np.arange(sizes.batch_size),
            *(_integers(sizes.batch_size) for _ in range(3)),
            *(_integers(num_buckets(sizes.batch_size)) for _ in range(2)),
        ),
        means=aligned((sizes.batch_size, sizes.dim), real),
        class_rows=class_rows,
        flat_class_rows=class_rows.reshape(classes, depth * width),
        class_entries=aligned((classes, 1), real),
        class_counts=aligned((classes,), np.dtype(np.float32)),
        class_log_q=aligned((classes,), real),
        input_rows=input_rows,
        flat_input_rows=input_rows.reshape(sizes.num_inputs, depth * width),
        owned_classes=_no_rows(threads, classes),
        owned_inputs=_no_rows(threads, sizes.num_inputs),
        totals=aligned((EXAMPLES + 1,), np.dtype(np.float64)),
        counters=_integers(SHARED_SIZE),
    )


def _no_rows(threads: int, gradients: int) -> OwnedRows:
    head = _integers(threads)
    head[:] = -1
    return OwnedRows(head, _integers(gradients))


def num_bytes(arrays: ArrayStruct) -> int:
    """Return the memory of the arrays of a struct; arrays that share it are counted once.

    Examples
    --------
    >>> sizes = sizes_of_batch(80, window=5, center_is_input=True, num_sampled=64, dim=100)
    >>> 1_000_000 < num_bytes(new_shard(sizes, 8202, 4, np.dtype(np.float32))) < 2_000_000
    True
    """
    return sum(_memories(arrays).values())


def _memories(arrays: ArrayStruct) -> dict[int, int]:
    """Return the sizes of the blocks of memory of a struct, by address."""
    sizes: dict[int, int] = {}
    for name in arrays.names:
        field = getattr(arrays, name)
        if isinstance(field, ArrayStruct):
            sizes |= _memories(field)
        else:
            sizes[field.ctypes.data] = field.nbytes
    return sizes


def _integers(size: int) -> NDArray[np.int64]:
    return aligned((size,), np.dtype(np.int64))

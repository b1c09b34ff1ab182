"""Logits of all classes, one block of classes at a time, in chunks that fit in L2.

The unit of scheduling is a group of examples times a chunk of the classes of a block. Results do not depend on which
thread computes it: the terms of a logit are added in a fixed order, and the results of a chunk are stored per example
and chunk.
"""

import math
from typing import Any, NamedTuple

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.gemm import gemm_nn
from sampledsoftmax.kernels.linalg.packing import pack_rows
from sampledsoftmax.kernels.linalg.reductions import lane_max


class Block(NamedTuple):
    """Consecutive classes: rows of the tables, and the id of the first one.

    Attributes
    ----------
    weights, biases : float [classes, dim] and [classes]
    first : int
        Id of the first class.
    """

    weights: Any
    biases: Any
    first: int


class Panels(NamedTuple):
    """Packed operands that all threads read; panels as in linalg/packing.py.

    Attributes
    ----------
    inputs : float [groups, dim panels, group_rows, width]
        Groups of examples, padded with zeros.
    packed_weights_t : float [class panels, dim, width]
        Weights of a block, transposed.
    offsets : float [class panels, width]
        Biases of a block; -inf beyond the last class.
    batch_size, chunk_panels : int
        Number of examples; panels of classes per chunk.
    """

    inputs: Any
    packed_weights_t: Any
    offsets: Any
    batch_size: int
    chunk_panels: int


class ThreadBuffers(NamedTuple):
    """Working memory of the threads, indexed by thread id.

    Attributes
    ----------
    logits, flat_logits : float [threads, chunk_panels, group_rows, width] and [.., .., group_rows * width]
        Two views of one memory.
    row_max, row_sums : float [threads, group_rows * width]
    """

    logits: Any
    flat_logits: Any
    row_max: Any
    row_sums: Any


@jit
def pack_inputs(inputs, row_ids, panels):
    """Pack inputs [batch_size, dim] into groups of panels; `row_ids` are 0, 1, 2, ..."""
    for group in range(panels.shape[0]):
        pack_rows(inputs, row_ids[group * panels.shape[2] :], 0, panels.shape[2], panels[group])


@jit
def pack_block(thread_id, num_threads, block, panels):
    """Pack this thread's panels of a block."""
    weights, packed_weights_t = block.weights, panels.packed_weights_t
    num_classes, width = weights.shape[0], packed_weights_t.shape[2]
    for panel in range(thread_id, ceil_div(num_classes, width), num_threads):
        for s in range(min(width, num_classes - panel * width)):
            row, column = weights[panel * width + s], packed_weights_t[panel, :, s]
            for d in range(row.size):
                column[d] = row[d]
        pack_offsets(block.biases, panel, panels.offsets)


@jit
def pack_offsets(biases, panel, offsets):
    """Write the biases of a panel, -inf beyond the last class."""
    width = offsets.shape[1]
    rest = biases[panel * width :]
    for c in range(width):
        offsets[panel, c] = rest[c] if c < rest.size else -math.inf


@jit
def num_chunks_of(block, panels):
    """Return the number of chunks of a block."""
    return ceil_div(ceil_div(block.weights.shape[0], panels.offsets.shape[1]), panels.chunk_panels)


@jit
def rows_of(group, panels):
    """Return (first example of a group, number of its examples, the number rounded up to a multiple of MR_TAIL)."""
    size = panels.inputs.shape[2]
    rows = min(size, panels.batch_size - group * size)
    return group * size, rows, round_up(rows, MR_TAIL)


@jit
def write_logits(group, chunk, block, panels, out, flat_out):
    """Write the logits of a group of examples to out [chunk_panels, group_rows, width]; return the number of panels.

    Beyond the last class they are -inf, whatever the inputs are. `flat_out` is `out` as [chunk_panels, -1].
    """
    packed_weights_t, inputs = panels.packed_weights_t, panels.inputs[group]
    _, _, padded = rows_of(group, panels)
    num_classes, width = block.weights.shape[0], out.shape[2]
    first = chunk * panels.chunk_panels
    last = min(first + panels.chunk_panels, ceil_div(num_classes, width))
    weights, offsets = packed_weights_t[first:last], panels.offsets[first:last]
    for q in range(last - first):
        _repeat(offsets[q], flat_out[q], padded * width)
        gemm_nn(inputs, 0, padded, weights, q, inputs.shape[0], out, True)
    for b in range(padded):
        for c in range(num_classes - (last - 1) * width, width):
            out[last - first - 1, b, c] = -math.inf
    return last - first


@jit
def _repeat(entries, out, size):
    """Fill out[:size] with repeats of `entries`, by doubling: the copies become long enough to vectorize."""
    for i in range(entries.size):
        out[i] = entries[i]
    filled = entries.size
    while filled < size:
        more = min(filled, size - filled)
        target = out[filled : filled + more]
        for i in range(more):
            target[i] = out[i]
        filled += more


@jit
def write_row_max(logits, num_panels, size, width, row_max):
    """Write the maximum of each row of logits [num_panels, rows * width] to all lanes of the row."""
    lane_max(logits, 0, size, num_panels, row_max)
    for first in range(0, size, width):
        lanes = row_max[first : first + width]
        largest = lanes[0]
        for c in range(1, width):
            largest = max(largest, lanes[c])
        for c in range(width):
            lanes[c] = largest

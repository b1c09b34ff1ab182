"""The logits of all classes, a block of classes at a time, in pieces that stay in the second cache.

A task is a group of examples by a share of the pieces of a block. Which thread takes it changes no bit: a logit is
one sum in the order of its terms, and what is made of the logits of a piece is kept by example and piece.
"""

import math
from typing import Any, NamedTuple

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.linalg.gemm import gemm_nn
from sampledsoftmax.kernels.linalg.packing import pack_rows
from sampledsoftmax.kernels.linalg.row_max import lane_max


class Block(NamedTuple):
    """Consecutive classes: rows of the tables, and which classes they are.

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
    """What all threads read; panels as in panels.py.

    Attributes
    ----------
    inputs : float [groups, dim panels, group_rows, width]
        Groups of examples, zeros behind the last one.
    packed_weights_t : float [class panels, dim, width]
        Weights of a block, transposed.
    offsets : float [class panels, width]
        Biases of a block; -inf behind the last class.
    batch_size, piece_panels : int
        Examples, and panels of classes a piece.
    """

    inputs: Any
    packed_weights_t: Any
    offsets: Any
    batch_size: int
    piece_panels: int


class ThreadBuffers(NamedTuple):
    """Memory of each thread, by its number.

    Attributes
    ----------
    logits, flat_logits : float [threads, piece_panels, group_rows, width] and [.., .., group_rows * width]
        Two views of one memory.
    maxima, sums : float [threads, group_rows * width]
    """

    logits: Any
    flat_logits: Any
    maxima: Any
    sums: Any


@jit
def pack_inputs(inputs, places, panels):
    """Write inputs [batch_size, dim] to groups of panels; `places` are 0, 1, 2, ..."""
    for group in range(panels.shape[0]):
        pack_rows(inputs, places[group * panels.shape[2] :], 0, panels.shape[2], panels[group])


@jit
def pack_block(thread_id, num_threads, block, panels):
    """Write this thread's share of the panels of a block."""
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
    """Write the biases of a panel, -inf behind the last class."""
    width = offsets.shape[1]
    piece = biases[panel * width :]
    for c in range(width):
        offsets[panel, c] = piece[c] if c < piece.size else -math.inf


@jit
def num_pieces_of(block, panels):
    """Return in how many pieces the logits of a block are made."""
    return ceil_div(ceil_div(block.weights.shape[0], panels.offsets.shape[1]), panels.piece_panels)


@jit
def rows_of(group, panels):
    """Return (first example of a group, its examples, examples that are computed: a multiple of 4)."""
    size = panels.inputs.shape[2]
    rows = min(size, panels.batch_size - group * size)
    return group * size, rows, round_up(rows, MR_TAIL)


@jit
def write_logits(group, piece, block, panels, out, flat_out):
    """Write the logits of a group of examples to out [piece_panels, group_rows, width]; return how many panels.

    Behind the last class they are -inf, whatever the inputs. `flat_out` is `out` with rows in one dimension.
    """
    packed_weights_t, inputs = panels.packed_weights_t, panels.inputs[group]
    _, _, padded = rows_of(group, panels)
    num_classes, width = block.weights.shape[0], out.shape[2]
    first = piece * panels.piece_panels
    last = min(first + panels.piece_panels, ceil_div(num_classes, width))
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
    """Write `entries` over and over to out[:size]: what is there is doubled, in copies long enough for vector code."""
    for i in range(entries.size):
        out[i] = entries[i]
    filled = entries.size
    while filled < size:
        more = min(filled, size - filled)
        there = out[filled : filled + more]
        for i in range(more):
            there[i] = out[i]
        filled += more


@jit
def write_maxima(logits, num_panels, size, width, maxima):
    """Write the largest entry of each row of logits [num_panels, rows * width] to all its lanes."""
    lane_max(logits, 0, size, num_panels, maxima)
    for first in range(0, size, width):
        buffers = maxima[first : first + width]
        largest = buffers[0]
        for c in range(1, width):
            largest = max(largest, buffers[c])
        for c in range(width):
            buffers[c] = largest

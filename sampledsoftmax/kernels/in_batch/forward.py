"""A part of the in-batch softmax: logits, losses and their gradients, block by block, then gradients of the columns.

The matrix of logits is never whole in memory: a part has the logits of some queries and of all columns. A row of the
gradients of the queries is summed by one thread. The gradients of the columns are summed over the parts in their order.
"""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.in_batch.largest import keep_largest
from sampledsoftmax.kernels.in_batch.loss import loss_of_sum
from sampledsoftmax.kernels.linalg.gemm import KC, gemm_nn, gemm_nn_block, gemm_tn
from sampledsoftmax.kernels.linalg.microkernels import add_biases_subtract_log_q
from sampledsoftmax.kernels.linalg.packing import fill_panels, unpack_row, width_of
from sampledsoftmax.kernels.linalg.reductions import lane_max, sum_of_lanes
from sampledsoftmax.kernels.loss.retrieval import maximum_of_rows
from sampledsoftmax.kernels.loss.softmax import exponentials, in_all_lanes, zero_scales
from sampledsoftmax.kernels.sync.barrier import CLASS_CHUNKS, EXAMPLE_CHUNKS, barrier, next_chunk


@jit
def run_part(thread_id, num_threads, shared, part, operands, options, memory):
    """Write losses and gradients of a part of the queries, and add its gradients of the columns."""
    block = next_chunk(shared, EXAMPLE_CHUNKS)
    while block * options.block_rows < part.rows:
        top = block * options.block_rows
        _run_block(top, min(options.block_rows, part.rows - top), part, operands, options, memory, thread_id)
        block = next_chunk(shared, EXAMPLE_CHUNKS)
    if options.gradients:
        if not barrier(shared, num_threads):
            return
        panel = next_chunk(shared, CLASS_CHUNKS)
        while panel < memory.column_grad.shape[0]:
            rows = round_up(part.rows, MR_TAIL)
            sums, queries = memory.column_grad[panel], operands.queries[part.number]
            gemm_tn(memory.logits, panel, panel + 1, rows, queries, sums, part.number > 0)
            panel = next_chunk(shared, CLASS_CHUNKS)
    barrier(shared, num_threads)


@jit
def _run_block(top, rows, part, operands, options, memory, thread_id):
    row_max, row_sums = memory.row_max[thread_id], memory.row_sums[thread_id]
    width, padded = width_of(row_max), round_up(rows, MR_TAIL)
    num_panels = memory.logits.shape[0]
    _write_logits(top, rows, padded, part, operands, memory)
    for b in range(top, top + rows):
        _leave_out(b, part.first + b, operands, memory)
        if options.num_hard < options.num_columns:
            keep_largest(memory.logits, b, part.first + b, options.num_columns, memory.largest[thread_id])
    lane_max(memory.flat_logits, top * width, padded * width, num_panels, row_max)
    maximum_of_rows(padded, row_max)
    exponentials(memory.flat_logits, top * width, padded * width, num_panels, row_max, row_sums)
    fill_panels(memory.logits, top + rows, padded - rows, 0)
    for b in range(rows):
        _row_loss(top + b, b * width, part.first + top + b, operands, options, memory, row_max, row_sums)
    zero_scales(row_sums, rows, padded)
    if options.gradients:
        _query_gradients(top, rows, padded, part, operands, memory, row_sums)


@jit
def _write_logits(top, rows, padded, part, operands, memory):
    """Write the logits of a block, and those of its positives without log Q."""
    queries, logits, positives = operands.queries[part.number], memory.logits, memory.positives
    width, first = width_of(logits), part.first + top
    for panel in range(logits.shape[0]):
        gemm_nn(queries, top, padded, operands.columns_t, panel, queries.shape[0], logits, False)
        for j in range(max(first, panel * width), min(first + rows, (panel + 1) * width)):
            positives[j] = logits[panel, j - part.first, j - panel * width]
        add_biases_subtract_log_q(logits, panel, top, padded, operands.zero_or_left_out, operands.log_q)


@jit
def _leave_out(b, example, operands, memory):
    """Set the columns that equal that of the positive to -inf, and the positive to its own logit."""
    logits, next_equal = memory.logits, operands.next_equal
    width = width_of(logits)
    j = next_equal[example]
    while j != example:
        logits[j // width, b, j % width] = -math.inf
        j = next_equal[j]
    logits[example // width, b, example % width] = memory.positives[example] - operands.own_log_q[example]


@jit
def _row_loss(b, lane, example, operands, options, memory, row_max, row_sums):
    """Write the loss of an example, and to row_sums what turns its exponentials into gradients of its logits."""
    logits, real = memory.logits, row_sums.dtype.type
    width, total = width_of(logits), sum_of_lanes(row_sums, lane)
    positive = memory.positives[example]
    loss, weight = loss_of_sum(options.objective, example, positive, row_max[lane], total, operands)
    memory.losses[example] = loss
    scale = real(operands.loss_grad[example] * weight / total) if total != 0 else real(0)
    logits[example // width, b, example % width] -= total
    in_all_lanes(row_sums, lane // width, scale)


@jit
def _query_gradients(top, rows, padded, part, operands, memory, scales):
    """Multiply the rows of a block by their scales, and write gradients of the logits . columns.

    A few panels at a time, for all dimensions: the logits of a block exceed L2, and are read once this way.
    """
    logits, flat, columns, sums = memory.logits, memory.flat_logits, operands.columns, memory.query_sums
    width = width_of(logits)
    step = KC // width
    for first in range(0, logits.shape[0], step):
        end = min(first + step, logits.shape[0])
        for p in range(first, end):
            entries = flat[p, top * width : (top + padded) * width]
            for i in range(padded * width):
                entries[i] *= scales[i]
        for q in range(columns.shape[0]):
            gemm_nn_block(logits, top, padded, columns, q, first, end, sums, first > 0)
    for b in range(top, top + rows):
        unpack_row(sums, b, memory.query_grad, part.first + b)

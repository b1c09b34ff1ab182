"""The rows of the candidates of a batch: packed for the products, and their gradients."""

import math

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.kernels.linalg.gemm import gemm_tn
from sampledsoftmax.kernels.linalg.microkernels import sum_rows
from sampledsoftmax.kernels.linalg.packing import pack_rows, transpose_panel, width_of
from sampledsoftmax.kernels.linalg.similarity import scale_classes
from sampledsoftmax.kernels.sync.barrier import static_range


@jit
def pack_candidates(thread_id, num_threads, operands, settings, scratch):
    """Pack the rows of the candidates in this thread's range of panels, with their biases and log Q."""
    packed_candidates, packed_candidates_t = scratch.packed_candidates, scratch.packed_candidates_t
    panel_biases, log_q = scratch.biases, scratch.log_q
    ids, biases, counts = operands.sampled_ids, operands.sampled_biases, scratch.sampled_counts
    width, real = width_of(packed_candidates), log_q.dtype.type
    first, last = static_range(thread_id, num_threads, ceil_div(ids.size, width))
    for panel in range(first, last):
        top = panel * width
        pack_rows(operands.sampled_weights, ids, top, width, packed_candidates)
        scale_classes(settings.similarity, operands.sampled_weights, ids, top, width, packed_candidates)
        transpose_panel(packed_candidates, top, packed_candidates_t, panel)
        for c in range(width):
            s = top + c
            log_q[panel, c] = 0
            panel_biases[panel, c] = -math.inf
            if s < ids.size:
                panel_biases[panel, c] = biases[ids[s]]
                if settings.subtract_log_q:
                    log_q[panel, c] = math.log(real(counts[s]))


@jit
def candidate_gradients(first, last, rows, scratch, candidate_grad):
    """Write the gradients of the rows and biases of the candidates in panels first .. last.

    They are sums over the batch of (gradient of the logit) times (packed input): written to candidate_grad [candidates
    of the panels, dim panels, width] and to scratch.bias_sums. `rows` is the batch size, rounded up to a multiple of
    MR_TAIL.
    """
    gemm_tn(scratch.sampled_grad, first, last, rows, scratch.inputs, candidate_grad, False)
    for panel in range(first, last):
        sum_rows(scratch.sampled_grad, panel, rows, scratch.bias_sums, False)

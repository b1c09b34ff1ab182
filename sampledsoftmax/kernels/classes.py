"""The sampled classes of a batch: their rows as panels, and the gradients of them."""

import math

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.panels import num_panels_of, pack_rows, transpose_panel, width_of
from sampledsoftmax.kernels.products import columns_product
from sampledsoftmax.kernels.team import share_of
from sampledsoftmax.machine.tile import sum_rows


@jit
def pack_classes(part, parts, operands, settings, scratch):
    """Write the rows, biases and log expected counts of the candidates in this thread's share of panels."""
    by_dim, by_class = scratch.by_dim, scratch.by_class
    panel_biases, log_counts = scratch.biases, scratch.log_counts
    ids, biases, counts = operands.sampled_ids, operands.sampled_biases, scratch.sampled_counts
    width, real = width_of(by_dim), log_counts.dtype.type
    first, last = share_of(part, parts, num_panels_of(ids.size, width))
    for panel in range(first, last):
        top = panel * width
        pack_rows(operands.sampled_weights, ids, top, width, by_dim)
        transpose_panel(by_dim, top, by_class, panel)
        for c in range(width):
            s = top + c
            log_counts[panel, c] = 0
            panel_biases[panel, c] = -math.inf
            if s < ids.size:
                panel_biases[panel, c] = biases[ids[s]]
                if settings.subtract_log_q:
                    log_counts[panel, c] = math.log(real(counts[s]))


@jit
def class_gradients(first, last, rows, scratch, class_sums):
    """Write the gradients of the rows and biases of the candidates in panels first .. last.

    They are the sums over the batch of gradient of the logit times input: to class_sums [candidates of the
    panels, dim panels, width] and to scratch.bias_sums. `rows` is the batch size, rounded up to a multiple of 4.
    """
    columns_product(scratch.exponentials, first, last, rows, scratch.inputs, class_sums, False)
    for panel in range(first, last):
        sum_rows(scratch.exponentials, panel, rows, scratch.bias_sums, False)

"""Rows of unit length for passes over all classes, and gradients through them: the other kernels need not know."""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.normalize import inverse_norm, project_row
from sampledsoftmax.kernels.sync.barrier import barrier


@jit
def run_scale_rows(thread_id, num_threads, shared, table, factor, normalize, out):
    """Write every num_threads-th row times `factor` to `out`, with `normalize` divided by its length first."""
    for row in range(thread_id, table.shape[0], num_threads):
        scale = table.dtype.type(factor)
        if normalize:
            scale *= inverse_norm(table, row)
        for d in range(table.shape[1]):
            out[row, d] = table[row, d] * scale
    barrier(shared, num_threads)


@jit
def run_through_scaling(thread_id, num_threads, shared, gradient, table, factor, normalize):
    """Turn every num_threads-th row, the gradient of a scaled row, into that of the row of the table, in place."""
    for row in range(thread_id, table.shape[0], num_threads):
        for d in range(table.shape[1]):
            gradient[row, d] *= table.dtype.type(factor)
        if normalize:
            project_row(gradient, row, table, row, inverse_norm(table, row))
    barrier(shared, num_threads)

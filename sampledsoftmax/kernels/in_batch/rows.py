"""The rows of queries and candidates: scaled and normalized on the way in, projected on the way back."""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.linalg.normalize import inverse_norm, project_row
from sampledsoftmax.kernels.linalg.packing import pack_rows, transpose_panel


@jit
def scale_rows(table, normalize, factor, inverse, out):
    """Write the rows of a table, of unit length with `normalize`, times a factor; and 1 / their lengths."""
    for i in range(table.shape[0]):
        inverse[i] = inverse_norm(table, i) if normalize else 1
        for d in range(table.shape[1]):
            out[i, d] = table[i, d] * inverse[i] * factor


@jit
def gradients_of_rows(gradient, factor, normalize, table, inverse):
    """Turn gradients with respect to scaled rows into those with respect to the rows of the table, in place."""
    for i in range(table.shape[0]):
        for d in range(table.shape[1]):
            gradient[i, d] *= factor
        if normalize:
            project_row(gradient, i, table, i, inverse[i])


@jit
def pack_queries(table, ids, part_rows, panels):
    """Pack rows, `part_rows` of them in each part; `ids` are 0, 1, 2, ..."""
    for part in range(panels.shape[0]):
        rows = ids[part * part_rows : min((part + 1) * part_rows, ids.size)]
        pack_rows(table, rows, 0, panels.shape[2], panels[part])


@jit
def pack_columns(table, ids, panels, panels_t):
    """Pack rows, and transposed; `ids` are 0, 1, 2, ..."""
    pack_rows(table, ids, 0, panels.shape[1], panels)
    for panel in range(panels_t.shape[0]):
        transpose_panel(panels, panel * panels_t.shape[2], panels_t, panel)

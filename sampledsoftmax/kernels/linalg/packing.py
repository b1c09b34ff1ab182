"""Packing: matrices as panels [panels, rows, width], where panel p holds columns p * width and on, zeros at the end.

Matrix products read and write packed operands: what a micro-kernel reads is contiguous.
"""

from numba.extending import overload

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.simd_width import PANEL_BYTES
from sampledsoftmax.kernels.linalg.packed_rows import panels_to_row, row_to_panels
from sampledsoftmax.kernels.linalg.transpose import transpose_square
from sampledsoftmax.kernels.sync.atomics import prefetch_read

_PREFETCH_DISTANCE = 4  # in rows, against the latency of memory


def width_of(panels):
    """Return panels.shape[-1], as a compile-time constant: a loop over it is a few vector instructions."""
    return PANEL_BYTES // panels.itemsize


@overload(width_of)
def _width_of_type(panels):  # pragma: no cover - called by the compiler
    width = PANEL_BYTES // (panels.dtype.bitwidth // 8)

    def constant(panels):
        return width

    return constant


@jit
def pack_rows(table, ids, top, rows, panels):
    """Pack rows table[ids[top:]] into panel rows top .. top + rows; rows beyond the last id are zeros."""
    last = min(top + rows, ids.size)
    for i in range(top, last):
        if i + _PREFETCH_DISTANCE < last:
            prefetch_read(table, ids[i + _PREFETCH_DISTANCE])
        _pack_row(table, ids[i], i, panels)
    fill_panels(panels, max(last, top), top + rows - max(last, top), 0)


@jit
def _pack_row(table, row, i, panels):
    row_to_panels(table, row, panels, i)
    width = width_of(panels)
    full = table.shape[1] // width
    if full < panels.shape[0]:
        remainder = table[row, full * width :]
        for c in range(width):
            panels[full, i, c] = remainder[c] if c < remainder.size else 0


@jit
def unpack_row(panels, i, table, row):
    """Copy row i of the panels to a row of a table."""
    panels_to_row(panels, i, table, row)
    full = table.shape[1] // width_of(panels)
    if full < panels.shape[0]:
        remainder = table[row, full * width_of(panels) :]
        for c in range(remainder.size):
            remainder[c] = panels[full, i, c]


@jit
def clear_row(rows, i):
    """Set row i of packed rows [rows, panels, width] to zeros."""
    for p in range(rows.shape[1]):
        for c in range(width_of(rows)):
            rows[i, p, c] = 0


@jit
def scale_row(panels, i, factor):
    """Multiply row i of the panels by a number."""
    for p in range(panels.shape[0]):
        for c in range(width_of(panels)):
            panels[p, i, c] *= factor


@jit
def transpose_panel(packed, top, packed_t, panel):
    """Copy rows top .. top + width of the panels `packed` to the columns of packed_t[panel]."""
    width = width_of(packed)
    for p in range(packed.shape[0]):
        transpose_square(packed, p, top, packed_t, panel, p * width)


@jit
def fill_panels(panels, top, rows, value):
    """Set rows top .. top + rows of all panels to `value`."""
    width = width_of(panels)
    for p in range(panels.shape[0]):
        for i in range(top, top + rows):
            for c in range(width):
                panels[p, i, c] = value

"""Matrix products whose bits depend on their operands alone, not on threads or on batch sizes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels import matmul as kernels
from sampledsoftmax.kernels.tile import PANEL_BYTES


def matmul(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return a [M, K] @ b [K, N] of one dtype, float32 or float64, in any memory order.

    Not NumPy's product, although its BLAS is as fast on an idle machine: BLAS threads spin for one another,
    and a step took 50 times as long while another process kept a core busy.
    """
    if out is None:
        out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    if a.shape[1] == 0:
        out[:] = 0
        return out
    width = PANEL_BYTES // a.itemsize
    panels = np.empty((-(-b.shape[1] // width), b.shape[0], width), a.dtype)
    if abs(b.strides[0]) < abs(b.strides[1]):
        kernels.pack_columns(b.T, panels)
    else:
        kernels.pack_rows(b, panels)
    kernels.multiply(a, panels, out)
    return out

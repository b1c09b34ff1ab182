"""The products of a step over panels, each a loop over tiles.

Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008: the panel of the right
operand is read from the first cache, a block of rows of the left one stays in the second.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.simd_width import MR, MR_TAIL
from sampledsoftmax.kernels.linalg.microkernels import gemm_nn_mr, gemm_nn_tail, gemm_tn_mr, gemm_tn_tail

# Terms of a sum at a time: 128 rows of a panel of 64 bytes are 8 KB of a first cache. Sums of sums are also more
# exact than one sum: for 512 terms half the error of one chain, and less than that of OpenBLAS.
KC = 128


@jit
def gemm_nn(a, top, rows, b, panel, last, out, add):
    """Write rows top .. top + rows of a . b[panel] to out[panel], or add them; panels 0 .. last of `a` are read.

    `rows` is a multiple of 4. b[panel] is [last * width, width].
    """
    step = KC // a.shape[2]
    for first in range(0, last, step):
        gemm_nn_block(a, top, rows, b, panel, first, min(first + step, last), out, add or first > 0)


@jit
def gemm_nn_block(a, top, rows, b, panel, first, last, out, add):
    """As `gemm_nn`, with panels first .. last of `a` only: at most DEPTH terms, in one pass over the rows."""
    row, left = top, rows
    while left > 0:
        if left % MR == 0:
            gemm_nn_mr(a, row, b, panel, first, last, out, add)
            row += MR
            left -= MR
        else:
            gemm_nn_tail(a, row, b, panel, first, last, out, add)
            row += MR_TAIL
            left -= MR_TAIL


@jit
def gemm_tn(a, first_panel, last_panel, rows, b, out, add):
    """Write the transpose of panels first_panel .. last_panel of `a`, times b, to out [columns, panels, width].

    With `add` it is added to what is there. `rows` is a multiple of 4.
    """
    for first in range(0, max(rows, 1), KC):  # of no rows, the sums are zeros
        end, again = min(first + KC, rows), add or first > 0
        for q in range(b.shape[0]):
            for p in range(first_panel, last_panel):
                column = 0
                while column < a.shape[2]:
                    out_row = (p - first_panel) * a.shape[2] + column
                    if (a.shape[2] - column) % MR == 0:
                        gemm_tn_mr(a, p, column, b, q, first, end, out, out_row, again)
                        column += MR
                    else:
                        gemm_tn_tail(a, p, column, b, q, first, end, out, out_row, again)
                        column += MR_TAIL

"""Matrix products of packed operands, as loops over micro-kernels.

Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008: a panel of the right operand is read
from L1, a block of rows of the left operand stays in L2.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.simd_width import MR, MR_TAIL
from sampledsoftmax.kernels.linalg.microkernels import gemm_nn_mr, gemm_nn_tail, gemm_tn_mr, gemm_tn_tail

# Terms of a sum per pass: 128 rows of a panel of 64 bytes are 8 KB of L1. Partial sums are also more accurate than one
# long sum: for 512 terms, half the error, and less than that of OpenBLAS.
KC = 128


@jit
def gemm_nn(a, top, rows, b, panel, last, out, add):
    """Write rows top .. top + rows of a . b[panel] to out[panel]; with `add`, add them.

    Reads panels 0 .. last of `a`. `rows` is a multiple of 4. b[panel] is [last * width, width].
    """
    step = KC // a.shape[2]
    for first in range(0, last, step):
        gemm_nn_block(a, top, rows, b, panel, first, min(first + step, last), out, add or first > 0)


@jit
def gemm_nn_block(a, top, rows, b, panel, first, last, out, add):
    """As `gemm_nn`, with panels first .. last of `a` only: at most KC terms, in one pass over the rows."""
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
    """Write the product of panels first_panel .. last_panel of `a`, transposed, and b to out [columns, panels, width].

    With `add`, add it. `rows` is a multiple of 4.
    """
    for first in range(0, max(rows, 1), KC):  # without rows, the sums are zeros
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

"""The rate of float32 matrix products of NumPy's BLAS."""

import numpy as np

from benchmarks.timing import best

SIDE = 2048
# Environment that limits BLAS to one thread; read when BLAS is loaded, so it needs its own process.
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM", "BLIS")}


def sgemm_rate(seconds: float) -> float:
    """Return the best rate of products of 2048 x 2048 matrices in flop/s."""
    a, b = np.random.default_rng(0).random((2, SIDE, SIDE), np.float32)
    out = np.empty_like(a)
    return 2.0 * SIDE**3 / best(lambda: np.matmul(a, b, out=out), seconds)

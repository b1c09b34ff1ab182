"""The decorators of kernels: one for each set of floating-point rules."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from sampledsoftmax.jit.kernel import Kernel

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a kernel at its first call from Python, keep the code on disk, release the GIL while it runs.

    Called by another kernel, it becomes part of that kernel's code. Division by zero gives inf or nan as in NumPy, and
    floating-point arithmetic is strict IEEE: sums are added in the order in which they are written.
    """
    return _compile(function, fastmath=False)


def jit_with_memory(function: Function) -> Function:
    """As `jit`, for an entry point that allocates arrays; kernels that other kernels call must not.

    All other kernels are compiled without reference counting: the caller of a kernel owns its arguments until the
    kernel returns. Counting is an atomic addition wherever an array is bound to a name: a third of the code, and
    contention between threads that share arrays.
    """
    return _compile(function, fastmath=False, counts_references=True)


def jit_sum(function: Function) -> Function:
    """As `jit`, but LLVM may reorder the terms of a sum.

    For kernels whose inner loop is one long sum, such as a dot product. In source order each addition waits for the one
    before: about eight times slower than partial sums in SIMD lanes, and less exact. The order is fixed at compile
    time: equal inputs give equal bits.
    """
    return _compile(function, fastmath={"reassoc", "contract"})


def jit_fused(function: Function) -> Function:
    """As `jit`, but a product and a sum may be fused into one multiply-add with a single rounding."""
    return _compile(function, fastmath={"contract"})


def _compile(function: Function, fastmath: Any, counts_references: bool = False) -> Function:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    return Kernel(function, options, counts_references)  # type: ignore[return-value]

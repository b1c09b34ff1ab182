"""The decorators under which every kernel is compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from sampledsoftmax.jit.kernel import Kernel

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a kernel at its first call from Python, keep the code on disk, release the GIL while it runs.

    Where another kernel calls it, it is compiled as a part of that one.
    Division by zero gives inf or nan as in NumPy, and floating point stays IEEE: sums are added in
    the order in which they are written.
    """
    return _compile(function, fastmath=False)


def jit_with_memory(function: Function) -> Function:
    """As `jit`, for a kernel that makes arrays of its own. No kernel that only other kernels call does so.

    All others run without Numba's counters of who holds an array: the caller of a kernel holds its arguments until
    it returns. To count is an atomic addition wherever an array gets a name, a third of the code, and threads that
    share arrays wait for one another at the counters.
    """
    return _compile(function, fastmath=False, counted=True)


def jit_sum(function: Function) -> Function:
    """As `jit`, but the terms of a sum may be added in another order.

    For kernels whose inner loop is one long sum (a dot product, a row total): without it the sum is
    one chain of dependent additions, about eight times slower than vectors of partial sums and less
    exact. The order is fixed when the kernel is compiled, so the same input gives the same bits.
    """
    return _compile(function, fastmath={"reassoc", "contract"})


def jit_fused(function: Function) -> Function:
    """As `jit`, but a product and the sum that takes it may be one multiply-add, rounded once."""
    return _compile(function, fastmath={"contract"})


def _compile(function: Function, fastmath: Any, counted: bool = False) -> Function:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath, "_nrt": counted}
    return Kernel(function, options)  # type: ignore[return-value]

"""The one decorator under which every kernel is compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from sampledsoftmax.machine.vectors import IS_FORCED

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a kernel at its first call, keep the code on disk, release the GIL while it runs.

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


def jit_inner(function: Function) -> Function:
    """As `jit`, for a kernel that only other kernels call.

    The code that takes arguments from Python is left out. For a kernel with bundles of arrays it is longer than
    the kernel, and it would be compiled for each of them.
    """
    return _compile(function, fastmath=False, inner=True)


def jit_part(function: Function) -> Function:
    """As `jit_inner`, for a long kernel with one caller: it is compiled as if it stood there.

    Otherwise all that it calls is optimized and assembled twice, for itself and for the caller.
    """
    return _compile(function, fastmath=False, inner=True, inline="always")


def _compile(
    function: Function, fastmath: Any, inner: bool = False, inline: str = "never", counted: bool = False
) -> Function:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath, "inline": inline}
    options |= {"_nrt": counted, "no_cpython_wrapper": inner, "no_cfunc_wrapper": inner}
    if not IS_FORCED:  # the names of cached code do not tell one vector path from another
        try:
            return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
        except RuntimeError:  # no folder on this machine can hold the cache: compile in each process
            pass
    return numba.njit(**options)(function)  # type: ignore[no-any-return]

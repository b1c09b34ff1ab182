"""The one decorator under which every kernel is compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a kernel at its first call, keep the code on disk, release the GIL while it runs.

    Division by zero gives inf or nan as in NumPy, and floating point stays IEEE: sums are added in
    the order in which they are written.
    """
    return _compile(function, fastmath=False)


def jit_sum(function: Function) -> Function:
    """As `jit`, but the terms of a sum may be added in another order.

    For kernels whose inner loop is one long sum (a dot product, a row total): without it the sum is
    one chain of dependent additions, about eight times slower than vectors of partial sums and less
    exact. The order is fixed when the kernel is compiled, so the same input gives the same bits.
    """
    return _compile(function, fastmath={"reassoc", "contract"})


def _compile(function: Function, fastmath: Any) -> Function:
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder on this machine can hold the cache: compile in each process
        return numba.njit(**options)(function)  # type: ignore[no-any-return]

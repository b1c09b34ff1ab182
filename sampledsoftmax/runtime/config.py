"""Versions, processor, threads and compilation of this process."""

import platform
from importlib.metadata import PackageNotFoundError, version

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np

from sampledsoftmax.jit.numba_internals import limitations
from sampledsoftmax.jit.simd_width import IS_FORCED, PATH, VARIABLE
from sampledsoftmax.runtime.threadpool import get_num_threads


def package_version() -> str | None:
    """Return the version of this package, or None for a checkout that is not installed."""
    try:
        return version("sampledsoftmax")
    except PackageNotFoundError:
        return None


def show_config() -> None:
    """Print versions, processor, threads and how kernels are compiled, for the report of a measurement.

    The vector path is "512", "256" or "128", a number of bits, or "plain" for loops without explicit vectors. It is
    chosen from the processor; the environment variable SAMPLEDSOFTMAX_VECTORS forces another one. Results of two paths
    differ in their last bits.

    Kernels are linked as LLVM IR and kept on disk where the private parts of Numba that this takes are as expected.
    With another version of Numba, a line says what is done instead and why; results are the same.

    Examples
    --------
    >>> show_config()  # doctest: +ELLIPSIS
    sampledsoftmax ...
    Python         ...
    numpy          ...
    numba          ...
    processor      ...
    vectors        ...
    kernels        ...
    threads        ...
    """
    chosen = f"forced by {VARIABLE}" if IS_FORCED else "the widest that this processor has"
    bits = PATH if PATH == "plain" else f"{PATH} bits"
    rows = {
        "sampledsoftmax": package_version() or "a checkout that is not installed",
        "Python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "numba": f"{numba.__version__}, llvmlite {llvmlite.__version__}",
        "processor": llvm.get_host_cpu_name(),
        "vectors": f"{bits} ({chosen})",
        "kernels": "; ".join(limitations()) or "linked as LLVM IR, kept on disk",
        "threads": f"at most {get_num_threads()}",
    }
    for name, value in rows.items():
        print(f"{name:14} {value}")

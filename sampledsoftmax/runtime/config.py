"""What this process computes with."""

import platform
from importlib.metadata import version

import llvmlite.binding as llvm

from sampledsoftmax.jit.simd_width import IS_FORCED, PATH, VARIABLE
from sampledsoftmax.runtime.threadpool import get_num_threads


def show_config() -> None:
    """Print versions, processor, threads and the vector path in use: what a report of a figure needs.

    The path is "512", "256" or "128" for vectors of so many bits, or "plain" for loops without explicit vectors.
    It is chosen from the processor; the environment variable SAMPLEDSOFTMAX_VECTORS forces another one, which is
    then compiled in each process and not kept on disk. Results of two paths differ in their last bits.

    Examples
    --------
    >>> show_config()  # doctest: +ELLIPSIS
    sampledsoftmax ...
    Python         ...
    numpy          ...
    numba          ...
    processor      ...
    vectors        ...
    threads        ...
    """
    chosen = f"forced by {VARIABLE}" if IS_FORCED else "the widest of this processor"
    bits = PATH if PATH == "plain" else f"{PATH} bits"
    rows = {
        "sampledsoftmax": version("sampledsoftmax"),
        "Python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
        "numpy": version("numpy"),
        "numba": f"{version('numba')}, llvmlite {version('llvmlite')}",
        "processor": llvm.get_host_cpu_name(),
        "vectors": f"{bits} ({chosen})",
        "threads": f"at most {get_num_threads()}",
    }
    for name, value in rows.items():
        print(f"{name:14} {value}")

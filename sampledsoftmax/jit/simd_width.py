"""The SIMD width of this process: chosen once, from the processor or from an environment variable."""

import os

import llvmlite.binding as llvm

VARIABLE = "SAMPLEDSOFTMAX_VECTORS"
PATHS = ("plain", "128", "256", "512")


def _best() -> str:
    """Return the path of the widest vectors that the processor multiplies in one instruction.

    The 256-bit path keeps 12 sums, two factors and a broadcast value in 15 registers. NEON has 32 registers of 128
    bits: each vector takes two of them.

    Zen 4 splits 512-bit instructions into halves, and narrow panels have less padding: with 256 bits, word vectors of
    100 columns with 48 candidates train 1.12 times as fast. Steps of 128 columns take the same time within 2% (w1, w1b,
    w2 of docs/performance.md), those of 512 columns 7% more (w3).
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512f", False) and llvm.get_host_cpu_name() != "znver4":
        return "512"
    if features.get("avx2", False) or features.get("neon", False):
        return "256"
    return "128"


def chosen_path() -> str:
    """Return the path of the environment variable, or the best one; ValueError if it names none."""
    forced = os.environ.get(VARIABLE, "")
    if not forced:
        return _best()
    if forced not in PATHS:
        raise ValueError(f"{VARIABLE} must be one of {', '.join(PATHS)}, got {forced[:40]!r}")
    return forced


PATH = chosen_path()
IS_FORCED = _best() != PATH
VECTOR_BYTES = 32 if PATH == "plain" else int(PATH) // 8
# Rows of a micro-kernel; its accumulators are MR rows by two vectors: 12 of 16 registers, or 24 of 32.
MR, MR_TAIL = (12, 4) if PATH == "512" else (6, 4)
PANEL_BYTES = 2 * VECTOR_BYTES

"""The rate of float32 multiply-adds in registers, an upper bound for matrix products.

The loop is written in LLVM IR, since the code that Numba would generate is not predictable.
"""

import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from benchmarks.machine import num_cores
from benchmarks.timing import best

SUMS = 12  # two multiply-adds per cycle with a latency of four need eight independent ones; 12 fit in 16 registers
CALL_SECONDS = 0.02  # long compared to the start of a thread
FACTOR = np.float32(0.5)
FUSED = ("contract",)  # lets LLVM fuse a product and a sum into one instruction

Loop = Callable[[int, np.float32], float]


def fma_rates(seconds: float) -> tuple[float, float]:
    """Return the best rates of one thread and of all threads in flop/s, over the vector widths of the processor."""
    widths, threads = _vector_bytes(), num_cores()
    with ThreadPoolExecutor(threads) as pool:
        one = max(_rate(width, 1, pool, seconds / len(widths)) for width in widths)
        return one, max(_rate(width, threads, pool, seconds / len(widths)) for width in widths)


def one_thread_rate(seconds: float, clock: Callable[[], float]) -> float:
    """Return the best rate of the calling thread by a clock such as `time.thread_time`, in flop/s."""
    best_rate, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for width in _vector_bytes():
            loop, repeats = _loop(width)
            start = clock()
            loop(repeats, FACTOR)
            best_rate = max(best_rate, 2.0 * SUMS * width / 4 * repeats / (clock() - start))
    return best_rate


def _vector_bytes() -> tuple[int, ...]:
    return (16, 32, 64) if llvm.get_host_cpu_features().get("avx512f", False) else (16, 32)


def _rate(vector_bytes: int, threads: int, pool: ThreadPoolExecutor, seconds: float) -> float:
    loop, repeats = _loop(vector_bytes)

    def call() -> None:
        list(pool.map(loop, [repeats] * threads, [FACTOR] * threads))

    flops = 2.0 * SUMS * vector_bytes / 4 * repeats * threads
    return flops / best(call, seconds / 2)


@functools.cache
def _loop(vector_bytes: int) -> tuple[Loop, int]:
    """Return the compiled loop and the number of iterations that take `CALL_SECONDS`."""
    multiply_adds = intrinsic(_typed(vector_bytes))

    def loop(repeats, factor):  # type: ignore[no-untyped-def]  # typed by Numba at its first call
        return multiply_adds(repeats, factor)

    compiled: Loop = numba.njit(nogil=True)(loop)
    trial = 1_000_000
    compiled(trial, FACTOR)
    start = time.perf_counter()
    compiled(trial, FACTOR)
    return compiled, int(trial * CALL_SECONDS / (time.perf_counter() - start))


def _typed(vector_bytes: int) -> Callable[..., Any]:
    """Return multiply_adds(repeats, factor): the sum of SUMS vectors after `repeats` times x = x * factor + factor.

    Every x starts with a different value, and the factor is unknown to the compiler, which would otherwise drop equal
    or constant sums.
    """

    def typed(context, repeats, factor):  # type: ignore[no-untyped-def]
        del context
        return types.float32(repeats, factor), emit

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        del context, signature
        repeats, factor = arguments
        lanes = vector_bytes // 4
        vector = ir.VectorType(factor.type, lanes)
        factor = _in_all_lanes(builder, vector, factor)
        before, loop, after = (builder.block, *(builder.append_basic_block(name) for name in ("loop", "after")))
        builder.branch(loop)
        builder.position_at_end(loop)
        i = builder.phi(repeats.type)
        sums = [builder.phi(vector) for _ in range(SUMS)]
        next_i = builder.add(i, ir.Constant(repeats.type, 1))
        i.add_incoming(ir.Constant(repeats.type, 0), before)
        i.add_incoming(next_i, loop)
        totals = []
        for k, x in enumerate(sums):
            totals.append(builder.fadd(builder.fmul(x, factor, flags=FUSED), factor, flags=FUSED))
            x.add_incoming(ir.Constant(vector, [float(k)] * lanes), before)
            x.add_incoming(totals[k], loop)
        builder.cbranch(builder.icmp_signed("<", next_i, repeats), loop, after)
        builder.position_at_end(after)
        total = functools.reduce(builder.fadd, totals)
        return functools.reduce(builder.fadd, [builder.extract_element(total, lane) for lane in _indices(lanes)])

    return typed


def _in_all_lanes(builder: Any, vector: Any, scalar: Any) -> Any:
    result = ir.Constant(vector, ir.Undefined)
    for lane in _indices(vector.count):
        result = builder.insert_element(result, scalar, lane)
    return result


def _indices(lanes: int) -> list[Any]:
    return [ir.Constant(ir.IntType(32), lane) for lane in range(lanes)]

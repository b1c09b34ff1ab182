"""The processor time of the calling thread, in compiled code.

Time in which the thread does not run is not counted, so that other work on the machine disturbs a measurement little.
A reading is a call of the operating system, of less than a microsecond.
"""

import sys
import time
from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from sampledsoftmax.jit.decorators import jit

# The number of the clock in <time.h>; Windows has another function for it.
_CLOCK = getattr(time, "CLOCK_THREAD_CPUTIME_ID", 0)
IS_AVAILABLE = sys.platform != "win32"


def _typed(context: Any) -> Any:
    del context
    return types.int64(), _emit


def _emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    del context, signature, arguments
    number, word = ir.IntType(64), ir.IntType(32)
    time_type = ir.LiteralStructType([number, number])  # seconds, nanoseconds
    now = cgutils.alloca_once(builder, time_type)
    function_type = ir.FunctionType(word, [word, time_type.as_pointer()])
    function = cgutils.get_or_insert_function(builder.module, function_type, "clock_gettime")
    builder.call(function, [ir.Constant(word, _CLOCK), now])
    seconds, nanoseconds = (builder.load(cgutils.gep_inbounds(builder, now, 0, i)) for i in (0, 1))
    return builder.add(builder.mul(seconds, ir.Constant(number, 10**9)), nanoseconds)


# Nanoseconds of processor time of this thread.
thread_ns: Any = time.thread_time_ns if config.DISABLE_JIT else intrinsic(_typed)  # type: ignore[attr-defined]


@jit
def _read_often(repeats):  # type: ignore[no-untyped-def]  # typed by Numba at its first call
    first = thread_ns()
    last = first
    for _ in range(repeats):
        last = thread_ns()
    return last - first


def reading_ns(repeats: int = 10_000) -> float:
    """Return the nanoseconds that one reading of the clock adds to a phase."""
    return min(int(_read_often(repeats)) for _ in range(5)) / repeats

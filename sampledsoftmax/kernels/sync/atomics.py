"""Atomic counters, thread yield and prefetch, as LLVM instructions.

Without the JIT there is one thread: counters are plain integers, yield and prefetch do nothing.
"""

import sys
from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from sampledsoftmax.jit.numba_internals import array_proxy

# Called as a symbol of the process: with the address of a ctypes function, compiled code could not be kept on disk.
_YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    struct = array_proxy(context, builder, array_type, array)
    return cgutils.get_item_pointer(context, builder, array_type, struct, [index])


def _typed_add(context, counters, index, value):
    del context, index, value

    def emit(context, builder, signature, arguments):
        array, index, value = arguments
        pointer = _pointer(context, builder, signature.args[0], array, index)
        return builder.atomic_rmw("add", pointer, value, "seq_cst")

    return types.int64(counters, types.intp, types.int64), emit


def _typed_load(context, counters, index):
    del context, index

    def emit(context, builder, signature, arguments):
        array, index = arguments
        pointer = _pointer(context, builder, signature.args[0], array, index)
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(counters, types.intp), emit


def _typed_yield(context):
    del context

    def emit(context, builder, signature, arguments):
        del signature, arguments
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), []), _YIELD)
        builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), emit


def _prefetch(to_write: bool) -> Any:
    """Return the kernel (table, row) that prefetches a row of a table [rows, columns]."""

    def typed(context, table, row):
        del context, row
        return types.void(table, types.intp), emit

    def emit(context, builder, signature, arguments):
        table, row = arguments
        array_type = signature.args[0]
        struct = array_proxy(context, builder, array_type, table)
        stride = cgutils.unpack_tuple(builder, struct.strides)[0]
        byte, word = ir.IntType(8), ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte.as_pointer(), word, word, word]),
            "llvm.prefetch.p0",
        )
        address = builder.add(builder.ptrtoint(struct.data, stride.type), builder.mul(row, stride))
        size = context.get_abi_sizeof(context.get_value_type(array_type.dtype))
        row_bytes = builder.mul(cgutils.unpack_tuple(builder, struct.shape)[1], ir.Constant(stride.type, size))
        options = [ir.Constant(word, int(to_write)), ir.Constant(word, 3), ir.Constant(word, 1)]
        with cgutils.for_range_slice(
            builder, ir.Constant(stride.type, 0), row_bytes, ir.Constant(stride.type, _LINE_BYTES)
        ) as (offset, _):
            builder.call(prefetch, [builder.inttoptr(builder.add(address, offset), byte.as_pointer()), *options])
        return context.get_dummy_value()

    return _choose(typed, _plain_prefetch)


_LINE_BYTES = 64


def _plain_add(counters, index, value):
    """Add to a counter and return its previous value."""
    counters[index] += value
    return int(counters[index]) - value


def _plain_load(counters, index):
    """Return the value of a counter."""
    return int(counters[index])


def _plain_yield():
    """Let another thread run on this core."""


def _plain_prefetch(table, row):
    """Prefetch a row of a table [rows, columns]."""


def _choose(typed: Any, plain: Any) -> Any:
    return plain if config.DISABLE_JIT else intrinsic(typed)  # type: ignore[attr-defined]


atomic_add, atomic_load = _choose(_typed_add, _plain_add), _choose(_typed_load, _plain_load)
thread_yield = _choose(_typed_yield, _plain_yield)
# A write prefetch requests the cache line in exclusive state; a read prefetch leaves copies in other cores.
prefetch_read, prefetch_write = _prefetch(to_write=False), _prefetch(to_write=True)

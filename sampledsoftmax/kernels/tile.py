"""The machine room: one small matrix product held in vector registers, written as LLVM instructions.

`tile_6` and `tile_1` compute 6 or 1 rows of a matrix times one panel of another. Numba's own loops reach
a quarter of this speed, since LLVM does not keep a tile of sums in registers by itself. The vectors are of
LLVM's portable kind, lowered to whatever the processor has; with the JIT off, NumPy does the same product.

A panel is [depth, PANEL_BYTES / itemsize]: two vectors wide, rows contiguous. 6 x 2 sums leave registers
for the operands where there are 16 (AVX2), and 12 independent sums hide the latency of the multiply-add.
The width follows the widest vectors of this processor; Numba's cache is kept for each processor anyway.
"""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config
from numba.core import cgutils, types
from numba.extending import intrinsic

VECTOR_BYTES = 64 if llvm.get_host_cpu_features().get("avx512f", False) else 32
VECTORS = 2
PANEL_BYTES = VECTORS * VECTOR_BYTES


def _tile_of(rows: int) -> Any:
    """Return tile(a, row, panels, panel, first, last, out) for `rows` rows.

    out[r] = sum over k in [first, last) of a[row + r, k] * panels[panel, k], added in the order of k; `out`
    is contiguous, and `a` may have any strides.
    """

    def typed(context, a, row, panels, panel, first, last, out):
        del context, row, panel, first, last
        position = types.intp
        return types.void(a, position, panels, position, position, position, out), _emit_tile(rows)

    def plain(a, row, panels, panel, first, last, out):
        out[:rows] = a[row : row + rows, first:last] @ panels[panel, first:last]

    return plain if config.DISABLE_JIT else intrinsic(typed)  # type: ignore[attr-defined]


def _emit_tile(rows: int) -> Any:
    def emit(context, builder, signature, arguments):
        a, row, panels, panel, first, last, out = arguments
        a_at = _Addresses(context, builder, signature.args[0], a)
        panel_at = _Addresses(context, builder, signature.args[2], panels)
        out_at = _Addresses(context, builder, signature.args[6], out)
        lanes = VECTOR_BYTES // a_at.itemsize
        vector = ir.VectorType(a_at.scalar, lanes)
        zero = ir.Constant(vector, None)

        before = builder.block
        loop, after = builder.append_basic_block("depth"), builder.append_basic_block("store")
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(first.type)
        k.add_incoming(first, before)
        sums = [[builder.phi(vector) for _ in range(VECTORS)] for _ in range(rows)]
        operands = [panel_at.load(vector, (panel, k), v * VECTOR_BYTES) for v in range(VECTORS)]
        totals = []
        for r in range(rows):
            factor = _in_all_lanes(builder, vector, a_at.load(a_at.scalar, (a_at.offset(row, r), k)))
            totals.append([_multiply_add(builder, factor, operands[v], sums[r][v]) for v in range(VECTORS)])
            for v in range(VECTORS):
                sums[r][v].add_incoming(zero, before)
                sums[r][v].add_incoming(totals[r][v], loop)
        following = builder.add(k, ir.Constant(k.type, 1))
        k.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, last), loop, after)

        builder.position_at_end(after)
        for r in range(rows):
            for v in range(VECTORS):
                out_at.store(totals[r][v], (ir.Constant(k.type, r),), v * VECTOR_BYTES)
        return context.get_dummy_value()

    return emit


class _Addresses:
    """Loads from and stores to an array by its first indices and an offset in bytes."""

    def __init__(self, context: Any, builder: Any, array_type: Any, array: Any) -> None:
        struct = context.make_array(array_type)(context, builder, value=array)
        self.builder = builder
        self.integer = context.get_value_type(types.intp)
        self.scalar = context.get_value_type(array_type.dtype)
        self.itemsize = context.get_abi_sizeof(self.scalar)
        self.base = builder.ptrtoint(struct.data, self.integer)
        self.strides = cgutils.unpack_tuple(builder, struct.strides)

    def offset(self, index: Any, more: int) -> Any:
        return self.builder.add(index, ir.Constant(self.integer, more))

    def load(self, of_type: Any, indices: Any, more_bytes: int = 0) -> Any:
        return self.builder.load(self._pointer(of_type, indices, more_bytes), align=self.itemsize)

    def store(self, value: Any, indices: Any, more_bytes: int) -> None:
        self.builder.store(value, self._pointer(value.type, indices, more_bytes), align=self.itemsize)

    def _pointer(self, of_type: Any, indices: Any, more_bytes: int) -> Any:
        address = self.offset(self.base, more_bytes)
        for index, stride in zip(indices, self.strides, strict=False):
            address = self.builder.add(address, self.builder.mul(index, stride))
        return self.builder.inttoptr(address, of_type.as_pointer())


def _in_all_lanes(builder: Any, vector: Any, scalar: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    index = ir.IntType(32)
    first = builder.insert_element(undefined, scalar, ir.Constant(index, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(index, vector.count), None))


def _multiply_add(builder: Any, x: Any, y: Any, total: Any) -> Any:
    """Return total + x * y; `contract` lets LLVM fuse the two where the processor can."""
    return builder.fadd(total, builder.fmul(x, y, flags=("contract",)), flags=("contract",))


tile_6 = _tile_of(6)
tile_1 = _tile_of(1)

"""Small matrix products held in vector registers, written as LLVM instructions.

Operands are panels: [number of panels, rows, width], where panel p holds columns p * width and on of a
matrix, two vectors wide, zeros behind its last column. A tile is a few rows by one panel. LLVM does not keep
such a tile of sums in registers by itself: Numba's own loops reach a quarter of this speed. The vectors are of
LLVM's portable kind, lowered to whatever the processor has; with the JIT off, NumPy does the same product.

Every sum is added in the order of k, one term at a time, so an entry has the same bits in any tile.
"""

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.numba_internals import array_proxy
from sampledsoftmax.jit.simd_width import MR, MR_TAIL, PATH, VECTOR_BYTES

VECTORS = 2
_UNROLLED = 4  # rows of every operand are padded to a multiple of this

__all__ = [
    "Array",
    "Tile",
    "add_biases_subtract_log_q",
    "choose",
    "gemm_nn_mr",
    "gemm_nn_tail",
    "gemm_tn_mr",
    "gemm_tn_tail",
    "sum_rows",
]


def _rows_tile(rows: int) -> Any:
    """Return tile(a, row, b, panel, first, last, out, add) for `rows` rows of a product a . b.

    out[panel, row + r] is the sum over p in [first, last), c of a[p, row + r, c] * b[panel, p * width + c]; with
    `add`, plus what was there.
    """

    def typed(context, a, row, b, panel, first, last, out, add):
        del context, row, panel, first, last, add
        n = types.intp
        return types.void(a, n, b, n, n, n, out, types.boolean), _emit_rows(rows)

    def plain(a, row, b, panel, first, last, out, add):
        width = out.shape[2]
        if not add:
            for r in range(rows):
                for v in range(width):
                    out[panel, row + r, v] = 0
        for p in range(first, last):
            for c in range(width):
                for r in range(rows):
                    for v in range(width):
                        out[panel, row + r, v] += a[p, row + r, c] * b[panel, p * width + c, v]

    def in_numpy(a, row, b, panel, first, last, out, add):
        width = out.shape[2]
        left = a[first:last, row : row + rows].transpose(1, 0, 2).reshape(rows, -1)
        before = out[panel, row : row + rows] if add else 0
        out[panel, row : row + rows] = before + left @ b[panel, first * width : last * width]

    return choose(typed, plain, in_numpy)


def _columns_tile(columns: int) -> Any:
    """Return tile(a, panel, column, b, b_panel, first, last, out, out_row, add) for `columns` rows of a^T . b.

    out[out_row + r, b_panel] is the sum over k in [first, last) of a[panel, k, column + r] * b[b_panel, k]; with
    `add`, plus what was there. `out` is [rows, panels, width].
    """

    def typed(context, a, panel, column, b, b_panel, first, last, out, out_row, add):
        del context, panel, column, b_panel, first, last, out_row, add
        n = types.intp
        return types.void(a, n, n, b, n, n, n, out, n, types.boolean), _emit_columns(columns)

    def plain(a, panel, column, b, b_panel, first, last, out, out_row, add):
        if not add:
            for r in range(columns):
                for v in range(out.shape[2]):
                    out[out_row + r, b_panel, v] = 0
        for k in range(first, last):
            for r in range(columns):
                for v in range(out.shape[2]):
                    out[out_row + r, b_panel, v] += a[panel, k, column + r] * b[b_panel, k, v]

    def in_numpy(a, panel, column, b, b_panel, first, last, out, out_row, add):
        left = a[panel, first:last, column : column + columns].T
        before = out[out_row : out_row + columns, b_panel] if add else 0
        out[out_row : out_row + columns, b_panel] = before + left @ b[b_panel, first:last]

    return choose(typed, plain, in_numpy)


def choose(typed: Any, plain: Any, in_numpy: Any) -> Any:
    """Return what the vector path and the JIT ask for: instructions, compiled loops, or NumPy."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return in_numpy
    if PATH == "plain":
        return jit(plain)
    return intrinsic(typed)


def _emit_rows(rows: int) -> Any:
    def emit(context, builder, signature, arguments):
        a, row, b, panel, first, last, out, add = arguments
        a_at = Array(context, builder, signature.args[0], a)
        b_at = Array(context, builder, signature.args[2], b)
        out_at = Array(context, builder, signature.args[6], out)
        width = a_at.constant(VECTORS * a_at.lanes)
        tile = Tile(builder, a_at, rows)

        def body(p):
            a_row = a_at.address(p, row)
            b_row = b_at.address(panel, builder.mul(p, width))

            def steps(k):
                for step in range(_UNROLLED):
                    kk = builder.add(k, a_at.constant(step))
                    tile.multiply_add(a_row, kk, a_at.row_bytes, a_at.itemsize, b_row, b_at.row_bytes)

            tile.loop(a_at.constant(0), width, _UNROLLED, steps)

        tile.loop(first, last, 1, body)
        tile.write(out_at.address(panel, row), out_at.row_bytes, add)
        return context.get_dummy_value()

    return emit


def _emit_columns(columns: int) -> Any:
    def emit(context, builder, signature, arguments):
        a, panel, column, b, b_panel, first, last, out, out_row, add = arguments
        a_at = Array(context, builder, signature.args[0], a)
        b_at = Array(context, builder, signature.args[3], b)
        out_at = Array(context, builder, signature.args[7], out)
        tile = Tile(builder, a_at, columns)
        zero = a_at.constant(0)
        a_column = builder.add(a_at.address(panel, zero), builder.mul(column, a_at.constant(a_at.itemsize)))
        b_row = b_at.address(b_panel, zero)

        def steps(k):
            for step in range(_UNROLLED):
                kk = builder.add(k, a_at.constant(step))
                tile.multiply_add(a_column, kk, a_at.itemsize, a_at.row_bytes, b_row, b_at.row_bytes)

        tile.loop(first, last, _UNROLLED, steps)
        tile.write(out_at.address(out_row, b_panel), out_at.strides[0], add)
        return context.get_dummy_value()

    return emit


class Array:
    """Addresses in an array of three dimensions whose last two are contiguous, or of two."""

    def __init__(self, context: Any, builder: Any, array_type: Any, array: Any) -> None:
        struct = array_proxy(context, builder, array_type, array)
        self.builder = builder
        self.integer = context.get_value_type(types.intp)
        self.scalar = context.get_value_type(array_type.dtype)
        self.itemsize = context.get_abi_sizeof(self.scalar)
        self.lanes = VECTOR_BYTES // self.itemsize
        self.row_bytes = VECTORS * VECTOR_BYTES
        self.base = builder.ptrtoint(struct.data, self.integer)
        self.strides = cgutils.unpack_tuple(builder, struct.strides)
        self.shape = cgutils.unpack_tuple(builder, struct.shape)
        self.is_contiguous = array_type.layout == "C"

    def constant(self, value: int) -> Any:
        """Return an integer of the size of an address."""
        return ir.Constant(self.integer, value)

    def address(self, first: Any, second: Any) -> Any:
        """Return where [first, second, 0] is."""
        b = self.builder
        return b.add(b.add(self.base, b.mul(first, self.strides[0])), b.mul(second, self.constant(self.row_bytes)))

    def address_2d(self, first: Any) -> Any:
        """Return where [first, 0] is."""
        return self.builder.add(self.base, self.builder.mul(first, self.strides[0]))


class Tile:
    """Sums of `rows` by two vectors; LLVM promotes the slots that hold them to registers."""

    def __init__(self, builder: Any, array: Any, rows: int) -> None:
        self.builder, self.array, self.rows = builder, array, rows
        self.vector = ir.VectorType(array.scalar, array.lanes)
        zero = ir.Constant(self.vector, None)
        self.sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(VECTORS)] for _ in range(rows)]
        for row in self.sums:
            for slot in row:
                builder.store(zero, slot)

    def loop(self, first: Any, last: Any, step: int, body: Any) -> None:
        """Run body(k) for k = first, first + step, ... below last."""
        builder = self.builder
        before = builder.block
        head = builder.append_basic_block("head")
        inside = builder.append_basic_block("inside")
        after = builder.append_basic_block("after")
        builder.branch(head)
        builder.position_at_end(head)
        k = builder.phi(first.type)
        k.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", k, last), inside, after)
        builder.position_at_end(inside)
        body(k)
        k.add_incoming(builder.add(k, self.array.constant(step)), builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    def multiply_add(self, a: Any, k: Any, a_step: int, a_k_step: int, b: Any, b_k_step: int) -> None:
        """Add a[r] * b for one k, where a[r] is at a + r * a_step + k * a_k_step."""
        builder, constant = self.builder, self.array.constant
        b_at = builder.add(b, builder.mul(k, constant(b_k_step)))
        a_at = builder.add(a, builder.mul(k, constant(a_k_step)))
        operands = [self.load(self.vector, b_at, v * VECTOR_BYTES) for v in range(VECTORS)]
        for r in range(self.rows):
            factor = self.in_all_lanes(self.load(self.array.scalar, a_at, r * a_step))
            for slot, operand in zip(self.sums[r], operands, strict=True):
                product = builder.fmul(factor, operand, flags=("contract",))
                builder.store(builder.fadd(builder.load(slot), product, flags=("contract",)), slot)

    def write(self, out: Any, row_bytes: Any, add: Any) -> None:
        """Write the sums to memory, a row every `row_bytes`, or add them to what is there."""
        step = row_bytes if not isinstance(row_bytes, int) else self.array.constant(row_bytes)
        with self.builder.if_else(add) as (then, otherwise):
            with then:
                self._write(out, step, add=True)
            with otherwise:
                self._write(out, step, add=False)

    def _write(self, out: Any, step: Any, add: bool) -> None:
        builder = self.builder
        for row in self.sums:
            for v, slot in enumerate(row):
                total = builder.load(slot)
                if add:
                    total = builder.fadd(self.load(self.vector, out, v * VECTOR_BYTES), total)
                self.store(total, out, v * VECTOR_BYTES)
            out = builder.add(out, step)

    def load(self, of_type: Any, address: Any, more_bytes: int) -> Any:
        """Return what is at an address."""
        return self.builder.load(self.pointer(of_type, address, more_bytes), align=self.array.itemsize)

    def store(self, value: Any, address: Any, more_bytes: int) -> None:
        """Write a vector to an address."""
        self.builder.store(value, self.pointer(self.vector, address, more_bytes), align=self.array.itemsize)

    def pointer(self, of_type: Any, address: Any, more_bytes: int) -> Any:
        """Return a pointer `more_bytes` behind an address."""
        moved = self.builder.add(address, self.array.constant(more_bytes))
        return self.builder.inttoptr(moved, of_type.as_pointer())

    def in_all_lanes(self, scalar: Any) -> Any:
        """Return a vector of one number."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        index = ir.IntType(32)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(index, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(index, self.array.lanes), None))


def _typed_sum_rows(context, a, panel, rows, out, add):
    del context, panel, rows, add
    n = types.intp
    return types.void(a, n, n, out, types.boolean), _emit_sum_rows


def _emit_sum_rows(context, builder, signature, arguments):
    a, panel, rows, out, add = arguments
    a_at = Array(context, builder, signature.args[0], a)
    out_at = Array(context, builder, signature.args[3], out)
    tile = Tile(builder, a_at, _UNROLLED)  # as many sums, so that an addition does not wait for the one before
    base = a_at.address(panel, a_at.constant(0))

    def steps(k):
        at = builder.add(base, builder.mul(k, a_at.constant(a_at.row_bytes)))
        for r, row in enumerate(tile.sums):
            for v, slot in enumerate(row):
                value = tile.load(tile.vector, at, r * a_at.row_bytes + v * VECTOR_BYTES)
                builder.store(builder.fadd(builder.load(slot), value), slot)

    tile.loop(a_at.constant(0), rows, _UNROLLED, steps)
    for v in range(VECTORS):
        first, second, third, fourth = (builder.load(row[v]) for row in tile.sums)
        total = builder.fadd(builder.fadd(first, second), builder.fadd(third, fourth))
        with_before = builder.fadd(tile.load(tile.vector, out_at.address_2d(panel), v * VECTOR_BYTES), total)
        tile.store(builder.select(add, with_before, total), out_at.address_2d(panel), v * VECTOR_BYTES)
    return context.get_dummy_value()


def _plain_sum_rows(a, panel, rows, out, add):
    """Write the sum of the first `rows` rows of a[panel] to out[panel], or add it; `rows` is a multiple of 4."""
    for c in range(a.shape[2]):
        out[panel, c] = out[panel, c] if add else 0
    for k in range(rows):
        for c in range(a.shape[2]):
            out[panel, c] += a[panel, k, c]


def _typed_shift(context, panels, panel, top, rows, plus, minus):
    del context, panel, top, rows
    n = types.intp
    return types.void(panels, n, n, n, plus, minus), _emit_shift


def _emit_shift(context, builder, signature, arguments):
    panels, panel, top, rows, plus, minus = arguments
    panels_at = Array(context, builder, signature.args[0], panels)
    rows_of = [
        Array(context, builder, kind, array) for kind, array in zip(signature.args[4:], (plus, minus), strict=True)
    ]
    tile = Tile(builder, panels_at, 0)
    constants = [
        [tile.load(tile.vector, array.address_2d(panel), v * VECTOR_BYTES) for v in range(VECTORS)] for array in rows_of
    ]
    base = panels_at.address(panel, top)

    def body(row):
        at = builder.add(base, builder.mul(row, panels_at.constant(panels_at.row_bytes)))
        for v in range(VECTORS):
            value = builder.fadd(tile.load(tile.vector, at, v * VECTOR_BYTES), constants[0][v])
            tile.store(builder.fsub(value, constants[1][v]), at, v * VECTOR_BYTES)

    tile.loop(panels_at.constant(0), rows, 1, body)
    return context.get_dummy_value()


def _plain_shift(panels, panel, top, rows, plus, minus):
    """Add plus[panel] to rows top .. top + rows of panels[panel], and then take minus[panel] from them."""
    for b in range(top, top + rows):
        for c in range(panels.shape[2]):
            panels[panel, b, c] = panels[panel, b, c] + plus[panel, c] - minus[panel, c]


add_biases_subtract_log_q = choose(_typed_shift, _plain_shift, _plain_shift)
gemm_nn_mr, gemm_nn_tail = _rows_tile(MR), _rows_tile(MR_TAIL)
gemm_tn_mr, gemm_tn_tail = _columns_tile(MR), _columns_tile(MR_TAIL)
sum_rows = choose(_typed_sum_rows, _plain_sum_rows, _plain_sum_rows)

"""Emitting LLVM IR for kernels on panels: addresses in arrays, tiles of vector registers, and the choice of path.

The vectors are those of LLVM IR, which are lowered to what the processor has. LLVM keeps a tile of sums in registers
only where it is written like this: loops compiled by Numba reach a quarter of the speed.
"""

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.numba_internals import array_proxy
from sampledsoftmax.jit.simd_width import PATH, VECTOR_BYTES

NR_VECTORS = 2  # the width of a panel, in vectors


class Array:
    """Addresses in panels [num_panels, rows, width], whose rows are contiguous, or in an array [rows, columns]."""

    def __init__(self, context: Any, builder: Any, array_type: Any, array: Any) -> None:
        struct = array_proxy(context, builder, array_type, array)
        self.builder = builder
        self.integer = context.get_value_type(types.intp)
        self.scalar = context.get_value_type(array_type.dtype)
        self.itemsize = context.get_abi_sizeof(self.scalar)
        self.lanes = VECTOR_BYTES // self.itemsize
        self.row_bytes = NR_VECTORS * VECTOR_BYTES
        self.base = builder.ptrtoint(struct.data, self.integer)
        self.strides = cgutils.unpack_tuple(builder, struct.strides)
        self.shape = cgutils.unpack_tuple(builder, struct.shape)
        self.is_contiguous = array_type.layout == "C"

    def constant(self, value: int) -> Any:
        """Return an integer constant of the size of an address."""
        return ir.Constant(self.integer, value)

    def address(self, first: Any, second: Any) -> Any:
        """Return the address of [first, second, 0]."""
        b = self.builder
        return b.add(b.add(self.base, b.mul(first, self.strides[0])), b.mul(second, self.constant(self.row_bytes)))

    def address_2d(self, first: Any) -> Any:
        """Return the address of [first, 0]."""
        return self.builder.add(self.base, self.builder.mul(first, self.strides[0]))


class Tile:
    """Accumulators of `rows` rows by one panel, on the stack of the function until LLVM promotes them to registers."""

    def __init__(self, builder: Any, array: Any, rows: int) -> None:
        self.builder, self.array, self.rows = builder, array, rows
        self.vector = ir.VectorType(array.scalar, array.lanes)
        zero = ir.Constant(self.vector, None)
        self.sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(NR_VECTORS)] for _ in range(rows)]
        for row in self.sums:
            for accumulator in row:
                builder.store(zero, accumulator)

    def loop(self, first: Any, last: Any, step: int, body: Any) -> None:
        """Emit a loop of body(k) over k = first, first + step, ... below last."""
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
        """Accumulate a[r] * b for one k: a scalar at a + r * a_step + k * a_k_step, a panel row at b + k * b_k_step."""
        builder, constant = self.builder, self.array.constant
        b_at = builder.add(b, builder.mul(k, constant(b_k_step)))
        a_at = builder.add(a, builder.mul(k, constant(a_k_step)))
        operands = [self.load(self.vector, b_at, v * VECTOR_BYTES) for v in range(NR_VECTORS)]
        for r in range(self.rows):
            factor = self.broadcast(self.load(self.array.scalar, a_at, r * a_step))
            for accumulator, operand in zip(self.sums[r], operands, strict=True):
                product = builder.fmul(factor, operand, flags=("contract",))
                builder.store(builder.fadd(builder.load(accumulator), product, flags=("contract",)), accumulator)

    def write(self, out: Any, row_bytes: Any, add: Any) -> None:
        """Store the accumulators, a row every `row_bytes`; with `add`, added to the values in memory."""
        step = row_bytes if not isinstance(row_bytes, int) else self.array.constant(row_bytes)
        with self.builder.if_else(add) as (then, otherwise):
            with then:
                self._write(out, step, add=True)
            with otherwise:
                self._write(out, step, add=False)

    def _write(self, out: Any, step: Any, add: bool) -> None:
        builder = self.builder
        for row in self.sums:
            for v, accumulator in enumerate(row):
                total = builder.load(accumulator)
                if add:
                    total = builder.fadd(self.load(self.vector, out, v * VECTOR_BYTES), total)
                self.store(total, out, v * VECTOR_BYTES)
            out = builder.add(out, step)

    def load(self, of_type: Any, address: Any, more_bytes: int) -> Any:
        """Load a vector or scalar from an address plus `more_bytes`."""
        return self.builder.load(self.pointer(of_type, address, more_bytes), align=self.array.itemsize)

    def store(self, value: Any, address: Any, more_bytes: int) -> None:
        """Store a vector at an address plus `more_bytes`."""
        self.builder.store(value, self.pointer(self.vector, address, more_bytes), align=self.array.itemsize)

    def pointer(self, of_type: Any, address: Any, more_bytes: int) -> Any:
        """Return a pointer to an address plus `more_bytes`."""
        moved = self.builder.add(address, self.array.constant(more_bytes))
        return self.builder.inttoptr(moved, of_type.as_pointer())

    def broadcast(self, scalar: Any) -> Any:
        """Broadcast a scalar to all lanes."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        index = ir.IntType(32)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(index, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(index, self.array.lanes), None))


def select_path(typed: Any, plain: Any, in_numpy: Any) -> Any:
    """Return the kernel for this process: emitted vector instructions, compiled loops, or NumPy without the JIT.

    Parameters
    ----------
    typed : callable
        For `numba.extending.intrinsic`: given the types of the arguments, a signature and a function that emits IR.
    plain : callable
        Loops, for the vector path "plain".
    in_numpy : callable
        The same result by NumPy.
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return in_numpy
    if PATH == "plain":
        return jit(plain)
    return intrinsic(typed)

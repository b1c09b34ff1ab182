"""The Numba type of an array struct: a pointer to 64-bit words, each field at an offset that the type knows.

An array takes 1 + 2 * ndim words: its address, shape and strides (in bytes). A nested struct takes one, its address.
"""

import zlib
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import (
    NativeValue,
    intrinsic,
    lower_getattr_generic,
    models,
    overload_attribute,
    register_model,
    typeof_impl,
    unbox,
)

from sampledsoftmax.jit.numba_internals import array_value, resolve_attributes

_WORD = ir.IntType(64)


class ArrayStructType(types.Type):
    """The type of a struct: its class, and the types of its fields by name."""

    def __init__(self, of_class: type, fields: dict[str, Any]) -> None:
        self.instance_class, self.fields, self.offsets, offset = of_class, fields, {}, 0
        for name, field in fields.items():
            self.offsets[name] = offset
            offset += num_words(field)
        content = ", ".join(f"{name}: {field}" for name, field in fields.items())
        # Short, because it becomes part of the name of every function that takes such a struct.
        super().__init__(f"{of_class.__module__}.{of_class.__qualname__}({zlib.crc32(content.encode()):08x})")


def num_words(field: Any) -> int:
    """Return the number of words of a field."""
    return 1 if isinstance(field, ArrayStructType) else 1 + 2 * field.ndim


register_model(ArrayStructType)(models.OpaqueModel)


def register(struct_class: type, names: tuple[str, ...]) -> None:
    """Register a class of structs, with its field names, as a type of Numba's."""
    typeof_impl.register(struct_class)(lambda struct, context: struct.numba_type)
    if not _RESOLVES_ALL_NAMES:
        for name in names:
            _declare(name)


@unbox(ArrayStructType)  # type: ignore[untyped-decorator]
def _unbox(_type: ArrayStructType, struct: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(struct, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(pointer, is_error=c.pyapi.c_api_error())


def _load_field(context: Any, builder: Any, struct: ArrayStructType, pointer: Any, name: str) -> Any:
    field, offset = struct.fields[name], struct.offsets[name]

    def load(word: int, of_type: Any) -> Any:
        address = builder.gep(builder.bitcast(pointer, _WORD.as_pointer()), [_WORD(offset + word)], inbounds=True)
        value = builder.load(builder.bitcast(address, of_type.as_pointer()))
        # Without this mark, LLVM would load the word again after each store to an array.
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
        return value

    if isinstance(field, ArrayStructType):
        return load(0, cgutils.voidptr_t)
    data = load(0, context.get_data_type(field.dtype).as_pointer())
    shape = [load(1 + i, _WORD) for i in range(field.ndim)]
    strides = [load(1 + field.ndim + i, _WORD) for i in range(field.ndim)]
    return array_value(context, builder, field, data, shape, strides)


_RESOLVES_ALL_NAMES = resolve_attributes(ArrayStructType, lambda struct, name: struct.fields.get(name))
if _RESOLVES_ALL_NAMES:
    lower_getattr_generic(ArrayStructType)(_load_field)


def _declare(name: str) -> None:
    """Let compiled code read fields of one name, by documented means that take longer to compile."""

    def typed(typing_context: Any, struct: Any) -> Any:
        def load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _load_field(context, builder, signature.args[0], arguments[0], name)

        return struct.fields[name](struct), load

    field: Any = intrinsic(typed)

    def read(struct):  # type: ignore[no-untyped-def] # Numba compares the signatures of `read` and `choose`
        return field(struct)

    def choose(struct):  # type: ignore[no-untyped-def]
        return read if name in struct.fields else None

    overload_attribute(ArrayStructType, name)(choose)

"""A bundle of arrays as Numba sees it: a pointer to 64-bit words, a field's at a place that the type knows.

An array has 1 + 2 * ndim of them, its address, shape and strides (in bytes); a bundle in a bundle has its address.
"""

import zlib
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import populate_array

_WORD = ir.IntType(64)


class ArrayStructType(types.Type):
    """The type of a bundle: its class, and the types of its fields by name."""

    def __init__(self, of_class: type, fields: dict[str, Any]) -> None:
        self.instance_class, self.fields, self.offsets, offset = of_class, fields, {}, 0
        for name, field in fields.items():
            self.offsets[name] = offset
            offset += num_words(field)
        content = ", ".join(f"{name}: {field}" for name, field in fields.items())
        # Short, since it is a part of the name of each function that takes one.
        super().__init__(f"{of_class.__module__}.{of_class.__qualname__}({zlib.crc32(content.encode()):08x})")


def num_words(field: Any) -> int:
    """Return how many words a field takes."""
    return 1 if isinstance(field, ArrayStructType) else 1 + 2 * field.ndim


register_model(ArrayStructType)(models.OpaqueModel)


def register(bundle_class: type) -> None:
    """Let Numba know the type of the bundles of a class."""
    typeof_impl.register(bundle_class)(lambda bundle, context: bundle.numba_type)


@unbox(ArrayStructType)  # type: ignore[untyped-decorator]
def _unbox(_type: ArrayStructType, bundle: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(bundle, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(pointer, is_error=c.pyapi.c_api_error())


@infer_getattr
class _Fields(AttributeTemplate):
    key = ArrayStructType

    def generic_resolve(self, bundle: ArrayStructType, name: str) -> Any:  # type: ignore[override]
        return bundle.fields.get(name)


@lower_getattr_generic(ArrayStructType)  # type: ignore[untyped-decorator]
def _load_field(context: Any, builder: Any, bundle: ArrayStructType, pointer: Any, name: str) -> Any:
    field, offset = bundle.fields[name], bundle.offsets[name]

    def load(word: int, of_type: Any) -> Any:
        place = builder.gep(builder.bitcast(pointer, _WORD.as_pointer()), [_WORD(offset + word)], inbounds=True)
        value = builder.load(builder.bitcast(place, of_type.as_pointer()))
        value.set_metadata("invariant.load", builder.module.add_metadata([]))  # or it would be read after each store
        return value

    if isinstance(field, ArrayStructType):
        return load(0, cgutils.voidptr_t)
    array = context.make_array(field)(context, builder)
    populate_array(
        array,
        data=load(0, array.data.type),
        shape=[load(1 + i, _WORD) for i in range(field.ndim)],
        strides=[load(1 + field.ndim + i, _WORD) for i in range(field.ndim)],
        itemsize=context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(field.dtype))),
        meminfo=None,
    )
    return array._getvalue()

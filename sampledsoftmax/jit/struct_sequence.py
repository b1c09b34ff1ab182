"""A sequence of array structs of one type, which kernels index: the number of structs is no part of its type.

A tuple of structs would be compiled again for each length. In memory it is 64-bit words: the number of structs, then
their addresses.
"""

import operator
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import NativeValue, lower_builtin, models, register_model, type_callable, typeof_impl, unbox

from sampledsoftmax.jit.array_struct import WITH_JIT, ArrayStruct

_WORD = ir.IntType(64)


class StructSequence(Sequence[ArrayStruct]):
    """Structs of one type, at least one; kernels may call len and index with an int that is in range.

    Examples
    --------
    >>> class Pair(ArrayStruct):
    ...     left: Any
    ...     right: Any
    >>> pairs = StructSequence([Pair(np.zeros(2), np.ones(2)), Pair(np.ones(2), np.ones(2))])
    >>> len(pairs), pairs[1].left
    (2, array([1., 1.]))
    """

    def __init__(self, structs: Sequence[Any]) -> None:
        self._structs = tuple(structs)
        if WITH_JIT:  # pragma: no cover - coverage is measured without the JIT
            self.numba_type = StructSequenceType(self._structs[0].numba_type)
            if any(struct.numba_type != self.numba_type.element for struct in self._structs):
                raise TypeError("the structs of a sequence have one type")
            self._words = np.array([len(self._structs), *(struct.address for struct in self._structs)], np.int64)
            self.address = self._words.ctypes.data

    def __len__(self) -> int:
        return len(self._structs)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        return self._structs[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._structs)


class StructSequenceType(types.Type):
    """The Numba type of a sequence: that of its structs."""

    def __init__(self, element: Any) -> None:
        self.element = element
        self.types = (element,)  # what it is made of, as the types of tuples say
        super().__init__(f"{__name__}.StructSequence({element.name})")


register_model(StructSequenceType)(models.OpaqueModel)
typeof_impl.register(StructSequence)(lambda sequence, context: sequence.numba_type)


@unbox(StructSequenceType)  # type: ignore[untyped-decorator]
def _unbox(_type: StructSequenceType, sequence: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(sequence, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(pointer, is_error=c.pyapi.c_api_error())


@type_callable(len)
def _type_of_len(_context: Any) -> Any:
    return lambda sequence: types.intp if isinstance(sequence, StructSequenceType) else None


@type_callable(operator.getitem)
def _type_of_item(_context: Any) -> Any:
    def typed(sequence: Any, index: Any) -> Any:
        is_ours = isinstance(sequence, StructSequenceType) and isinstance(index, types.Integer)
        return sequence.element if is_ours else None

    return typed


@lower_builtin(len, StructSequenceType)  # type: ignore[untyped-decorator]
def _len(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    del context, signature
    return _load_word(builder, arguments[0], _WORD(0), _WORD)


@lower_builtin(operator.getitem, StructSequenceType, types.Integer)  # type: ignore[untyped-decorator]
def _item(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    sequence, index = arguments
    word = context.cast(builder, index, signature.args[1], types.int64)
    return _load_word(builder, sequence, builder.add(word, _WORD(1)), cgutils.voidptr_t)


def _load_word(builder: Any, sequence: Any, word: Any, of_type: Any) -> Any:
    address = builder.gep(builder.bitcast(sequence, _WORD.as_pointer()), [word], inbounds=True)
    value = builder.load(builder.bitcast(address, of_type.as_pointer()))
    # Without this mark, LLVM would load the word again after each store to an array.
    value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value

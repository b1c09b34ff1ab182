"""A struct of arrays that is passed to kernels as one pointer to (data, shape, strides) records.

Numba would pass a named tuple by its elements: an array becomes seven or more arguments of every function, and a call
from Python inspects each array. For the 57 arrays of a step that took 18 microseconds a call and a quarter of the
compile time.
"""

from typing import Any, ClassVar, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.array_struct_type import ArrayStructType, num_words, register

WITH_JIT = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
Kind = TypeVar("Kind", bound="ArrayStruct")


class ArrayStruct:
    """Arrays and nested structs as named fields; a subclass declares them as annotations, in order.

    Fields cannot be assigned; the contents of the arrays can. `replace` makes a struct with other arrays.
    """

    names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.names = tuple(cls.__annotations__)
        register(cls, cls.names)

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = dict(zip((*self.names, *range(len(values))), values, strict=False)) | named
        self._take(fields)
        if WITH_JIT:  # pragma: no cover - coverage is measured without the JIT
            self._describe({name: numba.typeof(value) for name, value in fields.items()})
            self._write(self.names)

    def replace(self: Kind, **changes: Any) -> Kind:
        """Return a struct in which the named fields are other arrays."""
        other = object.__new__(type(self))
        other._take({name: vars(self)[name] for name in self.names} | changes)
        if WITH_JIT:  # pragma: no cover - coverage is measured without the JIT
            types = {name: numba.typeof(value) for name, value in changes.items()}
            if any(self.numba_type.fields[name] != field for name, field in types.items()):
                other._describe(self.numba_type.fields | types)
                other._write(self.names)
            else:
                other.numba_type = self.numba_type
                other._set_words(self._words.copy())
                other._write(changes)
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by constructor: the arrays of a copy have other addresses."""
        return type(self), tuple(vars(self)[name] for name in self.names)

    def _take(self, fields: dict[str, Any]) -> None:
        if tuple(fields) != self.names:
            raise TypeError(f"{type(self).__name__} has {', '.join(self.names)}, got {', '.join(map(str, fields))}")
        vars(self).update(fields)

    def _describe(self, fields: dict[str, Any]) -> None:  # pragma: no cover
        """Determine the Numba type and allocate the words that compiled code reads."""
        self.numba_type = ArrayStructType(type(self), fields)
        self._set_words(np.zeros(sum(num_words(field) for field in fields.values()), np.int64))

    def _set_words(self, words: NDArray[np.int64]) -> None:  # pragma: no cover
        self._words, self.address = words, words.ctypes.data

    def _write(self, names: Any) -> None:  # pragma: no cover
        """Write the records of some fields."""
        for name in names:
            first, value = self.numba_type.offsets[name], vars(self)[name]
            words = (
                (value.address,)
                if isinstance(value, ArrayStruct)
                else (value.ctypes.data, *value.shape, *value.strides)
            )
            self._words[first : first + len(words)] = words

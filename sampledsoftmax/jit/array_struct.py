"""Arrays that kernels pass on together: for compiled code, the address of a table of where they are.

A named tuple would do, but Numba takes it apart: each array is seven numbers or more of each function's arguments, and
each has to be looked at by each call from Python. With the 57 arrays of a step that was 18 microseconds a call, and a
quarter of the time of compiling.
"""

from typing import Any, ClassVar, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.jit.array_struct_type import ArrayStructType, num_words, register

WITH_JIT = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
Kind = TypeVar("Kind", bound="ArrayStruct")


class ArrayStruct:
    """Arrays and other bundles by name; the annotations of a subclass are the names, in order.

    The arrays of a bundle do not change, what is in them does.
    """

    names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.names = tuple(cls.__annotations__)
        register(cls)

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = dict(zip((*self.names, *range(len(values))), values, strict=False)) | named
        self._take(fields)
        if WITH_JIT:  # pragma: no cover - it is off where lines are counted
            self._describe({name: numba.typeof(value) for name, value in fields.items()})
            self._write(self.names)

    def replace(self: Kind, **changes: Any) -> Kind:
        """Return a bundle with other arrays under some names."""
        other = object.__new__(type(self))
        other._take({name: vars(self)[name] for name in self.names} | changes)
        if WITH_JIT:  # pragma: no cover - it is off where lines are counted
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
        """Let a copy be made anew: its arrays are elsewhere."""
        return type(self), tuple(vars(self)[name] for name in self.names)

    def _take(self, fields: dict[str, Any]) -> None:
        if tuple(fields) != self.names:
            raise TypeError(f"{type(self).__name__} has {', '.join(self.names)}, got {', '.join(map(str, fields))}")
        vars(self).update(fields)

    def _describe(self, fields: dict[str, Any]) -> None:  # pragma: no cover
        """Note what compiled code must know."""
        self.numba_type = ArrayStructType(type(self), fields)
        self._set_words(np.zeros(sum(num_words(field) for field in fields.values()), np.int64))

    def _set_words(self, words: NDArray[np.int64]) -> None:  # pragma: no cover
        self._words, self.address = words, words.ctypes.data

    def _write(self, names: Any) -> None:  # pragma: no cover
        """Write where the arrays of some names are, and how they lie there."""
        for name in names:
            first, value = self.numba_type.offsets[name], vars(self)[name]
            words = (
                (value.address,)
                if isinstance(value, ArrayStruct)
                else (value.ctypes.data, *value.shape, *value.strides)
            )
            self._words[first : first + len(words)] = words

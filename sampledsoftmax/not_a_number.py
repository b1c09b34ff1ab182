"""A class decorator for named tuples of numbers: no arithmetic of tuples, and comparisons of whole arrays.

A named tuple looks like a number where its fields are arrays, but `2 * values` would repeat the fields, `a + b` join
them, and `a == b` fail where they have more than one entry.
"""

import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from sampledsoftmax import validation

Kind = TypeVar("Kind", bound=type)

_BINARY = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow")
_REFUSED = (
    *(f"__{side}{name}__" for name in _BINARY for side in ("", "r")),
    *(f"__{name}__" for name in ("neg", "pos", "abs", "round")),
)
_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
# NumPy's functions of the operations that a class may define: np.multiply(2, gradient) is 2 * gradient.
_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: operator.truediv,
    np.negative: operator.neg,
    np.positive: operator.pos,
}


def not_a_number(instead: str = "", has_arrays: bool = False) -> Callable[[Kind], Kind]:
    """Return a decorator that refuses arithmetic, except what the class itself defines.

    Parameters
    ----------
    instead : str
        What to write instead, for the message; by default, the names of the fields.
    has_arrays : bool
        Whether fields are arrays: `==` then compares all their entries and returns one bool, and there is no order.
    """

    def decorate(of_class: Kind) -> Kind:
        hint = instead or f"take its fields, {', '.join(of_class._fields)}"  # type: ignore[attr-defined]

        def refuse(*_: Any, **__: Any) -> Any:
            raise TypeError(f"{of_class.__name__} is a tuple, not a number: {hint}")

        for name in _REFUSED + _ORDER * has_arrays:
            if name not in vars(of_class):
                setattr(of_class, name, refuse)
        setattr(of_class, "__array_ufunc__", _array_ufunc(refuse))  # noqa: B010 - mypy knows no such attribute
        if has_arrays:  # np.asarray would stack the fields, where their sizes agree
            setattr(of_class, "__array__", refuse)  # noqa: B010
            _compare_entries(of_class, refuse)
        return of_class

    return decorate


def _array_ufunc(refuse: Callable[..., Any]) -> Callable[..., Any]:
    """Return what NumPy calls for a function, or an operator of its numbers and arrays, with such a tuple."""

    def apply(_self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        operation = _UFUNCS.get(ufunc)
        if operation is None or method != "__call__" or options:
            return refuse()
        # A NumPy number on the left would call this function again.
        first = inputs[0].item() if isinstance(inputs[0], np.generic) else inputs[0]
        reflected = f"__r{operation.__name__}__"
        if len(inputs) == 2 and isinstance(first, np.ndarray):
            return getattr(inputs[1], reflected)(first)
        return operation(first, *inputs[1:])

    return apply


def _compare_entries(of_class: type, refuse: Callable[..., Any]) -> None:
    """Let `==` and `!=` compare all entries of all fields, and return one bool."""

    def equal(self: Any, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return refuse()  # NumPy would ask each entry, and has rules of its own for records
        return _same(self, other) if isinstance(other, tuple) else NotImplemented

    def unequal(self: Any, other: Any) -> Any:
        same = equal(self, other)
        return same if same is NotImplemented else not same

    setattr(of_class, "__eq__", equal)  # noqa: B010 - mypy would compare signatures with those of the tuple
    setattr(of_class, "__ne__", unequal)  # noqa: B010
    setattr(of_class, "__hash__", None)  # noqa: B010 - as arrays: equal ones would need equal hashes


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    if one is None or other is None:
        return one is other
    arrays = validation.as_array("a field", one), validation.as_array("a field", other)
    if "V" in (arrays[0].dtype.kind, arrays[1].dtype.kind) and arrays[0].dtype != arrays[1].dtype:
        return False  # records, which NumPy compares with nothing else
    return np.array_equal(*arrays)

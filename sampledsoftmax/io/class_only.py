"""Methods that are called on a class only, such as `load`, which returns a new object."""

import functools
from collections.abc import Callable
from typing import Any


class classonlymethod(classmethod):  # type: ignore[type-arg]
    """A class method that refuses to be called on an object.

    `model.load(path)` looks as if it changed `model`, but a class method would leave it as it is and return a new
    object, which is then lost.

    Examples
    --------
    >>> class Model:
    ...     @classonlymethod
    ...     def load(cls, path):
    ...         return cls()
    >>> type(Model.load("file")).__name__
    'Model'
    >>> Model().load("file")
    Traceback (most recent call last):
    ...
    TypeError: load returns a new Model and would leave this one as it is: write model = Model.load(...)
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Callable[..., Any]:
        if instance is None:
            return super().__get__(instance, owner)
        kind, name = type(instance).__name__, self.__func__.__name__

        @functools.wraps(self.__func__)
        def refuse(*_: Any, **__: Any) -> Any:
            raise TypeError(
                f"{name} returns a new {kind} and would leave this one as it is: write model = {kind}.{name}(...)"
            )

        return refuse

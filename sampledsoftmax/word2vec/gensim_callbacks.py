"""Callback objects as gensim has them: with methods that take the model."""

from collections.abc import Iterable
from typing import Any

from sampledsoftmax import validation

_METHODS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")


class ModelCallbacks:
    """The objects of `callbacks=`, each with some of the methods on_train_begin(model), on_epoch_begin(model), ...

    Parameters
    ----------
    callbacks : iterable of objects
        Such as subclasses of gensim's CallbackAny2Vec.

    Raises
    ------
    TypeError
        One has none of the methods.

    Examples
    --------
    >>> class Printer:
    ...     def on_epoch_end(self, model):
    ...         print("end of an epoch of", model)
    >>> ModelCallbacks([Printer()]).call("on_epoch_end", "a model")
    end of an epoch of a model
    """

    def __init__(self, callbacks: Iterable[Any]) -> None:
        if not isinstance(callbacks, Iterable):
            raise TypeError(f"callbacks must be a list of objects, got {validation.described(callbacks)}")
        self._callbacks = list(callbacks)
        for i, callback in enumerate(self._callbacks):
            if isinstance(callback, type) or not any(callable(getattr(callback, name, None)) for name in _METHODS):
                raise TypeError(
                    f"callbacks[{i}] must be an object with a method {', '.join(_METHODS)}, got "
                    f"{validation.described(callback)}: for a function of the progress, write on_epoch=function"
                )

    def call(self, method: str, model: Any) -> None:
        """Call a method of all callbacks that have it."""
        for callback in self._callbacks:
            function = getattr(callback, method, None)
            if function is not None:
                function(model)

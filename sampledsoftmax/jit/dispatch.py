"""Compile-time single dispatch on the class of the first argument, a struct: `functools.singledispatch` for kernels.

The class is known when a caller is compiled, so its code holds a direct call of one implementation.
"""

import functools
from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.extending import models, register_model, typeof_impl


class MissingImplementation(TypeError):
    """A dispatched kernel was called with a class that has no implementation."""


class DispatchedKernel:
    """A name for several kernels, callable from Python and from kernels."""

    def __init__(self, function: Callable[..., Any]) -> None:
        _KERNELS.append(self)
        functools.update_wrapper(self, function)
        self.name = f"{function.__module__}.{function.__name__}"
        self._default: Any = None
        self._implementations: dict[type, Any] = {}

    def register(self, *classes: type) -> Callable[[Any], Any]:
        """Return a decorator for the kernel that implements these classes and their subclasses."""

        def decorate(kernel: Any) -> Any:
            self._implementations.update(dict.fromkeys(classes, kernel))
            return kernel

        return decorate

    def default(self, kernel: Any) -> Any:
        """Use a kernel for all classes without an implementation of their own; a decorator."""
        self._default = kernel
        return kernel

    def has(self, of_class: type) -> bool:
        """Return whether an implementation other than the default is registered for a class or a base class of it."""
        return self.registered(of_class) is not None

    def implementation_for(self, of_class: type) -> Any:
        """Return the kernel for a class: its own, that of the nearest base class, or the default."""
        kernel = self.registered(of_class) or self._default
        if kernel is None:
            raise MissingImplementation(self._missing(of_class.__qualname__))
        return kernel

    def __call__(self, struct: Any, *arguments: Any) -> Any:
        """Run the implementation for the class of `struct`."""
        return self.implementation_for(type(struct))(struct, *arguments)

    def registered(self, of_class: type) -> Any:
        """Return the kernel for a class or for its nearest base class, None where there is only the default."""
        return next((self._implementations[base] for base in of_class.__mro__ if base in self._implementations), None)

    def _missing(self, class_name: str) -> str:
        registered = ", ".join(sorted(one.__name__ for one in self._implementations)) or "none"
        return (
            f"no implementation of {self.name} is registered for {class_name}; registered: {registered}; "
            f"register one with @{self.__name__}.register({class_name})"  # type: ignore[attr-defined]
        )


def dispatch(function: Callable[..., Any]) -> DispatchedKernel:
    """Make a dispatched kernel of a function that consists of a signature and a docstring."""
    return DispatchedKernel(function)


_KERNELS: list[DispatchedKernel] = []


def implementations_for(of_class: type) -> list[Any]:
    """Return the implementations that all dispatched kernels have for a class, defaults left out."""
    return [found for kernel in _KERNELS if (found := kernel.registered(of_class)) is not None]


class _DispatchedKernelType(types.Callable, types.Dummy):  # pragma: no cover - with the JIT only
    """The Numba type of a dispatched kernel: a call has the type and the code of the chosen implementation."""

    def __init__(self, kernel: DispatchedKernel) -> None:
        self._kernel = kernel
        super().__init__(f"dispatch({kernel.name})")

    def get_call_type(self, context: Any, arguments: Any, keywords: Any) -> Any:
        return self._chosen(arguments[0]).get_call_type(context, arguments, keywords)

    def get_call_signatures(self) -> tuple[list[Any], bool]:
        return [], True

    def get_impl_key(self, signature: Any) -> Any:
        return self._chosen(signature.args[0]).get_impl_key(signature)

    def _chosen(self, struct: Any) -> Any:
        # Structs have a class; the implementation for anything else, such as an array, is the default.
        return numba.typeof(self._kernel.implementation_for(getattr(struct, "instance_class", type(struct))))


register_model(_DispatchedKernelType)(models.OpaqueModel)


@typeof_impl.register(DispatchedKernel)
def _type_of(kernel: DispatchedKernel, _context: Any) -> _DispatchedKernelType:  # pragma: no cover - as above
    return _DispatchedKernelType(kernel)

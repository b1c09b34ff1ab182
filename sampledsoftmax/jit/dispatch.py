"""Kernels that differ by the class of their first argument, a bundle: the compiled code holds the one that is used."""

import functools
from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.extending import models, register_model, typeof_impl


class DispatchedKernel:
    """A name for several kernels; `functools.singledispatch`, for Python and for kernels alike."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.name = f"{function.__module__}.{function.__name__}"
        self._kernels: dict[type, Any] = {}
        self._default: Any = None

    def register(self, *classes: type) -> Callable[[Any], Any]:
        """Return a decorator that takes a kernel for bundles of these classes."""

        def take(kernel: Any) -> Any:
            self._kernels.update(dict.fromkeys(classes, kernel))
            return kernel

        return take

    def default(self, kernel: Any) -> Any:
        """Take a kernel for all classes that have none of their own."""
        self._default = kernel
        return kernel

    def has(self, of_class: type) -> bool:
        """Return whether a class has a kernel of its own."""
        return of_class in self._kernels

    def implementation_for(self, of_class: type) -> Any:
        """Return the kernel for bundles of a class."""
        kernel = self._kernels.get(of_class, self._default)
        if kernel is None:
            raise TypeError(f"{self.name} has no kernel for {of_class.__name__}")
        return kernel

    def __call__(self, bundle: Any, *arguments: Any) -> Any:
        """Run the kernel of the bundle's class."""
        return self.implementation_for(type(bundle))(bundle, *arguments)


def dispatch(function: Callable[..., Any]) -> DispatchedKernel:
    """Make a name for kernels out of a function that is all signature and docstring."""
    return DispatchedKernel(function)


class _Type(types.Callable, types.Dummy):  # pragma: no cover - with the JIT only
    """How Numba sees the name: a call has the type of the kernel that is chosen, and its code."""

    def __init__(self, kernels: DispatchedKernel) -> None:
        self._kernels = kernels
        super().__init__(f"dispatch({kernels.name})")

    def get_call_type(self, context: Any, arguments: Any, keywords: Any) -> Any:
        return self._chosen(arguments[0]).get_call_type(context, arguments, keywords)

    def get_call_signatures(self) -> tuple[list[Any], bool]:
        return [], True

    def get_impl_key(self, signature: Any) -> Any:
        return self._chosen(signature.args[0]).get_impl_key(signature)

    def _chosen(self, bundle: Any) -> Any:
        return numba.typeof(self._kernels.implementation_for(bundle.instance_class))


register_model(_Type)(models.OpaqueModel)


@typeof_impl.register(DispatchedKernel)
def _type_of_name(kernels: DispatchedKernel, _context: Any) -> _Type:  # pragma: no cover - as above
    return _Type(kernels)

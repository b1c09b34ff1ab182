"""A kernel: an entry point for Python, with its machine code kept on disk, and a body that other kernels link in."""

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numba
from numba import types
from numba.extending import models, register_model, typeof_impl

from sampledsoftmax.jit import source_hash
from sampledsoftmax.jit.dispatch import MissingImplementation, implementations_for
from sampledsoftmax.jit.numba_internals import (
    compiler_locks,
    ir_compiler,
    keep_on_disk,
    without_reference_counting,
)
from sampledsoftmax.jit.simd_width import PATH


class Kernel:
    """A compiled function.

    Attributes
    ----------
    entry : Dispatcher
        For calls from Python: compiled at the first call, and kept on disk.
    body : Dispatcher
        For calls from kernels: LLVM IR that becomes part of the caller.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any], counts_references: bool) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._options = options if counts_references else options | without_reference_counting()
        self._dispatchers: dict[str, Any] = {}

    @property
    def body(self) -> Any:
        """The kernel inside of other kernels."""
        return self._dispatchers.get("body") or self._dispatchers.setdefault("body", self._new_body())

    @property
    def entry(self) -> Any:
        """The kernel as Python calls it."""
        # Threads of a pool make their first call at the same time: each may make an entry, and all use the first one
        # that is there. A lock would stay locked in a child that is forked meanwhile.
        return self._dispatchers.get("entry") or self._dispatchers.setdefault("entry", self._new_entry())

    def _new_body(self) -> Any:
        compiler = ir_compiler()
        as_ir = {"pipeline_class": compiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True} if compiler else {}
        return numba.njit(**as_ir, **self._options)(self._function)

    def _new_entry(self) -> Any:
        entry = numba.njit(**self._options)(self._function)
        key_of = functools.partial(_key_of, self._function)
        keep_on_disk(entry, source_hash.package_hash(), source_hash.PACKAGE, key_of)
        return entry

    def __call__(self, *arguments: Any) -> Any:
        """Run the entry point."""
        try:
            return self.entry(*arguments)
        except MissingImplementation as error:  # without the frames of the compiler, about a hundred
            raise MissingImplementation(*error.args) from None


def for_types_of(kernel: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """Return the machine code of a kernel for arguments of these types, to be called without type checks.

    The checks are most of the time of a call. Arguments of other types would be misread.
    """
    if not isinstance(kernel, Kernel):
        return kernel  # the JIT is off
    entry = kernel.entry
    try:
        return entry.compile(tuple(map(entry.typeof_pyval, arguments)))  # type: ignore[no-any-return]
    except MissingImplementation as error:
        raise MissingImplementation(*error.args) from None


class KernelType(types.Dispatcher):
    """The Numba type of a kernel inside another one: its body, compiled once for an int, not for each constant."""

    def get_call_type(self, context: Any, arguments: Any, keywords: Any) -> Any:
        """Return the signature of a call."""
        return super().get_call_type(context, tuple(map(types.unliteral, arguments)), keywords)


register_model(KernelType)(models.OpaqueModel)


@typeof_impl.register(Kernel)
def _type_of_kernel(kernel: Kernel, _context: Any) -> KernelType:
    return KernelType(kernel.body)


def _key_of(function: Callable[..., Any], signature: Any) -> str | None:
    """Return what distinguishes compiled code of an entry point, None if the code cannot be kept on disk.

    Implementations of dispatched kernels may come from outside of the package: their sources belong to the key.
    """
    arguments = signature if isinstance(signature, tuple) else signature.args
    classes = dict.fromkeys(found for argument in arguments for found in _classes_in(argument))
    if not all(map(source_hash.is_importable, classes)):
        return None
    implementations = (kernel for of_class in classes for kernel in implementations_for(of_class))
    sources = source_hash.hash_of((function, *implementations))
    names = [f"{of_class.__module__}.{of_class.__qualname__}" for of_class in classes]
    return None if sources is None else "\n".join([PATH, *map(str, arguments), *names, sources])


def _classes_in(numba_type: Any) -> Iterator[type]:
    """Yield the Python classes of structs in a type: named tuples and array structs, with those that they contain."""
    if hasattr(numba_type, "instance_class"):
        yield numba_type.instance_class
    fields = getattr(numba_type, "fields", ())
    for field in fields.values() if isinstance(fields, dict) else getattr(numba_type, "types", ()):
        yield from _classes_in(field)


_LONGEST_COMPILATION = 120.0  # seconds
_HELD: list[Any] = []


def _wait_for_the_compiler() -> None:
    """Take the locks of Numba and LLVM: a fork while another thread compiles would copy half a compilation."""
    for lock in compiler_locks():
        if lock.acquire(timeout=_LONGEST_COMPILATION):
            _HELD.append(lock)


def _let_compile() -> None:
    while _HELD:
        _HELD.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_the_compiler, after_in_parent=_let_compile, after_in_child=_let_compile)

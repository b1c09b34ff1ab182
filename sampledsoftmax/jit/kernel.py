"""What the decorators make of a function: one thing to call from Python and from other kernels, compiled for each."""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.extending import models, register_model, typeof_impl

from sampledsoftmax.jit.dispatch import MissingImplementation
from sampledsoftmax.jit.ir_library import IRCompiler
from sampledsoftmax.jit.simd_width import IS_FORCED


class Kernel:
    """A compiled function.

    Called from Python it is an entry point, compiled at the first call and kept on disk. A kernel that names it takes
    it in as a part of its own code.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        as_part: Any = {"pipeline_class": IRCompiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        self.body = numba.njit(**as_part, **options)(function)
        self.entry = _entry(function, options)

    def __call__(self, *arguments: Any) -> Any:
        """Run the entry point."""
        try:
            return self.entry(*arguments)
        except MissingImplementation as error:  # without the hundred frames of the compiler
            raise MissingImplementation(*error.args) from None


def for_types_of(kernel: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """Return the machine code of a kernel for arguments of these types: it does not look at their types again.

    To look at them is most of what a call costs. Arguments of other types would be taken for these.
    """
    if not isinstance(kernel, Kernel):
        return kernel  # nothing is compiled
    entry: Any = kernel.entry
    try:
        return entry.compile(tuple(map(entry.typeof_pyval, arguments)))  # type: ignore[no-any-return]
    except MissingImplementation as error:
        raise MissingImplementation(*error.args) from None


class KernelType(types.Dispatcher):
    """How Numba sees a kernel in another one: as the part, compiled once for an int and not for each constant."""

    def get_call_type(self, context: Any, arguments: Any, keywords: Any) -> Any:
        """Return the signature of a call."""
        return super().get_call_type(context, tuple(map(types.unliteral, arguments)), keywords)


register_model(KernelType)(models.OpaqueModel)


@typeof_impl.register(Kernel)
def _type_of_kernel(kernel: Kernel, _context: Any) -> KernelType:
    return KernelType(kernel.body)


def _entry(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    if not IS_FORCED:  # the names of cached code do not tell one vector path from another
        try:
            entry: Any = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder on this machine can hold the cache: compile in each process
            pass
        else:
            # Numba looks at the file of the function only, and most of an entry point's code is from other files.
            cache_file = entry._cache._cache_file
            cache_file._source_stamp = (cache_file._source_stamp, _stamp_of_sources())
            return entry
    return numba.njit(**options)(function)


@functools.cache
def _stamp_of_sources() -> str:
    """Return a hash of the contents of all files whose code an entry point may contain."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted((*package.glob("kernels/**/*.py"), *package.glob("jit/*.py"))):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()

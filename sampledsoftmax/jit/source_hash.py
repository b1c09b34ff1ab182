"""Hashes of source code: what tells whether compiled code on disk is still valid.

Compiled code of an entry point contains kernels of many files. Those of the package are covered by one hash of all
kernel files. Code from outside of it, such as a user's update rule, is covered by the files of its functions.
"""

import functools
import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
_KERNEL_FILES = ("kernels/**/*.py", "jit/*.py")
_FIXED = {"numba", "numpy", "llvmlite", *sys.stdlib_module_names} - {"__main__"}


@functools.cache
def package_hash() -> str:
    """Return a hash of the contents of all files of the package whose code an entry point may contain.

    It is empty where they cannot be read, as in a package that is imported from an archive.
    """
    digest = hashlib.sha256()
    try:
        paths = sorted(path for pattern in _KERNEL_FILES for path in PACKAGE.glob(pattern))
        for path in paths:
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    except OSError:
        return ""
    return digest.hexdigest() if paths else ""


def hash_of(functions: Iterable[Any]) -> str | None:
    """Return a hash of the files of functions, and of all functions, modules and constants that these name.

    Files that `package_hash` covers, the standard library, NumPy and Numba are left out. None where a file is missing:
    code typed into an interpreter, or executed from a string.
    """
    sources = _Sources()
    for function in functions:
        sources.add(function)
    try:
        contents = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in sorted(sources.files)]
    except OSError:
        return None
    return hashlib.sha256("\n".join([*contents, *sorted(sources.constants)]).encode()).hexdigest()


def is_importable(of_class: type) -> bool:
    """Return whether another process can find a class by its name: not one of `__main__` or of a function."""
    value: Any = sys.modules.get(of_class.__module__)
    for name in of_class.__qualname__.split("."):
        value = getattr(value, name, None)
    return value is of_class and of_class.__module__ != "__main__"


class _Sources:
    """Files and constants that compiled code depends on."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.constants: set[str] = set()
        self._seen: set[int] = set()

    def add(self, value: Any) -> None:
        """Add a function, a kernel or a compiled function, and all that it names."""
        function = getattr(value, "__wrapped__", None) or getattr(value, "py_func", value)
        if not isinstance(function, FunctionType) or id(function) in self._seen or _is_covered(function):
            return
        self._seen.add(id(function))
        self.files.add(function.__code__.co_filename)
        names = set(_names_of(function.__code__))
        for name in names:
            self._add_global(name, function.__globals__.get(name), names)
        for cell in function.__closure__ or ():
            self._add_global("", cell.cell_contents, names)

    def _add_global(self, name: str, value: Any, names: set[str]) -> None:
        if isinstance(value, ModuleType) and value.__name__.partition(".")[0] not in _FIXED:
            for attribute in names & vars(value).keys():
                self._add_global(attribute, vars(value)[attribute], names)
        elif isinstance(value, bool | int | float | str):
            self.constants.add(f"{name} = {value!r}")
        else:
            self.add(value)


def _is_covered(function: FunctionType) -> bool:
    path = Path(function.__code__.co_filename)
    in_package = any(path.is_relative_to(PACKAGE / folder) for folder in ("kernels", "jit"))
    return in_package or function.__module__.partition(".")[0] in _FIXED


def _names_of(code: Any) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names_of(constant)

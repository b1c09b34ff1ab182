"""A function of the user, by the name that a command line gives it: MODULE:FUNCTION or FILE.py:FUNCTION."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path


def loaded(name: str, target: str) -> Callable[..., Any]:
    """Return the function that a command line names; `name` is the option or argument that does.

    Raises
    ------
    ValueError
        If there is no such module, file or function, or the module cannot be imported.

    Examples
    --------
    >>> loaded("FUNCTION", "math:sqrt")(9)
    3.0
    >>> loaded("FUNCTION", "math:root")
    Traceback (most recent call last):
    ...
    ValueError: FUNCTION: math has no function 'root'
    """
    where, _, function = target.rpartition(":")
    if not where or not function:
        shown = validation.shown(target)
        raise ValueError(f"{name} must be MODULE:FUNCTION or FILE.py:FUNCTION, got {shown}")
    with _described(f"{name}: {shown_path(where)} cannot be imported"):
        module = _from_file(validation.path(name, where)) if where.endswith(".py") else _from_module(where)
    found = getattr(module, function, None)
    if not callable(found):
        raise ValueError(f"{name}: {shown_path(where)} has no function {validation.shown(function)}")
    return _guarded(target, found)


def _from_module(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError("there is no such file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def _guarded(target: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose errors are one line."""

    def call(*arguments: Any) -> Any:
        with _described(f"{shown_path(target)} failed"):
            return function(*arguments)

    call.__qualname__ = target
    return call


@contextmanager
def _described(what: str) -> Iterator[None]:
    """Turn any error of the user's code into one line."""
    try:
        yield
    except Exception as error:
        reason = f"{type(error).__name__}: {validation.one_line(error)}"
        raise ValueError(f"{what}: {reason}") from None

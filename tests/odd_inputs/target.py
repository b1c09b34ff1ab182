"""A call that is right, whose arguments tests change."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Target(NamedTuple):
    """A call that succeeds.

    Attributes
    ----------
    function : callable
        Called with `arguments`; methods are bound to `owner`.
    arguments : dict
        By name.
    owner : object
        What must not change when the call fails, besides the arguments.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    owner: Any = None


def method(owner, name, **arguments):
    return Target(getattr(owner, name), arguments, owner)

"""A lock that a forked child finds free, although a thread that exists in the parent only held it."""

import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any


class ForkLock:
    """A reentrant lock. In a forked child it is free, unless the thread that forked holds it.

    What the other thread was changing is then half changed in the child, which has a copy of the memory at the time of
    the fork: `repair`, if given, is called before the lock is taken for the first time.

    Parameters
    ----------
    repair : bound method, optional
        Makes its object usable again. The lock keeps no reference to the object.
    """

    def __init__(self, repair: Callable[[], None] | None = None) -> None:
        self._repair: Any = None if repair is None else weakref.WeakMethod(repair)
        self._is_interrupted = False
        self._owner: int | None = None
        self._depth = 0
        self._lock = threading.RLock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._depth += 1
        if self._is_interrupted:
            self._is_interrupted = False
            repair = self._repair and self._repair()
            if repair is not None:
                repair()

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
        self._lock.release()

    def renew_in_child(self) -> None:
        """Free the lock in a forked child, where the only thread is the one that forked."""
        if self._owner != threading.get_ident():
            self._is_interrupted = self._is_interrupted or self._owner is not None
            self._owner, self._depth, self._lock = None, 0, threading.RLock()


_LOCKS: "weakref.WeakSet[ForkLock]" = weakref.WeakSet()


def _renew_all() -> None:
    for lock in list(_LOCKS):
        lock.renew_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)

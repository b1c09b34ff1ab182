"""A Python process that calls functions for this one and sleeps in between."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

PATIENCE = 1800.0  # seconds that a call may take
ORDERLY_END = 10.0  # seconds that a process may take to end


class ChildError(Exception):
    """A call failed in the child, in one line."""


class Child:
    """A process started anew, with variables added to its environment.

    Attributes
    ----------
    idle_share : float
        Processor time over wall time between calls: near 0, unless some library's threads spin.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _added_to_environment(environment or {}):
            self._process.start()
        theirs.close()
        self.idle_share = 0.0

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return function(*args) as computed in the child; the function is one of a module."""
        try:
            self._pipe.send((function, args))
            if not self._pipe.poll(PATIENCE):
                self.close()
                raise ChildError(f"no answer after {PATIENCE:.0f} seconds")
            error, value, self.idle_share = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            raise ChildError(f"its process ended with code {self._process.exitcode}") from None
        if error:
            raise ChildError(error)
        return value

    def dismiss(self) -> None:
        """Let the process end, without waiting for it: no more calls."""
        self._pipe.close()  # the child reads the end of its pipe and returns

    def close(self) -> None:
        """End the process."""
        self.dismiss()
        self._process.join(ORDERLY_END)
        if self._process.is_alive():  # threads of some library do not let it end
            self._process.kill()
            self._process.join()


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    idle = [0.0, 1e-9]
    while True:
        start = (time.process_time(), time.perf_counter())
        try:
            pipe.poll(None)
            idle[0] += time.process_time() - start[0]
            idle[1] += time.perf_counter() - start[1]
            function, args = pipe.recv()  # which imports the function's module
        except (EOFError, OSError):
            return
        error, value = "", None
        try:
            value = function(*args)
        except Exception as exception:  # whatever it is, the parent has to be told
            lines = str(exception).strip().splitlines() or [""]
            error = f"{type(exception).__name__}: {lines[0]}".rstrip(": ")
        pipe.send((error, value, idle[0] / idle[1]))


@contextlib.contextmanager
def _added_to_environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

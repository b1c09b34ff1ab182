"""A child process that runs functions for this one and sleeps in between."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

CALL_TIMEOUT = 1800.0  # seconds
EXIT_TIMEOUT = 10.0  # seconds until the process is killed


class ChildError(Exception):
    """A call failed in the child process; the message is one line."""


class Child:
    """A spawned process, with variables added to its environment.

    Attributes
    ----------
    idle_share : float
        CPU time over wall time between calls: near 0, unless threads of a library spin.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _environment_with(environment or {}):
            self._process.start()
        theirs.close()
        self.idle_share = 0.0

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run function(*args) in the child and return its result; the function must be importable."""
        try:
            self._pipe.send((function, args))
            if not self._pipe.poll(CALL_TIMEOUT):
                self.close()
                raise ChildError(f"no answer after {CALL_TIMEOUT:.0f} seconds")
            error, value, self.idle_share = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            raise ChildError(f"its process ended with code {self._process.exitcode}") from None
        if error:
            raise ChildError(error)
        return value

    def stop(self) -> None:
        """Ask the process to end, without waiting for it; no more calls are possible."""
        self._pipe.close()  # the child reads end-of-file and returns

    def close(self) -> None:
        """End the process."""
        self.stop()
        self._process.join(EXIT_TIMEOUT)
        if self._process.is_alive():  # threads of some libraries keep it from exiting
            self._process.kill()
            self._process.join()


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
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
        except Exception as exception:  # every exception is reported to the parent
            lines = str(exception).strip().splitlines() or [""]
            error = f"{type(exception).__name__}: {lines[0]}".rstrip(": ")
        pipe.send((error, value, idle[0] / idle[1]))


@contextlib.contextmanager
def _environment_with(variables: Mapping[str, str]) -> Iterator[None]:
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

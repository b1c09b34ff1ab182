"""Signals that stop a run: Ctrl-C, SIGTERM and SIGHUP, raised at once, or recorded until the run is in a safe state."""

import signal
import threading
from types import FrameType
from typing import Any

_AGAIN_SECONDS = 0.05  # after which a signal is sent again that came when no exception could be raised

# SIGHUP: the terminal was closed; Windows has none.
_TO_STOP = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class StopSignals:
    """Within the block, signals that stop the process raise an exception, so that nothing is left behind.

    Ctrl-C raises KeyboardInterrupt; SIGTERM and SIGHUP raise SystemExit(128 + number), the exit status that a shell
    reports for them. A signal that is ignored, as SIGHUP under nohup, is still ignored; a SIGTERM or SIGHUP that has a
    handler keeps it. Outside the main thread, where Python does not allow signal handlers, nothing is changed.

    Attributes
    ----------
    deferred : bool
        False: a signal raises at once. True: the first one is recorded, and `check` raises it; a second one raises at
        once.

    Examples
    --------
    >>> import os
    >>> with StopSignals() as signals:
    ...     signals.deferred = True
    ...     os.kill(os.getpid(), signal.SIGTERM)
    ...     signals.is_pending
    True
    """

    def __init__(self) -> None:
        self.deferred = False
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    @property
    def is_pending(self) -> bool:
        """Whether a signal was recorded."""
        return self._received is not None

    def check(self) -> None:
        """Raise the exception of a recorded signal."""
        if self._received is not None:
            raise _exception(self._received)

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)
            numbers = [] if ignored else [int(signal.SIGINT)]
            numbers += [number for number in _TO_STOP if signal.getsignal(number) == signal.SIG_DFL]
            self._previous = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.deferred and not self.is_pending:
            self._received = number
        elif _is_in_compiler(frame):
            again = threading.Timer(_AGAIN_SECONDS, _send, [number])
            again.daemon = True
            again.start()
        else:
            raise _exception(number)


def _send(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # which ends a wait of the main thread
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def _is_in_compiler(frame: FrameType | None) -> bool:
    """Return whether llvmlite is at work: LLVM calls Python there, and what is raised in such a call is lost."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("llvmlite."):
            return True
        frame = frame.f_back
    return False


def _exception(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)

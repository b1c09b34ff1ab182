"""The standard streams of a command: they may be closed, full, or read by a program that has left."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TextIO

_STANDARD = 2  # the largest descriptor of a standard stream


@contextmanager
def usable_streams() -> Iterator[None]:
    """Within the block, output can be printed: to nowhere if a stream is closed, with escapes for what it cannot hold.

    Without this, a file that is opened later would get the number of the closed stream, and what is printed.
    """
    stdout, stderr = sys.stdout, sys.stderr
    if None in (sys.stdin, stdout, stderr):
        _occupy_descriptors()
    errors = [(stream, stream.errors) for stream in (stdout, stderr) if isinstance(stream, TextIOWrapper)]
    for stream, _ in errors:
        stream.reconfigure(errors="backslashreplace")
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stdout, sys.stderr = stdout or nowhere, stderr or nowhere
        try:
            yield
        finally:
            sys.stdout, sys.stderr = stdout, stderr
            for stream, before in errors:
                stream.reconfigure(errors=before)


def discard(stream: TextIO) -> None:
    """Send what is still to be written to a stream to nowhere: its reader has left, or its disk is full."""
    with suppress(OSError, ValueError):  # no descriptor, as in a test
        target = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(target, stream.fileno())
        finally:
            os.close(target)


@contextmanager
def stop_notice(say: Callable[[str], None], line: str) -> Iterator[None]:
    """Within the block, say a line at once when Ctrl-C is pressed, though the command stops only somewhat later.

    Nothing is said outside the main thread, where there are no signals, and on Windows, which lacks pipes of this kind.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    previous = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)

    def listen() -> None:
        while numbers := os.read(receiver, 1):
            if numbers[0] == signal.SIGINT:
                say(line)

    listener = threading.Thread(target=listen, name="stop notice", daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        os.close(sender)  # which ends the thread
        listener.join()
        os.close(receiver)


def _occupy_descriptors() -> None:
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD:
        pass
    os.close(descriptor)

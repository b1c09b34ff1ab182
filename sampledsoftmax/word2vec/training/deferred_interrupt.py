"""Ctrl-C that waits for the end of a block."""

import signal
import threading
from types import FrameType, TracebackType


class DeferredInterrupt:
    """Within the block, a first Ctrl-C is noted and not raised; a second one is raised at once.

    In a thread that is not the main one, where Python lets nobody set a handler, nothing is changed.

    Attributes
    ----------
    came : bool
        Whether it was noted.

    Examples
    --------
    >>> import os
    >>> with DeferredInterrupt() as interrupt:
    ...     os.kill(os.getpid(), signal.SIGINT)
    ...     interrupt.came
    True
    """

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> "DeferredInterrupt":
        self._active = threading.current_thread() is threading.main_thread()
        if self._active:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, _: int, __: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True

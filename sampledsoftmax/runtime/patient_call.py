"""A call that takes long, on another thread, so that Ctrl-C is handled while it runs."""

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_POLL_SECONDS = 0.05  # on Windows, a wait without a time limit cannot be interrupted


def patient_call(function: Callable[[], Result], on_slow: Callable[[], None], patience: float = 1.0) -> Result:
    """Return function(), run on a daemon thread; an exception in this thread, as of a signal, leaves it running.

    Parameters
    ----------
    function : callable
        Must do no harm if the caller has gone on.
    on_slow : callable
        Called once, if the function takes more than `patience` seconds.

    Examples
    --------
    >>> patient_call(lambda: 2, lambda: print("slow"))
    2
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # raised again in the thread of the caller
            errors.append(error)

    thread = threading.Thread(target=run, name="sampledsoftmax-patient", daemon=True)
    thread.start()
    thread.join(patience)
    if thread.is_alive():
        on_slow()
    while thread.is_alive():
        thread.join(_POLL_SECONDS)
    for error in errors:
        raise error
    return results[0]

"""Fixtures of all tests."""

import signal
import threading
import warnings

import pytest


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_not_ignored():
    """Take the usual handler of Ctrl-C where these tests run in the background, and for the processes they start."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def full(request):
    """Whether `--full` is given, for a test that does more with it: a second run does not leave it out."""
    return request.config.getoption("full")


@pytest.fixture(scope="session")
def tf():
    """TensorFlow, or a skip where it has no wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

"""Fixtures of all tests."""

import warnings

import pytest


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

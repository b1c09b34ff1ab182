"""Fixtures of all tests."""

import warnings

import pytest


@pytest.fixture(scope="session")
def tf():
    """TensorFlow, or a skip where it has no wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

"""Fixtures, and which tests run when kernels are not compiled."""

import warnings

import numba
import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "compiled: too slow, or without meaning, when the JIT is off")


def pytest_collection_modifyitems(items):
    if numba.config.DISABLE_JIT:
        skip = pytest.mark.skip(reason="kernels are not compiled in this run")
        for item in items:
            if "compiled" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def tf():
    """TensorFlow, or a skip where it has no wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

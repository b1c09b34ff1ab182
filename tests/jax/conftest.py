"""Fixtures of the tests that need JAX; it is imported when the first of them runs."""

import warnings

import pytest


@pytest.fixture(scope="session")
def jax():
    """JAX."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jax  # noqa: PLC0415 - optional
        import jax.test_util  # noqa: PLC0415
    return jax


@pytest.fixture
def ssj(jax):
    """Return `sampledsoftmax.jax`."""
    import sampledsoftmax.jax  # noqa: PLC0415

    return sampledsoftmax.jax


@pytest.fixture
def x64(jax):
    """64-bit types, which JAX has only on demand."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)

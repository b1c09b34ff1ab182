"""Settings of PyTorch for its tests."""

import importlib.util

import pytest


@pytest.fixture(autouse=True)
def _no_warning_of_sparse_optimizers():
    """Take the default of PyTorch explicitly: its own sparse optimizers warn of it, and warnings are errors here."""
    if importlib.util.find_spec("torch"):
        import torch  # noqa: PLC0415 - not at the top: it may be absent

        torch.sparse.check_sparse_tensor_invariants.disable()

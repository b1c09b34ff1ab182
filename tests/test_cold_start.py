"""Compiled code on disk: kept where it can be, and nothing fails where it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sampledsoftmax

pytestmark = pytest.mark.compiled

PROGRAM = """
import numpy as np, sampledsoftmax as ss
from sampledsoftmax.kernels.train import train
model = ss.SkipGram(50, 4, 8, ss.SGD(0.1), seed=3)
loss = model.step(np.arange(6), np.arange(6))
stats = getattr(train, "stats", None)
print(repr(loss), len(stats.cache_hits), len(stats.cache_misses))
"""


def run(folder, **environment):
    """Run a step with the package copied to a folder; return (loss, cache hits, cache misses)."""
    shutil.copytree(Path(sampledsoftmax.__file__).parent, folder / "sampledsoftmax", dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    command = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, capture_output=True, text=True, check=True,
        env={**variables, **environment},
    )  # fmt: skip
    loss, hits, misses = command.stdout.split()
    return loss, int(hits), int(misses)


def test_the_second_process_compiles_nothing_and_a_folder_that_cannot_hold_code_is_no_error(tmp_path):
    cache = tmp_path / "cache"
    cold = run(tmp_path, NUMBA_CACHE_DIR=str(cache))
    warm = run(tmp_path, NUMBA_CACHE_DIR=str(cache))
    assert (cold[1:], warm[1:]) == ((0, 1), (1, 0))
    (tmp_path / "a file").write_text("")
    nowhere = run(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "a file" / "no folder"))
    assert cold[0] == warm[0] == nowhere[0]

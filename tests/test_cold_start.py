"""Compiled code on disk: kept where it can be, and nothing fails where it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sampledsoftmax

pytestmark = [pytest.mark.compiled, pytest.mark.slow]

PROGRAM = """
import numpy as np, sampledsoftmax as ss
from sampledsoftmax.kernels.step.train import train
model = ss.SkipGram(50, 4, 8, ss.SGD(0.1), seed=3)
losses = model.steps(np.arange(12), np.arange(12), 6)
stats = train.entry.stats
print(losses[1].hex(), len(stats.cache_hits), len(stats.cache_misses))
"""


def copy_package(folder):
    shutil.copytree(Path(sampledsoftmax.__file__).parent, folder / "sampledsoftmax",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip


def run(folder, **environment):
    """Run a step of the package that lies in a folder; return (loss, cache hits, cache misses)."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    command = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, capture_output=True, text=True, check=True,
        env={**variables, **environment},
    )  # fmt: skip
    loss, hits, misses = command.stdout.split()
    return loss, int(hits), int(misses)


def test_the_second_process_compiles_nothing_and_a_folder_that_cannot_hold_code_is_no_error(tmp_path):
    copy_package(tmp_path)
    cache = tmp_path / "cache"
    cold = run(tmp_path, NUMBA_CACHE_DIR=str(cache))
    warm = run(tmp_path, NUMBA_CACHE_DIR=str(cache))
    assert (cold[1:], warm[1:]) == ((0, 1), (1, 0))
    (tmp_path / "a file").write_text("")
    nowhere = run(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "a file" / "no folder"))
    assert cold[0] == warm[0] == nowhere[0]


def test_code_is_compiled_again_when_a_file_changes_that_only_a_part_of_it_is_from(tmp_path):
    copy_package(tmp_path)
    cache = str(tmp_path / "cache")
    before = run(tmp_path, NUMBA_CACHE_DIR=cache)
    updates = tmp_path / "sampledsoftmax" / "kernels" / "updates.py"
    text = updates.read_text()
    assert text.count("-= rule.learning_rate * gradients[i, d]\n") == 1
    updates.write_text(text.replace("-= rule.learning_rate * gradients[i, d]\n", "+= gradients[i, d]\n"))
    after = run(tmp_path, NUMBA_CACHE_DIR=cache)
    assert after[1:] == (0, 1)
    assert after[0] != before[0]

"""Training on each vector path: one result, whatever the threads, and to rounding that of the other paths."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sampledsoftmax.jit import simd_width
from sampledsoftmax.word2vec.training import trainer as trainer_module
from tests.word2vec.test_trainer_threads import task_of, trained

pytestmark = [pytest.mark.compiled, pytest.mark.slow]

FORCED = [path for path in simd_width.PATHS if path != simd_width.PATH]
BLOCK = 1024
PROGRAM = f"""
import hashlib, numpy as np
from sampledsoftmax.word2vec.training import trainer as trainer_module
from tests.word2vec.test_trainer_threads import task_of, trained
trainer_module.POSITIONS_PER_BLOCK = {BLOCK}
for skip_gram in (True, False):
    runs = [trained(task_of(np.float32, skip_gram), num_threads) for num_threads in (1, 2, 4)]
    print(*(hashlib.sha256(b"".join(arrays)).hexdigest() for arrays, _ in runs))
    print(*(block.loss for block in runs[0][1]))
"""


@pytest.fixture(scope="module")
def runs():
    """All paths at once: nearly all of the time is the compiler's, which has one thread."""
    running = {path: start(path) for path in FORCED}
    yield running
    for run in running.values():
        run.kill()
        run.communicate()


def start(path):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        env={**os.environ, simd_width.VARIABLE: path, "PYTHONHASHSEED": str(FORCED.index(path) + 1)},
    )  # fmt: skip


@pytest.mark.parametrize("path", FORCED)
def test_a_path_that_is_forced_trains_as_this_one(path, runs, monkeypatch):
    output, errors = runs[path].communicate(timeout=900)
    assert runs[path].returncode == 0, errors
    lines = iter(output.splitlines())
    monkeypatch.setattr(trainer_module, "POSITIONS_PER_BLOCK", BLOCK)
    for skip_gram in (True, False):
        assert len(set(next(lines).split())) == 1
        losses = np.array(next(lines).split(), float)
        _, ours = trained(task_of(np.float32, skip_gram), 1)
        np.testing.assert_allclose(losses, [block.loss for block in ours], rtol=1e-5)

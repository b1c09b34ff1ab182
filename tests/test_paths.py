"""Forced vector paths: their kernels pass the same tests, compiled and as Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sampledsoftmax.jit import simd_width

pytestmark = [pytest.mark.compiled, pytest.mark.slow]

FORCED = [path for path in simd_width.PATHS if path != simd_width.PATH]
# Compiling the public losses takes minutes; tests/test_threads.py runs them on each path.
COMPILED = [
    "tests/test_rows.py",
    "tests/test_transpose.py",
    "tests/test_sigmoid_cross_entropy.py",
    "-k",
    "not knows_all",
]
# Paths differ in the width of panels; whether all arrays are laid out for it also shows without the JIT.
IN_PYTHON = ["tests/word2vec/test_trainer.py", "-k", "test_a_step and 5-7-5-2 and float32"]


def start(path, tests, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-n0", "--full", "-p", "no:cacheprovider", *tests],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=Path(__file__).parents[1],
        env={**os.environ, simd_width.VARIABLE: path, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    """Start all runs at once: most of the time is spent in the compiler, which is single-threaded."""
    running = {(path, False): start(path, COMPILED) for path in FORCED}
    running |= {(path, True): start(path, IN_PYTHON, NUMBA_DISABLE_JIT="1") for path in FORCED}
    yield running
    for run in running.values():
        run.kill()
        run.communicate()


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize("path", FORCED)
def test_a_forced_path_passes_the_same_tests(path, in_python, runs):
    run = runs[path, in_python]
    output, _ = run.communicate(timeout=900)
    assert run.returncode == 0, output
    assert " passed" in output
    assert "skipped" not in output

"""Each vector path that is not this machine's own: its kernels, compiled for it, pass the same tests."""

import os
import subprocess
import sys

import pytest

from sampledsoftmax.machine import vectors

pytestmark = pytest.mark.compiled

# Of training on a text one case, since a path that is forced is compiled anew.
TESTS = [
    "tests/test_rows.py",
    "tests/test_transpose.py",
    "tests/test_sigmoid_cross_entropy.py",
    "tests/words/test_trainer.py::test_a_step_is_the_public_functions_on_its_pairs[200-33-17-5-objective0-skip_gram-float32]",
    "tests/words/test_trainer_threads.py::test_each_optimizer[Adagrad-skip_gram-float32]",
]


def run_on(path):
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not knows_all", *TESTS],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, vectors.VARIABLE: path},
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    """All paths at once: nearly all of their time is the compiler's, which has one thread."""
    running = {path: run_on(path) for path in vectors.PATHS if path != vectors.PATH}
    yield running
    for run in running.values():
        run.kill()
        run.wait()


@pytest.mark.parametrize("path", vectors.PATHS)
def test_a_path_that_is_forced_passes_the_same_tests(path, runs):
    if path == vectors.PATH:
        pytest.skip("the path of this process, whose tests are run as they are")
    output, _ = runs[path].communicate(timeout=900)
    assert runs[path].returncode == 0, output
    assert " passed" in output
    assert "skipped" not in output

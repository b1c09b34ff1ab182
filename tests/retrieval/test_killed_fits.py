"""A fit whose process is killed loses nothing since the last checkpoint, and ends with the same bits."""

import random
import signal
import subprocess
import sys
import time

import pytest

import sampledsoftmax as ss

pytestmark = [pytest.mark.compiled, pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")]

FIT = """
import pathlib, sys
import numpy as np
import sampledsoftmax as ss
path, options = sys.argv[1], {"checkpoint": sys.argv[1], "checkpoint_seconds": 0}
if pathlib.Path(path).exists():
    ss.MatrixFactorization.load(path).fit(resume=True, **options)
else:
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, 400, 8000), rng.integers(0, 200, 8000)
    ss.MatrixFactorization(dim=16, epochs=40, batch_size=32, num_sampled=50, seed=3).fit(users, items, **options)
"""


def start(path):
    return subprocess.Popen([sys.executable, "-c", FIT, str(path)], stdout=subprocess.DEVNULL)


def kill_after_a_checkpoint(path, delay):
    """Return whether the process was killed, `delay` seconds after it has written a checkpoint."""
    before = path.stat() if path.exists() else None
    with start(path) as run:
        while run.poll() is None and (path.stat() if path.exists() else None) == before:
            time.sleep(0.01)
        time.sleep(delay)
        run.kill()
    return run.returncode == -signal.SIGKILL


def test_a_fit_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    whole, path, delays = tmp_path / "whole.zip", tmp_path / "run.zip", random.Random(1)
    with start(whole) as run:
        pass
    assert run.returncode == 0
    killed_at = set()
    for _ in range(3):
        if kill_after_a_checkpoint(path, delays.uniform(0, 0.2)):
            killed_at.add(len(ss.MatrixFactorization.load(path).history))  # loads: what is there is complete
    assert killed_at, "no process was killed in time"
    with start(path) as run:
        pass
    assert run.returncode == 0
    assert path.read_bytes() == whole.read_bytes()

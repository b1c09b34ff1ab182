"""Runs that are killed at random moments, or whose disk is full, lose nothing since the last checkpoint."""

import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sampledsoftmax.word2vec.training import checkpoint

pytestmark = pytest.mark.compiled

NOTHING = subprocess.DEVNULL
EPOCHS = 160


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    rng = np.random.default_rng(1)
    words = np.array([f"w{i}" for i in range(200)])
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    ids = np.minimum(rng.zipf(1.3, (2000, 20)) - 1, 199)
    path.write_text("".join(" ".join(words[row]) + "\n" for row in ids))
    return path


def command(corpus, output, *more):
    options = ["--epochs", str(EPOCHS), "--vector-size", "128", "--min-count", "1", "--checkpoint-seconds", "0"]
    if "--resume" in more:
        options = options[-2:]
    return [sys.executable, "-m", "sampledsoftmax", "train", str(corpus), "--output", str(output), *options, *more]


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """Return the directory of an uninterrupted run."""
    output = tmp_path_factory.mktemp("whole")
    subprocess.run(command(corpus, output), check=True, capture_output=True)
    return output


def position(output):
    path = output / "model.zip"
    return checkpoint.load(path).position if path.exists() else None


def same(output, whole):
    return all((output / f).read_bytes() == (whole / f).read_bytes() for f in ("model.zip", "vectors.txt", "loss.csv"))


def wait_for_change(path, run):
    """Wait until a file is written, or the process has ended."""
    before = path.stat() if path.exists() else None
    while run.poll() is None and (path.stat() if path.exists() else None) == before:
        time.sleep(0.02)


@pytest.mark.parametrize("num_kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(num_kills, corpus, whole, tmp_path):
    moments = random.Random(1)
    output, kills, finished, seen = tmp_path / "run", 0, 0, set()
    while kills < num_kills:
        more = ["--resume"] if position(output) is not None else []
        with subprocess.Popen(command(corpus, output, *more), stdout=NOTHING, stderr=NOTHING) as run:
            try:
                if kills % 2:  # however busy the machine is, half of the kills come after a checkpoint of this run
                    wait_for_change(output / "model.zip", run)
                code = run.wait(timeout=moments.uniform(0.1, 3.0) / (1 + kills % 2))
            except subprocess.TimeoutExpired:
                code = None
                run.kill()
        if code is None:
            kills += 1
            seen.add(position(output))  # loads: what is there is complete
        else:  # it finished between the kills: the remaining ones hit a new run
            assert code == 0
            assert same(output, whole)
            finished += 1
            output = tmp_path / f"run{finished}"
    if position(output) is not None:
        subprocess.run(command(corpus, output, "--resume"), capture_output=True, check=False)
        assert same(output, whole)
    assert len(seen) > num_kills // 6


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_checkpoint(corpus, whole, tmp_path):
    output = tmp_path / "run"
    with subprocess.Popen(command(corpus, output), stdout=NOTHING, stderr=NOTHING) as run:
        while position(output) is None:
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
    assert run.returncode == 130
    before = (output / "model.zip").read_bytes()

    def no_room():
        # like a quota: files may not grow beyond this size
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) * 9 // 10, len(before) * 9 // 10))

    done = subprocess.run(
        command(corpus, output, "--resume"), preexec_fn=no_room, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith("sampledsoftmax: ")
    assert "model.zip cannot be written" in line
    assert "Traceback" not in done.stderr
    assert (output / "model.zip").read_bytes() == before
    assert not [path for path in output.iterdir() if path.suffix == ".new"]
    subprocess.run(command(corpus, output, "--resume"), check=True, capture_output=True)
    assert same(output, whole)

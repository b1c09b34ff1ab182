"""The example trains: its losses fall, on a text of its own and on the standard library."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if not (find_spec("flax") and find_spec("optax")):
    pytest.skip("Flax is not installed: pip install 'sampledsoftmax[jax-example]'", allow_module_level=True)

ROOT = Path(__file__).parents[2]


def losses_of(*arguments):
    """Run the example; return the sampled and the exact losses that it printed."""
    command = [sys.executable, str(ROOT / "examples" / "jax_language_model.py"), *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert run.returncode == 0, run.stderr
    found = re.findall(r"sampled loss (\S+)  held-out loss over all words (\S+)", run.stdout)
    return np.array(found, float).T


def write_text(path, num_words):
    """Write a text in which each word follows from the one before."""
    rng, words = np.random.default_rng(0), [f"word{i}" for i in range(300)]
    follows, current, text = rng.permutation(300), 0, []
    for _ in range(num_words):
        text.append(words[current])
        current = follows[current] if rng.random() < 0.9 else int(rng.integers(300))
    path.write_text(" ".join(text))


@pytest.mark.slow
def test_the_losses_fall_on_a_text(tmp_path):
    write_text(tmp_path / "text.txt", 30_000)
    sampled, exact = losses_of("--text", str(tmp_path / "text.txt"), "--steps", "200")
    assert len(sampled) == len(exact) == 10
    assert sampled[-1] < sampled[0] - 1
    assert exact[-1] < exact[0] - 1


@pytest.mark.slow
def test_the_losses_fall_on_the_standard_library():
    sampled, exact = losses_of("--steps", "150")
    assert sampled[-1] < sampled[0] - 0.5
    assert exact[-1] < exact[0] - 0.3


def test_a_text_that_is_too_short_is_refused(tmp_path):
    (tmp_path / "text.txt").write_text("to be or not to be " * 10)
    command = [sys.executable, str(ROOT / "examples" / "jax_language_model.py"), "--text", str(tmp_path / "text.txt")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert run.returncode == 1
    assert run.stderr.strip() == "the text must have at least 2688 words that occur twice"

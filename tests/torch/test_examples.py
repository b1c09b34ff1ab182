"""The example programs run on a small text and learn."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.compiled


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("the cat sat on the mat and the dog lay near the cat on the mat " * 300)
    return path


def run(program, *arguments):
    command = [sys.executable, str(ROOT / "examples" / program), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=900)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("loss", ["fused", "module"])
def test_the_language_model(text_file, loss):
    printed = run("language_model.py", "--text", text_file, "--loss", loss, "--steps", 200, "--dim", 16,
                  "--num-sampled", 5, "--batch-size", 4, "--length", 8)  # fmt: skip
    found = [float(value) for value in re.findall(r"perplexity ([\d.]+)", printed)]
    assert len(found) == 10
    assert found[-1] < 0.8 * found[0]


def test_the_word_vectors(text_file):
    printed = run("word_vectors.py", "--text", text_file, "--steps", 200, "--dim", 8, "--num-sampled", 4,
                  "--word", "cat", "--word", "xyzzy")  # fmt: skip
    assert "cat: " in printed
    assert "xyzzy: not in the text" in printed
    losses = [float(value) for value in re.findall(r"sampled loss ([\d.]+)", printed)]
    assert losses[-1] < losses[0]


def test_without_a_file_the_standard_library_is_read():
    printed = run("word_vectors.py", "--steps", 20, "--max-tokens", 50_000, "--dim", 8)
    assert "50,000 words" in printed

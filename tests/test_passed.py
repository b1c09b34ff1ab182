"""Two runs that divide the tests: each passes in exactly one, except those that do more in the second."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
import pathlib
import pytest

here = pathlib.Path(__file__).parent
is_first = not (here / "first").exists()

@pytest.fixture
def spoiled():
    yield
    assert not is_first

@pytest.fixture
def full():
    return not is_first

def test_that_does_more(full):
    pass

@pytest.mark.parametrize("text", ["a", "two\\nlines", "caf\u00e9"])
def test_that_passes(text):
    pass

def test_that_fails():
    assert not is_first

def test_that_is_skipped():
    if is_first:
        pytest.skip("not installed")

def test_whose_teardown_fails(spoiled):
    pass

@pytest.mark.skipif(is_first, reason="not here")
def test_that_is_marked():
    pass
"""


def run(folder, *options):
    """Run pytest in a folder; return (the process, the names of the tests that passed)."""
    (folder / "none.ini").write_text("[pytest]")
    common = ["-c", "none.ini", "--rootdir", ".", "-p", "tests.passed", "-rA"]
    command = [sys.executable, "-m", "pytest", *common, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    lines = [line.split(" ", 1) for line in done.stdout.splitlines() if "::" in line]
    return done, sorted(name for outcome, name in lines if outcome == "PASSED")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_each_test_passes_in_one_of_two_runs_or_does_more_in_the_second(tmp_path, workers):
    (tmp_path / "test_them.py").write_text(TESTS, encoding="utf-8")
    passed = tmp_path / "passed"
    first, _ = run(tmp_path, "-n", workers, "--write-passed", str(passed))
    assert first.returncode == 1
    (tmp_path / "first").touch()
    second, in_second = run(tmp_path, "-n", workers, "--except-passed", str(passed))
    assert second.returncode == 0, second.stdout
    assert [name.split("::")[1] for name in in_second] == [
        "test_that_does_more",
        "test_that_fails", "test_that_is_marked", "test_that_is_skipped", "test_whose_teardown_fails"
    ]  # fmt: skip
    names = passed.read_text(encoding="utf-8").split("\0")
    assert sorted(name.split("[")[0].split("::")[1] for name in names) == [
        "test_that_does_more", *["test_that_passes"] * 3
    ]  # fmt: skip


def test_only_the_fixture_knows_of_full_runs():
    """What another test did more with `--full` would be left out."""
    files = (ROOT / "tests").rglob("*.py")
    found = {file.name for file in files if "getoption" in file.read_text(encoding="utf-8")}
    assert found == {"conftest.py", "passed.py", Path(__file__).name}


def test_a_file_that_is_missing_is_named(tmp_path):
    done, _ = run(tmp_path, "--except-passed", "nowhere")
    assert done.returncode == 4
    assert "--except-passed: there is no file nowhere" in done.stderr

"""The recipes for extensions: every block runs as written, from an empty folder outside of the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    """Return the Python blocks of a page, in order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def test_there_are_recipes_with_blocks():
    assert {"sampler"} <= {page.stem for page in RECIPES}
    assert all(blocks(page) for page in RECIPES)
    assert BLOCK.findall("a\n```python\nx = 1\n```\n```text\ny\n```\n```python\nz = 2\n```\n") == ["x = 1\n", "z = 2\n"]


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("page", "number"),
    [pytest.param(page, i, id=f"{page.stem}-{i}") for page in RECIPES for i in range(len(blocks(page)))],
)
def test_a_block_runs_as_written(page, number, tmp_path):
    program = tmp_path / "recipe.py"
    program.write_text(blocks(page)[number], encoding="utf-8")
    command = [sys.executable, "-W", "error", program.name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr

"""The page of promises names a test for each of them, and all of these exist."""

import ast
import os
import re
import stat
from pathlib import Path

import pytest

import sampledsoftmax as ss

ROOT = Path(__file__).parents[1]
ROWS = [
    line
    for line in (ROOT / "docs" / "promises.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| What happens")
]


def functions_of(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_promises():
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].strip("| ")[:40])
def test_each_promise_has_a_test(row):
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
    assert tests
    for path, name in tests:
        assert name in functions_of(path), f"{path} has no {name}"


def test_a_file_is_on_disk_before_it_replaces_another(tmp_path, monkeypatch):
    """Flush the file, rename it, flush its folder: then a power cut leaves the old or the new file."""
    vectors, path = ss.WordVectors(["a"], [[1.0]]), tmp_path / "vectors.txt"
    vectors.save_word2vec_format(path)
    calls = []

    def recorded(name, function):
        def call(first, *arguments, **options):
            if name != "fsync":
                calls.append((name, Path(first).name == path.name, Path(arguments[0]).name == path.name))
            else:
                calls.append((name, stat.S_ISDIR(os.fstat(first).st_mode)))
            return function(first, *arguments, **options)

        return call

    for name in ("fsync", "replace", "rename"):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))
    vectors.save_word2vec_format(path)
    assert calls == [("fsync", False), ("replace", False, True), ("fsync", True)]

"""Private parts of Numba: named in one file, and dispensable."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sampledsoftmax
from sampledsoftmax.jit import numba_internals

PACKAGE = Path(sampledsoftmax.__file__).parent
PRIVATE = re.compile(
    r"\b(JITCodeLibrary|CompilerBase|DefaultPassBuilder|LoweringPass|AnnotateTypes|AttributeTemplate|FunctionCache"
    r"|populate_array|make_array|_final_module|_linking_libraries|_get_module_for_linking|_add_module|_engine"
    r"|_cache_file|_source_stamp|_index_key|_locator_classes|_nrt)\b"
)
# Numba's pages on extending it use these: numba.extending in full, cgutils for generated code.
DOCUMENTED = ("numba.extending", "numba.core.cgutils", "numba.types")

STEP = """
import hashlib, numpy as np, sampledsoftmax as ss
model = ss.SkipGram(50, 40, 17, ss.Adagrad(0.1), seed=3)
rng = np.random.default_rng(0)
for _ in range(3):
    model.step(rng.integers(0, 50, 30), rng.integers(0, 50, (30, 2)))
tables = model.embeddings, model.weights, model.biases
print(hashlib.sha256(b"".join(table.tobytes() for table in tables)).hexdigest())
ss.show_config()
"""

HIDE_MODULES = """
import importlib, numba
import_module = importlib.import_module
def without_internals(name, package=None):
    if name.startswith("numba."):
        raise ModuleNotFoundError(f"No module named {name!r}")
    return import_module(name, package)
importlib.import_module = without_internals
"""

CHANGE_SHAPES = """
from numba.core import caching, codegen
codegen.JITCodeLibrary = type("JITCodeLibrary", (), {"__init__": lambda self, *arguments: None})
del caching.IndexDataCacheFile
"""


def run(program):
    """Return (hash of the tables, what show_config prints about kernels)."""
    command = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                             env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)})  # fmt: skip
    lines = command.stdout.splitlines()
    return lines[0], next(line.removeprefix("kernels").strip() for line in lines if line.startswith("kernels"))


@pytest.fixture(scope="module")
def expected():
    tables, kernels = run(STEP)
    assert kernels == "linked as LLVM IR, kept on disk"
    return tables


@pytest.mark.slow
@pytest.mark.compiled
def test_without_the_private_modules_a_step_has_the_same_bits(expected):
    tables, kernels = run(HIDE_MODULES + STEP)
    assert tables == expected
    assert [line.partition(" (Numba ")[0] for line in kernels.split("; ")] == [
        "with reference counting", "not kept on disk", "compiled one by one", "not finished before a fork"]  # fmt: skip
    assert "ModuleNotFoundError: No module named 'numba.core.caching'" in kernels


@pytest.mark.slow
@pytest.mark.compiled
def test_where_private_classes_have_changed_a_step_has_the_same_bits(expected):
    tables, kernels = run(CHANGE_SHAPES + STEP)
    assert tables == expected
    assert [line.partition(" (Numba ")[0] for line in kernels.split("; ")] == [
        "not kept on disk",
        "compiled one by one",
    ]
    assert "has no attribute 'IndexDataCacheFile'" in kernels


def test_the_installed_numba_has_all_parts():
    assert numba_internals.limitations() == []


def sources():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != Path(numba_internals.__file__)]


def test_no_other_file_names_a_private_part():
    found = {str(path): PRIVATE.findall(path.read_text(encoding="utf-8")) for path in sources()}
    assert {path: names for path, names in found.items() if names} == {}


def test_other_files_import_only_documented_modules_of_numba():
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                is_deep = name.startswith("numba.") and name.count(".") > 1
                assert not is_deep or name.startswith(DOCUMENTED), f"{path} imports {name}"

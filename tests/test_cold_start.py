"""Compiled code on disk: shared by equal sources, never stale, and optional."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sampledsoftmax

pytestmark = [pytest.mark.compiled, pytest.mark.slow]

STEP = """
import numpy as np, sampledsoftmax as ss
from sampledsoftmax.kernels.step.train import run_steps
model = ss.SkipGram(50, 4, 8, ss.SGD(0.1), seed=3)
losses = model.steps(np.arange(12), np.arange(12), 6)
stats = run_steps.entry.stats
print(losses[1].hex(), len(stats.cache_hits), len(stats.cache_misses))
"""

RULE = """
from typing import NamedTuple
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.update.rules import update_row

class HalfStep(NamedTuple):
    learning_rate: float

@update_row.register(HalfStep)
@jit
def _half_step(rule, table, slots, row, gradients, i):
    for d in range(table.shape[1]):
        table[row, d] -= 0.5 * gradients[i, d]
"""

RULE_STEP = """
import numpy as np
from sampledsoftmax.kernels.update.rules import NoSlots, update_rows
{rule}
table = np.ones((3, 2))
update_rows(HalfStep(0.1), table, NoSlots(), np.array([1]), np.ones((1, 2)))
stats = update_rows.entry.stats
print(table[1, 0].hex(), len(stats.cache_hits), len(stats.cache_misses))
"""


def copy_package(folder):
    shutil.copytree(Path(sampledsoftmax.__file__).parent, folder / "sampledsoftmax",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    return folder


def run(folder, cache, program=STEP, **environment):
    """Run a program with the package of a folder; return (result, cache hits, cache misses)."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "PYTHONPATH"))}
    command = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True,
        env={**variables, "NUMBA_CACHE_DIR": str(cache), **environment},
    )  # fmt: skip
    result, hits, misses = command.stdout.split()
    return result, int(hits), int(misses)


def replace_once(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_code_is_shared_by_equal_sources_and_compiled_again_for_others(tmp_path):
    first, second, cache = copy_package(tmp_path / "first"), copy_package(tmp_path / "second"), tmp_path / "cache"
    cold = run(first, cache)
    assert cold[1:] == (0, 1)
    for source in (second / "sampledsoftmax" / "kernels").rglob("*.py"):
        os.utime(source, (1, 1))
    assert run(second, cache) == (cold[0], 1, 0)

    (tmp_path / "a file").write_text("")
    assert run(second, tmp_path / "a file" / "no folder")[0] == cold[0]

    # The entry point is in another file than the kernel that changes.
    rules = second / "sampledsoftmax" / "kernels" / "update" / "rules.py"
    replace_once(rules, "-= rule.learning_rate * gradients[i, d]\n", "+= rule.learning_rate * gradients[i, d]\n")
    changed = run(second, cache)
    assert changed[1:] == (0, 1)
    assert changed[0] != cold[0]
    assert run(first, cache) == (cold[0], 1, 0)  # its code is still there


def test_each_vector_path_has_its_own_code(tmp_path):
    folder, cache = copy_package(tmp_path), tmp_path / "cache"
    program = RULE_STEP.format(rule="from rule import HalfStep")
    (tmp_path / "rule.py").write_text(RULE)
    for path in ("128", "plain"):
        assert run(folder, cache, program, SAMPLEDSOFTMAX_VECTORS=path)[1:] == (0, 1)
        assert run(folder, cache, program, SAMPLEDSOFTMAX_VECTORS=path)[1:] == (1, 0)


def test_code_with_a_kernel_from_outside_depends_on_the_file_of_that_kernel(tmp_path):
    folder, cache = copy_package(tmp_path), tmp_path / "cache"
    program = RULE_STEP.format(rule="from rule import HalfStep")
    (tmp_path / "rule.py").write_text(RULE)
    half = float.hex(0.5)
    assert run(folder, cache, program) == (half, 0, 1)
    assert run(folder, cache, program) == (half, 1, 0)
    replace_once(tmp_path / "rule.py", "0.5 * ", "0.25 * ")
    assert run(folder, cache, program) == (float.hex(0.75), 0, 1)
    (tmp_path / "rule.py").unlink()
    assert run(folder, cache, RULE_STEP.format(rule=RULE)) == (half, 0, 1)  # the index is readable without that module
    assert run(folder, cache, RULE_STEP.format(rule=RULE.replace("0.5 * ", "0.25 * "))) == (float.hex(0.75), 0, 1)


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", [b"", b"garbage", None], ids=["empty", "garbage", "truncated"])
def test_damaged_code_on_disk_is_compiled_again_and_repaired(tmp_path, ending, damage):
    folder, cache = copy_package(tmp_path), tmp_path / "cache"
    program = RULE_STEP.format(rule="from rule import HalfStep")
    (tmp_path / "rule.py").write_text(RULE)
    result, *_ = run(folder, cache, program)
    files = list(cache.rglob(f"*update_rows*{ending}"))
    assert files
    for file in files:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2] if damage is None else damage)
    assert run(folder, cache, program) == (result, 0, 1)
    assert run(folder, cache, program) == (result, 1, 0)

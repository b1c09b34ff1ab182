"""Compiled code on disk: shared by equal sources, never stale, and optional."""

import os
import re
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
print(float(table[1, 0]).hex(), len(stats.cache_hits), len(stats.cache_misses))
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


def half(content):
    return content[: len(content) // 2]


def zeros_in_the_middle(content):
    third = len(content) // 3
    return content[:third] + bytes(third) + content[2 * third :]


def one_bit(content):
    return content[:-200] + bytes([content[-200] ^ 1]) + content[-199:]


DAMAGES = {
    "empty": lambda _: b"",
    "garbage": lambda _: b"garbage" * 100,
    "zeros": lambda content: bytes(len(content)),
    "truncated": half,
    "twice": lambda content: content + content,
    "zeros in the middle": zeros_in_the_middle,
    "one bit": one_bit,
}


@pytest.fixture
def outside_rule(tmp_path):
    """Give a folder with the package and a rule, and a program that runs a small kernel with it."""
    (tmp_path / "rule.py").write_text(RULE)
    return copy_package(tmp_path), RULE_STEP.format(rule="from rule import HalfStep")


def in_float32(program):
    return re.sub(r"np\.ones\((\(\d, 2\))\)", r"np.ones(\1, np.float32)", program)


def code_files(cache):
    files = list(cache.rglob("*update_rows*.nbc"))
    assert files
    return files


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_code_on_disk_is_compiled_again_and_repaired(tmp_path, outside_rule, damage):
    (folder, program), cache = outside_rule, tmp_path / "cache"
    result, *_ = run(folder, cache, program)
    for file in code_files(cache):
        file.write_bytes(damage(file.read_bytes()))
    assert run(folder, cache, program) == (result, 0, 1)
    assert run(folder, cache, program) == (result, 1, 0)


def test_code_of_other_types_under_a_name_is_not_run(tmp_path, outside_rule):
    """As if a file had been restored under the name of another one."""
    (folder, program), cache = outside_rule, tmp_path / "cache"
    result, *_ = run(folder, cache, program)
    (file,) = code_files(cache)
    single = program.replace("np.ones((3, 2))", "np.ones((3, 2), 'f4')").replace(
        "np.ones((1, 2))", "np.ones((1, 2), 'f4')"
    )
    assert run(folder, cache, single)[1:] == (0, 1)
    (other,) = set(code_files(cache)) - {file}
    shutil.copy(other, file)
    assert run(folder, cache, program) == (result, 0, 1)
    assert run(folder, cache, program) == (result, 1, 0)


def unreadable(cache):
    for file in code_files(cache):
        file.unlink()
        file.mkdir()


def folder_is_a_file(cache):
    shutil.rmtree(cache)
    cache.write_text("")


@pytest.mark.parametrize("spoil", [unreadable, folder_is_a_file, shutil.rmtree], ids=lambda spoil: spoil.__name__)
def test_a_step_works_where_the_cache_cannot_be_used(tmp_path, outside_rule, spoil):
    (folder, program), cache = outside_rule, tmp_path / "cache"
    result, *_ = run(folder, cache, program)
    spoil(cache)
    for _ in range(2):
        assert run(folder, cache, program)[0] == result


FULL_DISK = """
import builtins, errno, os, signal
opened = builtins.open
class Full:
    def __init__(self, file): self.file, self.left = file, {size}
    def write(self, data):
        if len(data) > self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.left -= len(data)
        return self.file.write(data)
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
def limited(path, mode="r", *arguments, **options):
    file = opened(path, mode, *arguments, **options)
    return Full(file) if "w" in mode and ".nb" in str(path) else file
builtins.open = limited
"""
FILE_LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""
SIZES = ({"size": 0}, {"size": 5000})
REMOVED = """
import os, shutil, threading, time
def remove():
    while True:
        shutil.rmtree(os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)
        time.sleep(0.001)
threading.Thread(target=remove, daemon=True).start()
"""


@pytest.mark.parametrize(
    "before",
    [
        FULL_DISK.format(size=0),
        FULL_DISK.format(size=1000),
        FILE_LIMIT.format(size=0),
        FILE_LIMIT.format(size=5000),
        REMOVED,
    ],
    ids=["full disk", "almost full disk", "no file size", "small file size", "removed while it runs"],
)
def test_a_step_works_where_nothing_can_be_kept_and_a_later_process_keeps_it(tmp_path, outside_rule, before):
    (folder, program), cache = outside_rule, tmp_path / "cache"
    result = run(folder, cache, before + program)[0]
    assert not list(cache.rglob("*.tmp.*"))
    assert run(folder, cache, program)[0] == result
    assert run(folder, cache, program) == (result, 1, 0)


def test_many_processes_at_once_compile_and_keep_the_code_of_all_types(tmp_path, outside_rule):
    (folder, program), cache = outside_rule, tmp_path / "cache"
    single = program.replace("np.ones((3, 2))", "np.ones((3, 2), 'f4')").replace(
        "np.ones((1, 2))", "np.ones((1, 2), 'f4')"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "PYTHONPATH"))}
    running = [
        subprocess.Popen([sys.executable, "-c", one], cwd=folder, env={**environment, "NUMBA_CACHE_DIR": str(cache)},
                         stdout=subprocess.PIPE, text=True)
        for one in (program, single) * 2
    ]  # fmt: skip
    results = {process.communicate(timeout=300)[0].split()[0] for process in running}
    assert results == {float.hex(0.5)}
    assert [process.returncode for process in running] == [0] * 4
    for one in (program, single):
        assert run(folder, cache, one)[1:] == (1, 0)


def test_without_a_home_that_can_be_written_each_process_compiles(tmp_path, outside_rule):
    folder, program = outside_rule
    (tmp_path / "home").write_text("")
    for pycache in (folder / "sampledsoftmax").rglob("__pycache__"):
        shutil.rmtree(pycache)
    kernels = folder / "sampledsoftmax" / "kernels" / "update"
    (kernels / "__pycache__").write_text("")  # a file: no folder of this name can be made
    environment = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home"), "NUMBA_CACHE_DIR": ""}
    for _ in range(2):
        assert run(folder, "", program, **environment) == (float.hex(0.5), 0, 1)

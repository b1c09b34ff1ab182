import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training import memory
from sampledsoftmax.word2vec.training.memory import (
    MemoryPlan,
    available_memory,
    check_fits,
    in_units,
    plan_memory,
    resident_memory,
)
from sampledsoftmax.word2vec.training.watch import Watch

MEMINFO = "MemTotal:  2000 kB\nMemFree:  10 kB\nMemAvailable:  1000 kB\n"
STATUS = "Name:\tpython\nVmSize:\t  300 kB\nVmData:\t  100 kB\n"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Let a test write the files of a system; the process has no limits."""
    monkeypatch.setattr(memory, "_ROOT", tmp_path)
    monkeypatch.setattr(memory, "resource", None)

    def write(**files):
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return write


def test_plans_count_what_arrays_hold():
    num_words, size = 1003, 17
    tables = [np.zeros((num_words, size), np.float32)] * 2 + [np.zeros(num_words, np.float32)]
    plan = plan_memory(num_words, size, slots_per_weight=2, stream_bytes=11)
    assert plan.tables == sum(table.nbytes for table in tables)
    assert plan == MemoryPlan(plan.tables, 2 * plan.tables, 11)
    assert plan.total == 3 * plan.tables + 11
    assert str(plan) == "421 kB: tables 140 kB, slots 281 kB, stream 11 bytes"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (999_499, "999 kB"), (999_500, "1 MB"), (10**17, "1e+05 TB")],
)
def test_sizes_for_people(size, text):
    assert in_units(size) == text


def test_plans_of_a_run_count_the_process_and_what_comes_after_the_tables():
    plan = plan_memory(1000, 10, slots_per_weight=0, stream_bytes=8, copied=1.0)
    both = plan_memory(1000, 10, slots_per_weight=0, stream_bytes=8, copied=2.0)
    assert both.vectors - plan.vectors == 1000 * 10 * 4
    assert plan.total == plan.tables + plan.stream + plan.process + max(plan.work, plan.vectors)
    more = plan_memory(1000, 10, slots_per_weight=0, stream_bytes=8, copied=1.0, shard_bytes=10**6)
    assert more.work - plan.work == 10**6
    assert resident_memory() is None or plan.process > 10**7
    assert "process " in str(plan)
    assert "vectors " in str(plan)


def test_a_run_of_more_shards_plans_more_memory():
    """The buffers of a shard, with batches of 80 words, 5 words of context and 100 numbers, take about 1.3 MB."""
    plans = []

    def stop(plan):
        plans.append(plan)
        raise KeyboardInterrupt

    for shards in (1, 65):
        with pytest.raises(KeyboardInterrupt):
            Word2Vec(shards=shards, batch_size=80, min_count=1).train([["a", "b", "c"]] * 20, watch=Watch(on_plan=stop))
    assert 10**6 < (plans[1].work - plans[0].work) / 64 < 2 * 10**6


MEASURED = """
import sys
from pathlib import Path
from sampledsoftmax.word2vec.model import Word2Vec
from sampledsoftmax.word2vec.training.watch import Watch

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM:"))

settings = {"min_count": 1, "epochs": 1, "threads": 1, "vector_size": int(sys.argv[2])}
_ = Word2Vec([["a", "b", "c"]] * 20, **settings).vectors  # the compiled code is loaded
plans = []
model = Word2Vec(**settings)
model.train(Path(sys.argv[1]), watch=Watch(on_plan=plans.append), checkpoint=sys.argv[1] + ".zip")
_ = model.vectors
print(plans[0].total, peak())
"""


@pytest.mark.compiled
@pytest.mark.skipif(resident_memory() is None, reason="needs /proc")
@pytest.mark.parametrize(("num_words", "size"), [(100_000, 100), pytest.param(1_000_000, 4, marks=pytest.mark.slow)])
def test_a_run_takes_what_its_plan_says(num_words, size, tmp_path):
    """Measured: 0.9 to 1.2 times as much, from 100,000 words of 100 numbers to 2 million words of 4."""
    path = tmp_path / "corpus.txt"
    ids = np.random.default_rng(1).permutation(np.arange(2 * num_words) % num_words).reshape(-1, 20)
    path.write_text("".join(" ".join(f"word{i:07d}" for i in row) + "\n" for row in ids))
    command = [sys.executable, "-c", MEASURED, str(path), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    planned, measured = map(int, done.stdout.split())
    assert 0.75 < planned / measured < 1.4


def test_bad_plans():
    with pytest.raises(ValueError, match="num_words must be at least 1, got 0"):
        plan_memory(0, 1)
    with pytest.raises(ValueError, match="slots_per_weight must be at least 0, got -1"):
        plan_memory(1, 1, slots_per_weight=-1)


def test_what_does_not_fit_is_refused_and_the_stream_need_not_fit():
    plan = MemoryPlan(tables=600, slots=400, stream=10**9)
    check_fits(plan, available=1000)
    with pytest.raises(ValueError, match=r"^tables and slots take 1 kB, but 999 bytes of memory is available: raise "):
        check_fits(plan, available=999)


def test_nothing_is_refused_where_nothing_is_known(system):
    assert available_memory() is None
    check_fits(MemoryPlan(10**18, 0, 0))


def test_memory_of_the_machine(system):
    system(proc__meminfo=MEMINFO)
    assert available_memory() == 1000 * 1024
    with pytest.raises(ValueError, match=r"but 1\.02 MB of memory is available"):
        check_fits(MemoryPlan(2 * 10**6, 0, 0))


def test_control_groups_of_version_2_up_to_the_root(system):
    system(
        proc__meminfo=MEMINFO,
        proc__self__cgroup="0::/a/b\n",
        sys__fs__cgroup__a__b__memory_dot_max="max\n",
        sys__fs__cgroup__a__b__memory_dot_current="5\n",
        sys__fs__cgroup__a__memory_dot_max="90000\n",
        sys__fs__cgroup__a__memory_dot_current="50000\n",
        sys__fs__cgroup__a__memory_dot_stat="anon 1\ninactive_file 7000\nfile 9000\n",
    )
    assert available_memory() == 90000 - 50000 + 7000
    system(sys__fs__cgroup__memory_dot_max="30000\n", sys__fs__cgroup__memory_dot_current="40000\n")
    assert available_memory() == 0


def test_control_groups_of_version_1(system):
    system(
        proc__meminfo=MEMINFO,
        proc__self__cgroup="5:cpu,cpuacct:/x\n4:memory:/jobs/1\n0::/\n",
        sys__fs__cgroup__memory__memory_dot_limit_in_bytes="50000\n",
        sys__fs__cgroup__memory__memory_dot_usage_in_bytes="20000\n",
        sys__fs__cgroup__memory__memory_dot_stat="inactive_file 1\ntotal_inactive_file 500\n",
    )
    assert available_memory() == 50000 - 20000 + 500


def test_a_group_outside_of_what_is_mounted(system):
    system(proc__meminfo=MEMINFO, proc__self__cgroup="0::/../../other\n")
    assert available_memory() == 1000 * 1024


def test_limits_of_the_process(system, monkeypatch):
    class Limits:
        RLIM_INFINITY, RLIMIT_AS, RLIMIT_DATA = -1, 1, 2
        soft: ClassVar = {1: -1, 2: -1}

        @classmethod
        def getrlimit(cls, limit):
            return cls.soft[limit], -1

    monkeypatch.setattr(memory, "resource", Limits)
    system(proc__meminfo=MEMINFO, proc__self__status=STATUS)
    assert available_memory() == 1000 * 1024
    Limits.soft[1] = 700 * 1024
    assert available_memory() == 400 * 1024
    Limits.soft[2] = 150 * 1024
    assert available_memory() == 50 * 1024


def test_this_machine():
    available = available_memory()
    assert available is None or 0 < available < 2**50

"""What `pytest` runs by default, what `pytest --full` adds, and how tests are divided among worker processes."""

import os
from importlib.util import find_spec

import hypothesis
import numba
import pytest

from tests.parallel import FileScheduler, longest_first
from tests.subset import subset

pytest_plugins = ["tests.browser", "tests.passed"]

# Examples in the documentation of an extra run where it is installed; elsewhere its tests say that they are skipped.
EXAMPLES_OF_EXTRAS = {
    "jax": ["sampledsoftmax/jax/*", "docs/jax.md"],
    "ray": ["sampledsoftmax/ray/*", "tests/ray/reused.py", "docs/ray.md"],
    "tensorflow": ["docs/keras.md"],
    "torch": ["sampledsoftmax/torch/*", "tests/torch/cases.py", "docs/torch.md"],
}
collect_ignore_glob = [path for extra, paths in EXAMPLES_OF_EXTRAS.items() if not find_spec(extra) for path in paths]

SLOW_FIXTURES = {"browser", "suite"}  # Chromium; a run of all benchmarks
MOST_WORKERS = 8  # each imports TensorFlow and compiles: about 2 GB
NUM_LEFT_OUT = pytest.StashKey[int]()

# Examples follow from the test, not from chance, so a failure repeats and every run tests the same, and no limit on
# time can fail on a busy machine.
hypothesis.settings.register_profile(
    "deterministic",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("deterministic")


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the slow tests too, and whole grids of parameters")


def pytest_configure(config):
    config.stash[NUM_LEFT_OUT] = 0
    for marker in (
        "compiled: too slow, or without meaning, when the JIT is off",
        "slow: runs with --full only",
        "subset(size, **base): only some parameter sets of this test run without --full, see tests/subset.py",
    ):
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    items[:] = longest_first(items)
    if numba.config.DISABLE_JIT:
        skip = pytest.mark.skip(reason="kernels are not compiled in this run")
        for item in items:
            if "compiled" in item.keywords:
                item.add_marker(skip)
    if not config.getoption("full"):
        leave_out(config, items)


def leave_out(config, items):
    """Deselect slow tests, except those that the command line names one by one."""
    named = {argument.split("[")[0] for argument in config.args if "::" in argument}
    slow = {item for item in items if is_slow(item)} | left_out_of_grids(items)
    slow = {item for item in slow if item.nodeid.split("[")[0] not in named}
    config.stash[NUM_LEFT_OUT] += len(slow)
    config.hook.pytest_deselected(items=[item for item in items if item in slow])
    items[:] = [item for item in items if item not in slow]


def is_slow(item):
    return "slow" in item.keywords or bool(SLOW_FIXTURES & set(getattr(item, "fixturenames", ())))


def left_out_of_grids(items):
    """Return the items of grids that are not in the subset that their marker asks for."""
    grids = {}
    for item in items:
        if item.get_closest_marker("subset"):
            grids.setdefault((item.path, item.originalname), []).append(item)
    left_out = set()
    for grid in grids.values():
        marker = grid[0].get_closest_marker("subset")
        kept = subset([item.callspec for item in grid], *marker.args, **marker.kwargs)
        left_out.update(item for i, item in enumerate(grid) if i not in kept)
    return left_out


def pytest_sessionfinish(session):
    output = getattr(session.config, "workeroutput", None)  # of a worker; the controller collects nothing itself
    if output is not None:
        output["left_out"] = session.config.stash[NUM_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    node.config.stash[NUM_LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter, config):
    if left_out := config.stash[NUM_LEFT_OUT]:
        terminalreporter.write_line(f"{left_out} slow tests were left out: pytest --full runs them")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Count the cores that this process may use; `-n auto` alone would count those of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", min(cores, MOST_WORKERS)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return FileScheduler(config, log)

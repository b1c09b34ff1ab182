"""Two runs of pytest that divide the tests: what passed in the first is left out of the second.

`pytest --write-passed=FILE` writes the names of the tests that passed, and `pytest --full --except-passed=FILE` runs
all others: those that were slow, skipped or failed, and those that do more with `--full`, by the fixture `full`.
"""

from pathlib import Path

import pytest

SEPARATOR = "\0"  # parameters may have line ends


def pytest_addoption(parser):
    parser.addoption("--write-passed", metavar="FILE", help="write the names of the tests that passed")
    parser.addoption("--except-passed", metavar="FILE", help="leave out the tests that such a file names")


def pytest_configure(config):
    read, written = config.getoption("except_passed"), config.getoption("write_passed")
    if read:
        if not Path(read).is_file():
            raise pytest.UsageError(f"--except-passed: there is no file {read}")
        config.pluginmanager.register(LeaveOut(Path(read)))
    if written and not hasattr(config, "workerinput"):  # the process that hears of all tests
        config.pluginmanager.register(Recorder(Path(written)))


class LeaveOut:
    """Deselects the tests that a file names."""

    def __init__(self, file):
        self.names = set(file.read_text(encoding="utf-8").split(SEPARATOR))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        config.hook.pytest_deselected(items=[item for item in items if self.has_passed(item)])
        items[:] = [item for item in items if not self.has_passed(item)]

    def has_passed(self, item):
        return item.nodeid in self.names and "full" not in getattr(item, "fixturenames", ())


class Recorder:
    """Writes the names of the tests whose setup, call and teardown have passed."""

    def __init__(self, file):
        self.file, self.outcomes = file, {}

    def pytest_runtest_logreport(self, report):
        self.outcomes.setdefault(report.nodeid, set()).add(report.outcome)

    def pytest_sessionfinish(self):
        passed = [name for name, outcomes in self.outcomes.items() if outcomes == {"passed"}]
        self.file.write_text(SEPARATOR.join(passed), encoding="utf-8")

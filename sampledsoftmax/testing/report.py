"""Reports of checks: what was asked, what was found, and the verdict, in words."""

import textwrap
from dataclasses import dataclass

_WIDTH = 100


@dataclass(frozen=True)
class Check:
    """One question about a sampler or a loss, and its answer.

    Parameters
    ----------
    name : str
        Short name, such as "expected counts".
    passed : bool
        The verdict.
    asked : str
        The question.
    found : str
        The answer, with how large the deviation is.
    size : float
        The deviation as a number, in the unit that `found` names; 0 where there is none to measure.

    Examples
    --------
    >>> print(Check("calls", False, "Do two calls differ?", "All 10 calls returned the same ids.", 1.0))
    FAILED  calls: Do two calls differ?
            All 10 calls returned the same ids.
    """

    name: str
    passed: bool
    asked: str
    found: str
    size: float = 0.0

    def __str__(self) -> str:
        head = "passed" if self.passed else "FAILED"
        lines = textwrap.wrap(f"{self.name}: {self.asked}", _WIDTH) + textwrap.wrap(self.found, _WIDTH)
        return "\n".join(f"{head if i == 0 else '':8}{line}" for i, line in enumerate(lines))


@dataclass(frozen=True)
class Report:
    """The checks of a sampler or a loss. It is true if all passed, so that a test can assert it.

    Parameters
    ----------
    subject : str
        What was checked, and with how much data.
    checks : tuple of Check
        In the order in which they ran. If one finds something that the later ones rely on, they did not run.

    Attributes
    ----------
    passed : bool
        Whether all checks passed.
    failures : tuple of Check
        Those that did not.

    Examples
    --------
    >>> report = Report("a sampler", (Check("ids", True, "Are all ids classes?", "Yes."),))
    >>> print(report)
    a sampler: 1 of 1 checks passed
    passed  ids: Are all ids classes?
            Yes.
    >>> assert report
    >>> report.raise_if_failed()
    """

    subject: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        passed = len(self.checks) - len(self.failures)
        head = f"{self.subject}: {passed} of {len(self.checks)} checks passed"
        return "\n".join([head, *map(str, self.checks)])

    def __repr__(self) -> str:
        return str(self)  # a failed assertion shows it

    def __getitem__(self, name: str) -> Check:
        """Return a check by its name; KeyError if it did not run."""
        found = next((check for check in self.checks if check.name == name), None)
        if found is None:
            raise KeyError(f"no check {name!r} ran: there are {', '.join(check.name for check in self.checks)}")
        return found

    def raise_if_failed(self) -> None:
        """Raise AssertionError with the report as its message, unless all checks passed.

        Raises
        ------
        AssertionError
            If a check failed.
        """
        if not self.passed:
            raise AssertionError(str(self))

"""A contestant in a process of its own, as seen from outside."""

from typing import Any

from benchmarks import training
from benchmarks.cases import Case
from benchmarks.child import Child, ChildError
from benchmarks.contestants import Spec
from benchmarks.truth import NUM_STEPS, Agreement, Truth, compare


class Entrant:
    """Starts its process when it is first needed, and keeps it from case to case."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.threads = 0
        self._child: Child | None = None

    def build(self, case: Case, optimizer: str) -> None:
        """Make the contestant with its tables; the one before is dropped."""
        self.threads = self._call(training.build, self.spec.target, dict(self.spec.options), case, optimizer)

    def agreement(self, case: Case, expected: Truth) -> Agreement:
        """Take the first steps and return how far they are off."""
        losses, rows = self._call(training.first_steps, case, NUM_STEPS, expected.ids)
        return compare(expected, losses, rows)

    def turn(self, case: Case, seconds: float, first: int) -> list[float]:
        """Return times of single steps in seconds."""
        times: list[float] = self._call(training.turn, case, seconds, first)
        return times

    def free(self) -> None:
        """Drop the contestant and its tables; the process goes on."""
        if self._child is not None:
            self._call(training.free)

    @property
    def idle_share(self) -> float:
        """Processor time over wall time of the process while it had nothing to do."""
        return self._child.idle_share if self._child is not None else 0.0

    def dismiss(self) -> None:
        """Let the process end, without waiting for it."""
        if self._child is not None:
            self._child.dismiss()

    def close(self) -> None:
        """End the process; a later call starts another one."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _call(self, *args: Any) -> Any:
        if self._child is None:
            self._child = Child(self.spec.environment)
        try:
            return self._child.call(*args)
        except ChildError:
            self.close()  # it may be ended, or hold half of a contestant
            raise

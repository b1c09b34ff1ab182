"""A contestant in its own process, as the parent process uses it."""

from typing import Any

from benchmarks import worker_tasks
from benchmarks.cases import Case
from benchmarks.child import Child, ChildError
from benchmarks.contestants import Spec
from benchmarks.truth import NUM_STEPS, Agreement, Truth, compare


class WorkerProcess:
    """Starts the process on first use and keeps it for all cases."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.threads = 0
        self._child: Child | None = None

    def build(self, case: Case, optimizer: str) -> None:
        """Construct the contestant with its tables; a previous one is dropped."""
        self.threads = self._call(worker_tasks.build, self.spec.target, dict(self.spec.options), case, optimizer)

    def agreement(self, case: Case, expected: Truth) -> Agreement:
        """Take the first steps and return their errors."""
        losses, rows = self._call(worker_tasks.first_steps, case, NUM_STEPS, expected.ids)
        return compare(expected, losses, rows)

    def turn(self, case: Case, seconds: float, first: int) -> list[float]:
        """Return times of single steps in seconds."""
        times: list[float] = self._call(worker_tasks.turn, case, seconds, first)
        return times

    def free(self) -> None:
        """Drop the contestant and its tables; the process keeps running."""
        if self._child is not None:
            self._call(worker_tasks.free)

    @property
    def idle_share(self) -> float:
        """CPU time over wall time of the process between calls."""
        return self._child.idle_share if self._child is not None else 0.0

    def stop(self) -> None:
        """Ask the process to end, without waiting for it."""
        if self._child is not None:
            self._child.stop()

    def close(self) -> None:
        """End the process; a later call starts a new one."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _call(self, *args: Any) -> Any:
        if self._child is None:
            self._child = Child(self.spec.environment)
        try:
            return self._child.call(*args)
        except ChildError:
            self.close()  # the process may have ended, or have a half-constructed contestant
            raise

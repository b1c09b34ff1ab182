"""A benchmark session: for one case and optimizer, contestants are verified, then timed in rotation."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tqdm import tqdm

from benchmarks.cases import Case
from benchmarks.child import ChildError
from benchmarks.limits.limit import Limit
from benchmarks.machine import busy_share, free_memory_bytes
from benchmarks.timing import summary
from benchmarks.truth import Agreement, truth
from benchmarks.worker import WorkerProcess

SETTLE = 0.1  # seconds before a turn, for the threads of the previous contestant to go to sleep
LISTEN = 0.5  # seconds before the rounds in which the load of the machine is measured
MEMORY_SHARE = 0.8  # share of the free memory that tables may take
BUILDING = 1.2  # peak memory of a contestant during construction, relative to its tables


@dataclass(frozen=True)
class Effort:
    """Number of timing rounds, and seconds per turn."""

    rounds: int = 5
    seconds: float = 0.5


@dataclass
class _Timed:
    worker: WorkerProcess
    agreement: Agreement
    threads: int
    rounds: list[list[float]] = field(default_factory=list)


class Session:
    """Contestants of one case and optimizer, with their results so far."""

    def __init__(self, case: Case, optimizer: str, effort: Effort) -> None:
        self.case = case
        self.optimizer = optimizer
        self.effort = effort
        self.left_out: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._records: list[_Timed] = []
        self._resident = True  # whether all contestants keep their tables in memory at the same time

    def run(self, workers: Sequence[WorkerProcess], limit: Limit | None) -> dict[str, Any]:
        """Verify and time the contestants, and return the results as plain data."""
        self._resident = self._fit_in_memory(workers)
        fitting = self._fitting(workers)
        expected = truth(self.case, self.optimizer) if fitting else None
        for worker in fitting:
            self._admit(worker, expected)
        time.sleep(SETTLE)
        busy = busy_share(min(LISTEN, self.effort.seconds))
        for number in tqdm(range(self.effort.rounds), str(self.case), leave=False, disable=None):  # on terminals only
            for record in list(self._records):
                self._take_turn(record, number)
            limit = self._measured_again(limit)
        for record in self._records:
            record.worker.free()
        return {**self._result(limit), "busy_share": round(busy, 3)}

    def _measured_again(self, limit: Limit | None) -> Limit | None:
        """Measure the limit once more; return None if there is none or if it fails."""
        if limit is not None:
            try:
                time.sleep(SETTLE)
                limit.turn(self.case, self.effort.seconds, keep=self._resident)
            except ChildError as error:
                self.left_out["limit"] = str(error)
                return None
        return limit

    def _fit_in_memory(self, workers: Sequence[WorkerProcess]) -> bool:
        """Return whether the tables of all contestants fit in memory together."""
        return (len(workers) + BUILDING) * self._bytes() < MEMORY_SHARE * free_memory_bytes()

    def _fitting(self, workers: Sequence[WorkerProcess]) -> Sequence[WorkerProcess]:
        free = free_memory_bytes()
        if self._bytes() * BUILDING < free:
            return workers
        why = f"its tables take {self._bytes() / 1e9:.0f} GB, and {free / 1e9:.0f} GB of memory are free"
        self.left_out |= {worker.spec.name: why for worker in workers}
        return ()

    def _bytes(self) -> int:
        return self.case.num_bytes(self.optimizer)

    def _admit(self, worker: WorkerProcess, expected: Any) -> None:
        """Verify a contestant; if not all fit in memory together, also take its first turn now."""
        with self._left_out_if_it_fails(worker):
            worker.build(self.case, self.optimizer)
            agreement = worker.agreement(self.case, expected)
            if agreement.problem:
                self.refused[worker.spec.name] = agreement.problem
                worker.free()
                return
            self._records.append(_Timed(worker, agreement, worker.threads))
            if not self._resident:
                self._time(self._records[-1])

    def _take_turn(self, record: _Timed, number: int) -> None:
        if len(record.rounds) > number:
            return
        with self._left_out_if_it_fails(record.worker):
            if not self._resident:
                record.worker.build(self.case, self.optimizer)
            self._time(record)

    def _time(self, record: _Timed) -> None:
        time.sleep(SETTLE)
        record.rounds.append(record.worker.turn(self.case, self.effort.seconds, len(record.rounds)))
        if not self._resident:
            record.worker.free()

    @contextlib.contextmanager
    def _left_out_if_it_fails(self, worker: WorkerProcess) -> Iterator[None]:
        try:
            yield
        except ChildError as error:
            self.left_out[worker.spec.name] = str(error)
            self._records = [record for record in self._records if record.worker is not worker]

    def _result(self, limit: Limit | None) -> dict[str, Any]:
        result: dict[str, Any] = {
            "case": asdict(self.case),
            "optimizer": self.optimizer,
            "rounds": self.effort.rounds,
            "seconds_a_turn": self.effort.seconds,
            "all_in_memory": self._resident,
            "rows": [_row(record) for record in self._records],
            "left_out": self.left_out,
            "refused": self.refused,
        }
        if limit is not None and self._records:
            result["limit"] = limit.of(self.case, self.optimizer)
            limit.end_of_case()
        return result


def _row(record: _Timed) -> dict[str, Any]:
    spec, agreement = record.worker.spec, record.agreement
    return {
        "name": spec.name,
        "label": spec.label,
        "threads": record.threads,
        **summary(record.rounds),
        "idle_share": round(record.worker.idle_share, 4),
        "loss_error": float(f"{agreement.loss:.2g}"),
        "row_error": float(f"{agreement.row:.2g}"),
        "step_error": float(f"{agreement.step:.2g}"),
    }

"""One case with one optimizer: contestants are checked, then timed in turns."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tqdm import tqdm

from benchmarks.cases import Case
from benchmarks.child import ChildError
from benchmarks.entrant import Entrant
from benchmarks.limits.limit import Limit
from benchmarks.machine import busy_share, free_memory_bytes
from benchmarks.timing import summary
from benchmarks.truth import Agreement, truth

SETTLE = 0.1  # seconds before a turn, in which the threads of the one before go to sleep
LISTEN = 0.5  # seconds before the rounds, in which nobody should be at work
MEMORY_SHARE = 0.8  # of the free memory that tables may take
BUILDING = 1.2  # the largest memory of a contestant that is being made, over that of its tables


@dataclass(frozen=True)
class Effort:
    """How often and how long everything is timed."""

    rounds: int = 5
    seconds: float = 0.5


@dataclass
class _Record:
    entrant: Entrant
    agreement: Agreement
    threads: int
    rounds: list[list[float]] = field(default_factory=list)


class Sitting:
    """Contestants of one case and optimizer, and what is known of them."""

    def __init__(self, case: Case, optimizer: str, effort: Effort) -> None:
        self.case = case
        self.optimizer = optimizer
        self.effort = effort
        self.left_out: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._records: list[_Record] = []
        self._resident = True  # whether all contestants keep their tables while others are timed

    def run(self, entrants: Sequence[Entrant], limit: Limit | None) -> dict[str, Any]:
        """Check and time the contestants and return the figures as plain data."""
        self._resident = self._fit_in_memory(entrants)
        fitting = self._that_fit_alone(entrants)
        expected = truth(self.case, self.optimizer) if fitting else None
        for entrant in fitting:
            self._admit(entrant, expected)
        time.sleep(SETTLE)
        busy = busy_share(min(LISTEN, self.effort.seconds))
        for number in tqdm(range(self.effort.rounds), str(self.case), leave=False, disable=None):  # on terminals only
            for record in list(self._records):
                self._take_turn(record, number)
            limit = self._measured_again(limit)
        for record in self._records:
            record.entrant.free()
        return {**self._result(limit), "busy_share": round(busy, 3)}

    def _measured_again(self, limit: Limit | None) -> Limit | None:
        """Give the limit its turn; return None if there is none or it fails."""
        if limit is not None:
            try:
                time.sleep(SETTLE)
                limit.turn(self.case, self.effort.seconds, keep=self._resident)
            except ChildError as error:
                self.left_out["limit"] = str(error)
                return None
        return limit

    def _fit_in_memory(self, entrants: Sequence[Entrant]) -> bool:
        """Return whether all contestants can keep their tables while others are timed."""
        return (len(entrants) + BUILDING) * self._bytes() < MEMORY_SHARE * free_memory_bytes()

    def _that_fit_alone(self, entrants: Sequence[Entrant]) -> Sequence[Entrant]:
        free = free_memory_bytes()
        if self._bytes() * BUILDING < free:
            return entrants
        why = f"its tables take {self._bytes() / 1e9:.0f} GB, and {free / 1e9:.0f} GB of memory are free"
        self.left_out |= {entrant.spec.name: why for entrant in entrants}
        return ()

    def _bytes(self) -> int:
        return self.case.num_bytes(self.optimizer)

    def _admit(self, entrant: Entrant, expected: Any) -> None:
        """Check a contestant; one that cannot stay in memory takes its first turn while it is there."""
        with self._left_out_if_it_fails(entrant):
            entrant.build(self.case, self.optimizer)
            agreement = entrant.agreement(self.case, expected)
            if agreement.problem:
                self.refused[entrant.spec.name] = agreement.problem
                entrant.free()
                return
            self._records.append(_Record(entrant, agreement, entrant.threads))
            if not self._resident:
                self._time(self._records[-1])

    def _take_turn(self, record: _Record, number: int) -> None:
        if len(record.rounds) > number:
            return
        with self._left_out_if_it_fails(record.entrant):
            if not self._resident:
                record.entrant.build(self.case, self.optimizer)
            self._time(record)

    def _time(self, record: _Record) -> None:
        time.sleep(SETTLE)
        record.rounds.append(record.entrant.turn(self.case, self.effort.seconds, len(record.rounds)))
        if not self._resident:
            record.entrant.free()

    @contextlib.contextmanager
    def _left_out_if_it_fails(self, entrant: Entrant) -> Iterator[None]:
        try:
            yield
        except ChildError as error:
            self.left_out[entrant.spec.name] = str(error)
            self._records = [record for record in self._records if record.entrant is not entrant]

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


def _row(record: _Record) -> dict[str, Any]:
    spec, agreement = record.entrant.spec, record.agreement
    return {
        "name": spec.name,
        "label": spec.label,
        "threads": record.threads,
        **summary(record.rounds),
        "idle_share": round(record.entrant.idle_share, 4),
        "loss_error": float(f"{agreement.loss:.2g}"),
        "row_error": float(f"{agreement.row:.2g}"),
        "step_error": float(f"{agreement.step:.2g}"),
    }

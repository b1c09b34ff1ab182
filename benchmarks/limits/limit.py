"""The limit of a step, measured in rotation with the contestants because the clock rate of a machine changes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import sampledsoftmax as ss
from benchmarks.cases import SEED, Case
from benchmarks.child import Child
from benchmarks.limits.fma import fma_rates
from benchmarks.limits.rows import RowTraffic
from benchmarks.limits.sgemm import ONE_THREAD, sgemm_rate

_rows: list[RowTraffic] = []  # of this process


@dataclass
class Limit:
    """Two processes that measure peak rates, and the best rates so far.

    Arithmetic rates are kept over all cases; rates of row traffic are measured for each case.
    """

    everything: Child = field(default_factory=Child)
    one_blas_thread: Child = field(default_factory=lambda: Child(ONE_THREAD))
    arithmetic: dict[str, float] = field(default_factory=dict)
    rows: dict[str, float] = field(default_factory=dict)

    def turn(self, case: Case, seconds: float, keep: bool) -> None:
        """Measure once more; `keep` keeps the table of rows in memory for the next turn."""
        one, many = self.everything.call(fma_rates, seconds / 4)
        _update_maximum(self.arithmetic, "fma_1_thread", one)
        _update_maximum(self.arithmetic, "fma", many)
        _update_maximum(self.arithmetic, "sgemm", self.everything.call(sgemm_rate, seconds / 4))
        _update_maximum(self.arithmetic, "sgemm_1_thread", self.one_blas_thread.call(sgemm_rate, seconds / 4))
        for name, rate in self.everything.call(row_rates, case, seconds / 4, keep).items():
            _update_maximum(self.rows, name, rate)

    def end_of_case(self) -> None:
        """Drop the rates of the case."""
        self.everything.call(_rows.clear)
        self.rows = {}

    def close(self) -> None:
        """End both processes."""
        self.one_blas_thread.stop()
        self.everything.close()
        self.one_blas_thread.close()

    def of(self, case: Case, optimizer: str) -> dict[str, Any]:
        """Return the limit of a step in microseconds, with its components."""
        flops = 3 * 2 * case.batch_size * case.num_sampled * case.dim
        traffic = row_bytes(case, optimizer)
        flops_rate, rows_rate = max(self.arithmetic.values()), max(self.rows.values())
        return {
            "us": round(1e6 * (flops / flops_rate + traffic / rows_rate), 2),
            "products_us": round(1e6 * flops / flops_rate, 2),
            "rows_us": round(1e6 * traffic / rows_rate, 2),
            "mflop": round(flops / 1e6, 1),
            "row_mb": round(traffic / 1e6, 3),
            "gflops": {name: round(rate / 1e9, 1) for name, rate in self.arithmetic.items()},
            "rows_gb_per_second": {name: round(rate / 1e9, 1) for name, rate in self.rows.items()},
        }


def row_rates(case: Case, seconds: float, keep: bool) -> dict[str, float]:
    """Return the rates of `RowTraffic`; runs in the process that holds its table."""
    if not _rows:
        _rows.append(RowTraffic(case))
    rates = _rows[0].rates(seconds)
    if not keep:
        _rows.clear()
    return rates


def row_bytes(case: Case, optimizer: str) -> float:
    """Return the bytes of rows that a step must read and write, each row once, averaged over the batches."""
    sampler = ss.LogUniformSampler(case.num_classes, SEED)
    rows = 0
    for inputs, labels in case.batches():
        candidates = sampler.sample(labels, case.num_sampled).sampled_candidates
        rows += np.unique(inputs).size + np.unique(np.concatenate([labels.ravel(), candidates])).size
    slots = 2 if optimizer == "adagrad" else 1
    return rows / len(case.batches()) * case.dim * 4 * 2 * slots


def _update_maximum(rates: dict[str, float], name: str, rate: float) -> None:
    rates[name] = max(rate, rates.get(name, 0.0))

"""The bandwidth of reading, changing and writing scattered rows of a table."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import NUM_BATCHES, Case, Ids
from benchmarks.machine import num_cores
from benchmarks.timing import best

CALL_SECONDS = 0.01  # long compared to the start of a thread
NUM_RANDOM = 65_536


class RowTraffic:
    """A table of the size of a case, with rows to visit: log-uniform like those of its batches, or uniform."""

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(2)
        size = NUM_BATCHES * (case.batch_size + case.num_sampled)
        log_uniform = (np.exp(rng.random(size) * np.log1p(case.num_classes)).astype(np.int64) - 1) % case.num_classes
        self.visits = {
            "log_uniform": rng.permutation(np.unique(log_uniform)),
            "uniform": rng.permutation(np.unique(rng.integers(0, case.num_classes, NUM_RANDOM))),
        }
        self.table = np.ones((case.num_classes, case.dim), np.float32)

    def rates(self, seconds: float) -> dict[str, float]:
        """Return the best bytes/s of all threads, counting a row twice: read and written."""
        return {name: self._rate(ids, seconds / len(self.visits)) for name, ids in self.visits.items()}

    def _rate(self, ids: Ids, seconds: float) -> float:
        threads = num_cores()
        visit(self.table, ids, 1)
        start = time.perf_counter()
        visit(self.table, ids, 1)
        repeats = max(1, int(CALL_SECONDS * threads / (time.perf_counter() - start)))
        shares = np.array_split(ids, threads)
        with ThreadPoolExecutor(threads) as pool:

            def call() -> None:
                list(pool.map(lambda share: visit(self.table, share, repeats), shares))

            return 2.0 * ids.size * float(self.table[0].nbytes) * repeats / best(call, seconds)


def _visit_rows(table: NDArray[Any], ids: Ids, repeats: int) -> None:
    """Add 1 to rows, `repeats` times. Prefetching rows was tried and was no faster."""
    for _ in range(repeats):
        for i in ids:
            row = table[i]
            for column in range(row.size):
                row[column] += np.float32(1)


visit = numba.njit(nogil=True)(_visit_rows)

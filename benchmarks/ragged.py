"""`ragged`: an epoch of training steps in which the user is an example with many labels, and its share of the limit.

The limit is that of `step`: the matrix products of the candidates and of the pairs at the peak rate of the machine,
plus every row that a batch touches, with its optimizer slots, read and written once. Rows are visited in a table as
large as all tables and slots, since an epoch does not find them in a cache.
"""

import gzip
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks import machine
from benchmarks.child import Child
from benchmarks.limits.fma import fma_rates, one_thread_rate
from benchmarks.limits.rows import visit
from benchmarks.limits.sgemm import ONE_THREAD, sgemm_rate
from benchmarks.record import Record
from sampledsoftmax.jit.integers import ceil_div
from sampledsoftmax.layers.ragged_step import RaggedSteps, RaggedTables
from sampledsoftmax.layers.table import Table

Ids = NDArray[np.int64]

NUM_USERS, NUM_ITEMS, NUM_PAIRS = 31_668, 38_048, 1_237_259  # of Yelp2018
FILE = "yelp2018-train.txt.gz"
BATCHES_PER_PART = 16  # calls as a fit makes them: a call prepares all batches but its first while it updates
TURNS = 5  # visits of all rows
SLOTS = 3  # arrays of a table: values, and both moments of Adam


class Pairs(NamedTuple):
    """Users with their items."""

    name: str
    items: Ids
    row_splits: Ids


def data(small: bool) -> Pairs:
    """Return Yelp2018 from the folder SAMPLEDSOFTMAX_DATA or ../shared/data, else as many pairs drawn by Zipf's law."""
    for folder in (os.environ.get("SAMPLEDSOFTMAX_DATA", ""), Path(__file__).parents[2] / "shared" / "data"):
        path = Path(folder) / FILE
        if not small and path.is_file():
            with gzip.open(path, "rt") as lines:
                users = [np.array(line.split()[1:], np.int64) for line in lines]
            return Pairs("Yelp2018", np.concatenate(users), np.concatenate(([0], np.cumsum([u.size for u in users]))))
    shrink = 100 if small else 1
    rng, items, mean = np.random.default_rng(1), NUM_ITEMS // shrink, NUM_PAIRS / NUM_USERS
    sizes = np.minimum(1 + rng.geometric(1 / mean, NUM_USERS // shrink), items // 4)
    popularity = 1.0 / (10 + np.arange(items)) ** 0.8
    cumulated = np.cumsum(popularity / popularity.sum())
    draws = [np.unique(np.searchsorted(cumulated, rng.random(size)).clip(max=items - 1)) for size in sizes]
    return Pairs("synthetic", np.concatenate(draws), np.concatenate(([0], np.cumsum([d.size for d in draws]))))


class Epoch:
    """Tables and shuffled batches of users, and the steps over them."""

    def __init__(self, pairs: Pairs, batch_size: int, num_sampled: int, dim: int) -> None:
        rng, users = np.random.default_rng(0), pairs.row_splits.size - 1
        counts = np.bincount(pairs.items)
        self.ids = rng.permutation(users)
        parts = [pairs.items[pairs.row_splits[u] : pairs.row_splits[u + 1]] for u in self.ids]
        self.labels = ss.RaggedLabels(np.concatenate(parts), np.concatenate(([0], np.cumsum([p.size for p in parts]))))
        self.starts = np.append(np.arange(0, users, batch_size), users)
        self.sampler = ss.FixedUnigramSampler(counts + 1.0, 0.5, seed=1)
        self.num_sampled, self.dim, self.num_rows = num_sampled, dim, users + counts.size

        def rows(shape: tuple[int, ...]) -> NDArray[Any]:
            return (0.01 * rng.standard_normal(shape)).astype(np.float32)

        self.tables = RaggedTables(
            Table("inputs", (users, dim), rows, ss.Adam(0.02, 0.0, 0.9)),
            Table("weights", (counts.size, dim), rows, ss.Adam(0.004)),
        )
        self.steps = RaggedSteps(num_sampled, dim, np.float32, self.sampler, temperature=0.11, normalize=True)

        self.num_parts = ceil_div(self.starts.size - 1, BATCHES_PER_PART)

    def run(self, part: int) -> float:
        """Train the batches of one part of the epoch; return their mean loss."""
        starts = self.starts[part * BATCHES_PER_PART :][: BATCHES_PER_PART + 1]
        splits = self.labels.row_splits[starts[0] : starts[-1] + 1]
        labels = ss.RaggedLabels(self.labels.values[splits[0] : splits[-1]], splits - splits[0])
        ids = self.ids[starts[0] : starts[-1]]
        return float(self.steps.steps(self.tables, ids, labels, starts - starts[0]).mean())

    def flops(self) -> float:
        """Return the operations of the products: three for each user and candidate, three for each pair."""
        return 6.0 * self.dim * (self.ids.size * self.num_sampled + self.labels.values.size)

    def row_bytes(self) -> float:
        """Return the bytes of rows and slots that the batches read and write, each row of a batch once."""
        state, rows = self.sampler.state, self.ids.size
        for first, end in zip(
            self.labels.row_splits[self.starts[:-1]], self.labels.row_splits[self.starts[1:]], strict=True
        ):
            labels = self.labels.values[first:end]
            drawn = self.sampler.sample(labels[:, np.newaxis], self.num_sampled).sampled_candidates
            rows += np.union1d(labels, drawn).size
        self.sampler.state = state
        return 2.0 * 4 * SLOTS * self.dim * rows


class Rates:
    """The best rates of this machine so far: products in flop/s, rows in bytes/s.

    By processor time (one thread), the rates do not depend on what else the machine does, except for shared caches.
    """

    def __init__(self, num_rows: int, dim: int, threads: int, clock: Callable[[], float]) -> None:
        self.flops = self.rows = 0.0
        self._threads, self._clock = threads, clock
        self._table = np.ones((num_rows, dim), np.float32)
        self._shares = np.array_split(np.random.default_rng(2).permutation(num_rows), threads)
        self._blas = Child(ONE_THREAD)

    def turn(self, seconds: float) -> None:
        """Measure once more: multiply-adds in registers, or BLAS, and 1 added to all rows in random order."""
        if self._clock is time.thread_time:
            self.flops = max(self.flops, one_thread_rate(seconds, self._clock))
        else:
            one, many = fma_rates(seconds)
            blas = self._blas.call(sgemm_rate, seconds)
            self.flops = max(self.flops, one, blas, many if self._threads > 1 else 0.0)
        with ThreadPoolExecutor(self._threads) as pool:
            for _ in range(TURNS):
                start = self._clock()
                if self._threads == 1:
                    visit(self._table, self._shares[0], 1)
                else:
                    list(pool.map(lambda share: visit(self._table, share, 1), self._shares))
                self.rows = max(self.rows, 2.0 * self._table.nbytes / (self._clock() - start))

    def close(self) -> None:
        """End the process of BLAS."""
        self._blas.close()


@click.command(short_help="An epoch with users as examples.")
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True, help="Users per step.")
@click.option("--num-sampled", type=click.IntRange(1), default=2048, show_default=True, help="Shared candidates.")
@click.option("--dim", type=click.IntRange(1), default=64, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=None, help="Default: all cores.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Epochs.")
@click.option("--processor-time", is_flag=True, help="Of one thread, for a machine that is busy.")
@click.option("--small", is_flag=True, help="A hundredth of the data.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="File of results.")
def command(
    batch_size: int,
    num_sampled: int,
    dim: int,
    threads: int | None,
    rounds: int,
    processor_time: bool,
    small: bool,
    json: Path | None,
) -> None:
    """Time an epoch of Yelp2018 (or of data of its size) in which all items of a user share its row of logits."""
    print(machine.one_line(machine.describe()) + "\n", flush=True)
    pairs, before = data(small), ss.get_num_threads()
    epoch = Epoch(pairs, batch_size, min(num_sampled, int(pairs.items.max()) // 2), dim)
    number = 1 if processor_time else threads or before
    clock = time.thread_time if processor_time else time.perf_counter
    ss.set_num_threads(number)
    try:
        result = measure(epoch, number, rounds, 0.02 if small else 0.5, clock)
    finally:
        ss.set_num_threads(before)
    print(
        f"{pairs.name}, {epoch.ids.size:,} users, {epoch.labels.values.size:,} pairs, D={dim}, {batch_size} users and"
        f" {epoch.num_sampled:,} candidates per step, {number} threads{', processor time' if processor_time else ''}:"
        f" {result['seconds']:.3f} s per epoch, limit {result['limit_seconds']:.3f} s"
        f" (products {result['products_seconds']:.3f}, rows {result['rows_seconds']:.3f}):"
        f" {result['share_of_limit']:.0%} of the limit"
    )
    record = Record(json)
    record.begin("ragged", {})
    record.add("ragged", {"data": pairs.name, "batch_size": batch_size, "processor_time": processor_time} | result)


def measure(epoch: Epoch, threads: int, rounds: int, seconds: float, clock: Callable[[], float]) -> dict[str, Any]:
    """Measure parts of an epoch and rates in rotation: the minimum of each part counts."""
    rates = Rates(SLOTS * epoch.num_rows, epoch.dim, threads, clock)
    fastest = np.full(epoch.num_parts, np.inf)
    try:
        for number in range(rounds + 1):  # the first one compiles
            for part in range(epoch.num_parts):
                start = clock()
                epoch.run(part)
                if number > 0:
                    fastest[part] = min(fastest[part], clock() - start)
            rates.turn(seconds)
    finally:
        rates.close()
    products, rows = epoch.flops() / rates.flops, epoch.row_bytes() / rates.rows
    return {
        "threads": threads,
        "num_sampled": epoch.num_sampled,
        "dim": epoch.dim,
        "seconds": float(fastest.sum()),
        "products_seconds": products,
        "rows_seconds": rows,
        "limit_seconds": products + rows,
        "share_of_limit": (products + rows) / float(fastest.sum()),
        "gflops": rates.flops / 1e9,
        "rows_gb_per_second": rates.rows / 1e9,
    }

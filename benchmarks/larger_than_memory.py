"""`larger-than-memory`: steps on a table in a folder that does not fit in memory, beside one that does."""

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks import machine
from benchmarks.record import Record
from benchmarks.table import aligned, markdown

KINDS = {
    "in memory": "in memory",
    "neighbors": "in files, pages with their neighbors",
    "pages": "in files, single pages",
    "prefetch": "in files, single pages, prefetch",
}
MODES = [kind for kind in KINDS if kind != "in memory"]
SEED = 1
RATE = 0.05


@click.command()
@click.option(
    "--num-classes", type=click.IntRange(1), default=100_000_000, show_default=True, help="Rows in the folder."
)
@click.option("--in-memory", type=click.IntRange(1), default=10_000_000, show_default=True, help="Rows in memory.")
@click.option("--dim", type=click.IntRange(1), default=64, show_default=True)
@click.option("--num-sampled", type=click.IntRange(1), default=1024, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True)
@click.option("--steps", type=click.IntRange(2), default=50, show_default=True, help="Timed steps of each kind.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the folder is made; default a temporary one.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="File of results.")
def command(
    num_classes: int, in_memory: int, dim: int, num_sampled: int, batch_size: int, steps: int, folder: Path | None,
    json: Path | None,
) -> None:  # fmt: skip
    """Time steps on a table that is larger than memory, with and without prefetch, and on one in memory.

    Labels and candidates are uniform, the worst case, or log-uniform, where the page cache keeps the frequent rows. The
    page cache is emptied of the table before each kind. What the table takes is printed first, and refused if the disk
    is too small.
    """
    sizes = {"num_sampled": num_sampled, "batch_size": batch_size, "steps": steps}
    print(machine.one_line(machine.describe()), flush=True)
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        print(estimate(num_classes, dim, place), flush=True)
        results = [_made(num_classes, dim, num_sampled, place)]
        for sampler in ("uniform", "log_uniform"):
            if sampler == "log_uniform":
                _change_sampler(num_classes, dim, num_sampled, place)
            results.append(_timed(sampler, "in memory", in_memory, dim, None, **sizes))
            results += [_timed(sampler, mode, num_classes, dim, place, **sizes) for mode in MODES]
    finally:
        shutil.rmtree(place)
    record = Record(json)
    record.begin("larger-than-memory", {})
    record.sections["larger-than-memory"]["settings"] = {"num_classes": num_classes, "in_memory": in_memory, "dim": dim}
    record.sections["larger-than-memory"]["settings"] |= sizes
    for result in results:
        record.add("larger-than-memory", result)
    print(view(results[1:]), flush=True)


def estimate(num_classes: int, dim: int, folder: Path) -> str:
    """Return what the tables take, in words, before anything is made.

    Examples
    --------
    >>> print(estimate(1000, 64, Path(".")).split(";")[0])
    tables: 0.0 GB (1,000 rows of 64 float32, and biases)
    """
    size, free = num_classes * (dim + 1) * 4, shutil.disk_usage(folder).free
    return (
        f"tables: {size / 1e9:.1f} GB ({num_classes:,} rows of {dim} float32, and biases); memory of the machine:"
        f" {machine.memory_bytes() / 1e9:.1f} GB; free on the disk: {free / 1e9:.1f} GB"
    )


def _layer(num_classes: int, dim: int, num_sampled: int, sampler: str, folder: Path | None) -> ss.SampledSoftmax:
    path = None if folder is None else folder / "tables"
    return ss.SampledSoftmax(num_classes, dim, num_sampled, ss.SGD(RATE), sampler, seed=SEED, folder=path)


def _made(num_classes: int, dim: int, num_sampled: int, place: Path) -> dict[str, Any]:
    """Make the folder, and return how fast it was written."""
    start = time.perf_counter()
    _layer(num_classes, dim, num_sampled, "uniform", place).close()
    seconds = time.perf_counter() - start
    size = sum(file.stat().st_size for file in (place / "tables").glob("*.npy"))
    megabytes = round(size / 1e6 / seconds, 1)
    print(f"made in {seconds:.0f} s, {megabytes} MB/s", flush=True)
    return {"kind": "made", "bytes": size, "seconds": round(seconds, 2), "mb_per_s": megabytes}


def _timed(
    sampler: str,
    mode: str,
    num_classes: int,
    dim: int,
    place: Path | None,
    num_sampled: int,
    batch_size: int,
    steps: int,
) -> dict[str, Any]:  # fmt: skip
    """Return the time of a step, and what was read from the disk."""
    labels, inputs = _labels(sampler, num_classes, (steps + 2, batch_size)), _inputs(batch_size, dim)
    if place is not None:
        _forget(place)
    with contextlib.closing(_layer(num_classes, dim, num_sampled, sampler, place)) as layer:
        if place is not None:
            layer.weight_table.read_single_pages(mode != "neighbors")
        layer.step(inputs, labels[0])  # compiles
        seconds, before = [], disk_bytes()
        for i in range(1, steps + 1):
            start = time.perf_counter()
            if mode == "prefetch":
                layer.prefetch(labels[i + 1], after=1)
            layer.step(inputs, labels[i])
            seconds.append(time.perf_counter() - start)
        read = disk_bytes() - before
    found = {
        "kind": mode,
        "sampler": sampler,
        "num_classes": num_classes,
        "ms_per_step": round(float(np.mean(seconds)) * 1e3, 3),
        "ms_median": round(float(np.median(seconds)) * 1e3, 3),
        "ms_last_half": round(float(np.mean(seconds[steps // 2 :])) * 1e3, 3),
        "mb_read_per_step": round(read / steps / 1e6, 3),
        "mb_per_s": round(read / sum(seconds) / 1e6, 1),
        "page_cache_gb": round(page_cache_bytes() / 1e9, 2),
    }
    print(found, flush=True)
    return found


def _labels(sampler: str, num_classes: int, shape: tuple[int, int]) -> NDArray[np.int64]:
    rng = np.random.default_rng(SEED)
    if sampler == "uniform":
        return rng.integers(0, num_classes, shape)
    ids: NDArray[np.int64] = np.exp(rng.random(shape) * np.log(num_classes)).astype(np.int64) % num_classes
    return ids


def _inputs(batch_size: int, dim: int) -> NDArray[np.float32]:
    return np.random.default_rng(SEED).standard_normal((batch_size, dim), np.float32)


def _change_sampler(num_classes: int, dim: int, num_sampled: int, place: Path) -> None:
    """Let the folder go on with log-uniform candidates; it was made with uniform ones."""
    with _layer(num_classes, dim, num_sampled, "uniform", place) as layer:
        layer.sampler = ss.LogUniformSampler(num_classes, SEED)


def _forget(place: Path) -> None:
    """Let the system drop the pages of the tables, which are on the disk."""
    if hasattr(os, "posix_fadvise"):
        for path in (place / "tables").glob("*.npy"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def disk_bytes() -> int:
    """Return what this process has read from disks; 0 where the system does not say."""
    path = Path("/proc/self/io")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("read_bytes:")), 0)


def page_cache_bytes() -> int:
    """Return the size of the page cache of the machine; 0 where the system does not say."""
    path = Path("/proc/meminfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Cached:")), 0)


def on_page(record: dict[str, Any]) -> str:
    """Return what the page shows of a file of results: machine, settings, and the timed kinds as a Markdown table."""
    section = record["larger-than-memory"]
    made, *timed = section["results"]
    settings, about = section["settings"], section["machine"]
    head = ["table", "labels and candidates", "ms per step", "median", "MB read per step", "MB/s", "page cache, GB"]
    rows = [
        [
            f"{one['num_classes']:,} rows, {KINDS[one['kind']]}",
            one["sampler"].replace("_", "-"),
            *(
                _number(one[key])
                for key in ("ms_per_step", "ms_median", "mb_read_per_step", "mb_per_s", "page_cache_gb")
            ),
        ]
        for one in timed
    ]
    return (
        f"{about['date'][:10]}, {about['processor']}, {about['cores']} cores, {about['memory_gb']:g} GB, load"
        f" {about['load_average']:g}; Python {about['python']}, numpy {about['versions']['numpy']}, numba"
        f" {about['versions']['numba']}; rows of {settings['dim']} float32, SGD, {settings['batch_size']} examples and"
        f" {settings['num_sampled']} candidates per step, {settings['steps']} steps. The files of"
        f" {made['bytes'] / 1e9:.1f} GB were made in {made['seconds']:,.0f} s, {made['mb_per_s']:g} MB/s.\n\n"
        + markdown(head, rows, 2)
    )


def _number(value: float) -> str:
    return f"{float(f'{value:.3g}'):,g}"


def view(results: list[dict[str, Any]]) -> str:
    """Return the table of the timed kinds as text."""
    head = ["candidates, rows", "ms/step", "median", "last half", "MB read/step", "MB/s"]
    keys = ("ms_per_step", "ms_median", "ms_last_half", "mb_read_per_step", "mb_per_s")
    rows = [
        [f"{one['sampler']}, {one['kind']}, {one['num_classes']:,}", *(f"{one[key]:,.4g}" for key in keys)]
        for one in results
    ]
    return aligned(head, rows)

"""Memory of a training run: how much it needs, and how much is available."""

import os
from pathlib import Path
from typing import NamedTuple

from sampledsoftmax import validation

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

_FLOAT32 = 4
# Per word: the table and the shares of the sampler while they are made, the thresholds of subsampling, and three tables
# of one column with their slots.
_WORK_BYTES = 70
_INDEX_BYTES = 90  # per word: an entry of a dict, its int, and an entry of a list
_STEP_BYTES = 80_000_000  # compiled code of a training step, once it is loaded; compiling takes as much again
_ROOT = Path("/")
# Mount point, and the files with limit, usage and the reclaimable part of the usage, of control groups v2 and v1.
_CGROUP_2 = "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
_CGROUP_1 = "sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


class MemoryPlan(NamedTuple):
    """The memory of a run, in bytes.

    Attributes
    ----------
    tables : int
        Embeddings, output weights and biases.
    slots : int
        Slots of the optimizer.
    stream : int
        Ids of the corpus; they are memory-mapped and need not fit.
    process : int
        What the process holds when the tables are allocated: Python, libraries, the vocabulary; 0 if it is not known.
    work : int
        Sampler, buffers and compiled code of the training step.
    vectors : int
        `Word2Vec.vectors` after training: a copy of the vectors, and an index of the words.
    """

    tables: int
    slots: int
    stream: int
    process: int = 0
    work: int = 0
    vectors: int = 0

    @property
    def total(self) -> int:
        """The most that the process will hold: `work` is freed before `vectors` is made, so the larger one counts."""
        return self.tables + self.slots + self.stream + self.process + max(self.work, self.vectors)

    def __str__(self) -> str:
        sizes = self._asdict().items()
        needed = [f"{name} {in_units(size)}" for name, size in sizes if size or name in ("tables", "slots", "stream")]
        return f"{in_units(self.total)}: {', '.join(needed)}"


def plan_memory(
    num_words: int,
    vector_size: int,
    slots_per_weight: float = 1.0,
    stream_bytes: int = 0,
    copied: float | None = None,
    shard_bytes: int = 0,
) -> MemoryPlan:
    """Return the memory of a run with two tables [num_words, vector_size] of float32.

    Parameters
    ----------
    num_words : int
        Size of the vocabulary.
    vector_size : int
        Dimension of the vectors.
    slots_per_weight : float
        Slot entries per table entry: 0 for SGD, 1 for Adagrad and Momentum, 2 for Adam, 1 / vector_size for
        RowwiseAdagrad.
    stream_bytes : int
        Size of the ids and offsets of the corpus.
    copied : float, optional
        Tables that `vectors` copies. None: only tables, slots and stream are counted.
    shard_bytes : int
        Buffers of all shards of the text.

    Examples
    --------
    >>> print(plan_memory(1_000_000, 100, slots_per_weight=1, stream_bytes=64_000_000))
    1.67 GB: tables 804 MB, slots 804 MB, stream 64 MB
    """
    num_words = validation.whole_number("num_words", num_words, at_least=1)
    vector_size = validation.whole_number("vector_size", vector_size, at_least=1)
    slots_per_weight = validation.number("slots_per_weight", slots_per_weight, at_least=0.0)
    stream_bytes = validation.whole_number("stream_bytes", stream_bytes, at_least=0)
    tables = _FLOAT32 * num_words * (2 * vector_size + 1)
    plan = MemoryPlan(tables, round(tables * slots_per_weight), stream_bytes)
    if copied is None:
        return plan
    vectors = num_words * (round(_FLOAT32 * vector_size * copied) + _INDEX_BYTES)
    work = num_words * _WORK_BYTES + _STEP_BYTES + shard_bytes
    return plan._replace(process=resident_memory() or 0, work=work, vectors=vectors)


def check_fits(plan: MemoryPlan, available: int | None = None) -> None:
    """Raise ValueError if tables and slots do not fit into the available memory.

    Parameters
    ----------
    plan : MemoryPlan
        The run.
    available : int, optional
        Bytes; that of `available_memory` by default. Nothing is refused if it is unknown.

    Examples
    --------
    >>> check_fits(plan_memory(1000, 100), available=1_000_000)
    Traceback (most recent call last):
    ...
    ValueError: tables and slots take 1.61 MB, but 1 MB of memory is available: raise min_count or lower vector_size
    """
    available = available_memory() if available is None else available
    needed = plan.tables + plan.slots
    if available is not None and needed > available:
        raise ValueError(
            f"tables and slots take {in_units(needed)}, but {in_units(available)} of memory is available: "
            "raise min_count or lower vector_size"
        )


def in_units(num_bytes: int) -> str:
    """Return a size with its unit, in powers of 1000.

    Examples
    --------
    >>> in_units(999), in_units(1_500), in_units(64_000_000), in_units(12_345_678_901)
    ('999 bytes', '1.5 kB', '64 MB', '12.3 GB')
    """
    size, units = float(num_bytes), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}"


def resident_memory() -> int | None:
    """Return how many bytes of memory this process holds, or None if that is not known.

    Examples
    --------
    >>> held = resident_memory()
    >>> held is None or held > 0
    True
    """
    return _field(_ROOT / "proc/self/status", "VmRSS:", 1024)


def available_memory() -> int | None:
    """Return how many bytes this process can still allocate, or None if no source is available.

    The minimum of MemAvailable of /proc/meminfo, the free memory of each control group of the process (limit - usage
    + reclaimable page cache; versions 1 and 2), and the resource limits RLIMIT_AS and RLIMIT_DATA minus VmSize and
    VmData of /proc/self/status. Swap is not counted.

    Examples
    --------
    >>> available = available_memory()
    >>> available is None or available >= 0
    True
    """
    sizes = [_field(_ROOT / "proc/meminfo", "MemAvailable:", 1024), *_free_in_control_groups(), *_free_in_limits()]
    return min((max(size, 0) for size in sizes if size is not None), default=None)


def _free_in_limits() -> list[int]:
    if resource is None:
        return []
    limits = {"VmSize:": resource.RLIMIT_AS, "VmData:": resource.RLIMIT_DATA}
    soft = {used: resource.getrlimit(limit)[0] for used, limit in limits.items()}
    status = _ROOT / "proc/self/status"
    return [
        limit - (_field(status, used, 1024) or 0) for used, limit in soft.items() if limit != resource.RLIM_INFINITY
    ]


def _free_in_control_groups() -> list[int | None]:
    """Return the free memory of each group, from that of the process up to the root."""
    free = []
    for line in _text(_ROOT / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or "memory" in controllers.split(","):
            mount_point, files = _CGROUP_2 if number == "0" else _CGROUP_1
            mount = _ROOT / mount_point
            group = Path(os.path.normpath(mount / path.lstrip("/")))
            groups = [group, *group.parents]
            if mount in groups:  # in a container the path may be that of the host
                free += [_free_in(above, *files) for above in groups[: groups.index(mount) + 1]]
    return free


def _free_in(group: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    largest, used = _text(group / limit).strip(), _text(group / usage).strip()
    if not (largest.isdigit() and used.isdigit()):  # no such file, or "max"
        return None
    return int(largest) - int(used) + (_field(group / "memory.stat", reclaimable) or 0)


def _field(path: Path, name: str, unit: int = 1) -> int | None:
    """Return the number that follows a name at the start of a line, times `unit`."""
    lines = (line.split() for line in _text(path).splitlines())
    return next((int(fields[1]) * unit for fields in lines if fields[:1] == [name]), None)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

"""How much memory a training run takes, and how much there is."""

import os
from pathlib import Path
from typing import NamedTuple

from sampledsoftmax import check

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

_FLOAT32 = 4
_SYSTEM = Path("/")


class MemoryPlan(NamedTuple):
    """Bytes that a run asks for.

    Attributes
    ----------
    tables : int
        Embeddings, output weights and biases.
    slots : int
        What the optimizer keeps beside them.
    stream : int
        Ids of the corpus; they are mapped from a file, which memory need not hold.
    """

    tables: int
    slots: int
    stream: int

    @property
    def total(self) -> int:
        """All three."""
        return self.tables + self.slots + self.stream

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {in_units(size)}" for name, size in self._asdict().items())
        return f"{in_units(self.total)}: {parts}"


def plan_memory(num_words: int, vector_size: int, slots_per_weight: float = 1.0, stream_bytes: int = 0) -> MemoryPlan:
    """Return what a run with two tables [num_words, vector_size] of float32 asks for.

    Parameters
    ----------
    num_words : int
        Size of the vocabulary.
    vector_size : int
        Width of a vector.
    slots_per_weight : float
        Numbers that the optimizer keeps for each one of the tables: 0 for SGD, 1 for Adagrad and Momentum, 2
        for Adam, 1 / vector_size for RowwiseAdagrad.
    stream_bytes : int
        Size of the ids and offsets of the corpus.

    Examples
    --------
    >>> print(plan_memory(1_000_000, 100, slots_per_weight=1, stream_bytes=64_000_000))
    1.67 GB: tables 804 MB, slots 804 MB, stream 64 MB
    """
    num_words = check.whole_number("num_words", num_words, at_least=1)
    vector_size = check.whole_number("vector_size", vector_size, at_least=1)
    slots_per_weight = check.number("slots_per_weight", slots_per_weight, at_least=0.0)
    stream_bytes = check.whole_number("stream_bytes", stream_bytes, at_least=0)
    tables = _FLOAT32 * num_words * (2 * vector_size + 1)
    return MemoryPlan(tables, round(tables * slots_per_weight), stream_bytes)


def check_fits(plan: MemoryPlan, available: int | None = None) -> None:
    """Raise ValueError if tables and slots are larger than the memory that is available.

    Parameters
    ----------
    plan : MemoryPlan
        What the run asks for.
    available : int, optional
        Bytes; `available_memory()` if it is not given. Where nothing is known, nothing is refused.

    Examples
    --------
    >>> check_fits(plan_memory(1_000_000, 100), available=1_000_000_000)
    Traceback (most recent call last):
    ...
    ValueError: tables and slots take 1.61 GB, and 1 GB of memory is available: raise min_count or lower vector_size
    """
    available = available_memory() if available is None else available
    needed = plan.tables + plan.slots
    if available is not None and needed > available:
        raise ValueError(
            f"tables and slots take {in_units(needed)}, and {in_units(available)} of memory is available: "
            "raise min_count or lower vector_size"
        )


def available_memory() -> int | None:
    """Return how many bytes this process may still take, or None where no source of it is known.

    It is the least of those that there are: MemAvailable of /proc/meminfo; the limit of each control group that
    the process is in, less what the group uses and could not give back (cgroup v2: memory.max, memory.current,
    inactive_file of memory.stat; v1: memory.limit_in_bytes, memory.usage_in_bytes, total_inactive_file); the limits
    RLIMIT_AS and RLIMIT_DATA, less VmSize and VmData of /proc/self/status. Swap is not counted.

    Examples
    --------
    >>> available = available_memory()
    >>> available is None or available >= 0
    True
    """
    known = [_of_the_machine(), *_of_control_groups(), *_of_limits()]
    sizes = [max(size, 0) for size in known if size is not None]
    return min(sizes, default=None)


def in_units(num_bytes: int) -> str:
    """Return a size as people read it, in powers of 1000.

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


def _of_the_machine() -> int | None:
    return _kilobytes(_SYSTEM / "proc/meminfo", "MemAvailable")


def _of_limits() -> list[int | None]:
    if resource is None:
        return []
    status, room = _SYSTEM / "proc/self/status", []
    for limit, taken in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        soft = resource.getrlimit(limit)[0]
        if soft != resource.RLIM_INFINITY:
            room.append(soft - (_kilobytes(status, taken) or 0))
    return list(room)


def _of_control_groups() -> list[int | None]:
    """Return the room in each group from that of the process up to the root."""
    room = []
    for line in _text(_SYSTEM / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            files = ("memory.max", "memory.current", "inactive_file")
            room += _room_up(_SYSTEM / "sys/fs/cgroup", path, files)
        elif "memory" in controllers.split(","):
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            room += _room_up(_SYSTEM / "sys/fs/cgroup/memory", path, files)
    return room


def _room_up(mount: Path, path: str, files: tuple[str, str, str]) -> list[int | None]:
    # Within a container the path may be that of the host: then only the mount itself is there.
    folder = Path(os.path.normpath(mount / path.lstrip("/")))
    above = [folder, *folder.parents]
    return [_room_in(group, *files) for group in above[: above.index(mount) + 1]] if mount in above else []


def _room_in(group: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    largest, used = _text(group / limit).strip(), _text(group / usage).strip()
    if not (largest.isdigit() and used.isdigit()):  # no such file, or "max"
        return None
    for line in _text(group / "memory.stat").splitlines():
        name, size = line.split()
        if name == reclaimable:
            return int(largest) - int(used) + int(size)
    return int(largest) - int(used)


def _kilobytes(path: Path, name: str) -> int | None:
    for line in _text(path).splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

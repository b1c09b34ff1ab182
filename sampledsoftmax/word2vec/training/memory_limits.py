"""How much memory the system would still give to this process."""

import os
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

_SYSTEM = Path("/")


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

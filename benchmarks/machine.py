"""The machine and software of a measurement."""

import datetime
import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import Any

import sampledsoftmax as ss

PACKAGES = (
    "numpy",
    "numba",
    "llvmlite",
    "tensorflow",
    "tensorflow-cpu",
    "torch",
    "jax",
    "jaxlib",
    "gensim",
    "implicit",
    "ray",
)


def describe() -> dict[str, Any]:
    """Return the date, the processor, its load, and the versions of all compared packages."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": num_cores(),
        "memory_gb": round(memory_bytes() / 1e9, 1),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {"sampledsoftmax": ss.__version__} | _versions(),
    }


def one_line(machine: dict[str, Any]) -> str:
    """Return the description as one line above a table."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:.0f} GB,"
        f" load {machine['load_average']}, {machine['date'][:10]}, Python {machine['python']}, {versions}"
    )


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """Return the total memory of the machine."""
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def free_memory_bytes() -> int:
    """Return the memory that can be allocated without swapping; half of the total if the system does not tell."""
    info = Path("/proc/meminfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return memory_bytes() // 2


def busy_share(seconds: float) -> float:
    """Return the utilization of all cores while this process sleeps; 0 if the system does not tell."""
    before = _core_seconds()
    time.sleep(seconds)
    busy, total = (after - was for after, was in zip(_core_seconds(), before, strict=True))
    return busy / total if total else 0.0  # no clock tick has passed


def _core_seconds() -> tuple[float, float]:
    """Return (busy, total) clock ticks of all cores since boot."""
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return 0.0, 0.0
    user, nice, system, idle, waiting, *others = map(float, statistics.read_text().splitlines()[0].split()[1:9])
    busy = user + nice + system + sum(others)
    return busy, busy + idle + waiting


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions

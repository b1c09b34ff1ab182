"""Rows of memory-mapped arrays: reading them before they are needed, and telling the system how they are read."""

import mmap
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Ranges = NDArray[np.int64]  # [num_ranges, 2]: first byte and length in a file

CAN_READ_AHEAD = hasattr(os, "posix_fadvise")  # Linux and other Unix systems, not macOS and Windows


def read_ahead(arrays: Sequence[np.memmap[Any, Any]], ids: Ids) -> None:
    """Ask for the pages of the rows `ids` of memory-mapped arrays; nothing where the system has no such call.

    The system reads them side by side after the return, where a step that finds them missing reads one after the other:
    asking takes about 20 microseconds per page that is missing, reading one 200. No bit of an array is read or changed.

    Raises
    ------
    OSError
        If a file is not there any more.
    """
    if not CAN_READ_AHEAD or ids.size == 0:
        return
    for array in arrays:
        # In this thread: another one would wait for the interpreter's lock after each call.
        with open(array.filename, "rb") as file:  # type: ignore[arg-type]
            for first, length in page_ranges(array, ids).tolist():
                os.posix_fadvise(file.fileno(), first, length, os.POSIX_FADV_WILLNEED)


def page_ranges(array: np.memmap[Any, Any], ids: Ids) -> Ranges:
    """Return the ranges of whole pages that rows are on, in order, neighbors joined.

    Examples
    --------
    >>> import tempfile
    >>> array = np.memmap(f"{tempfile.mkdtemp()}/rows", np.float32, "w+", shape=(10_000, 64))
    >>> (page_ranges(array, np.array([0, 1, 16, 9000])) // mmap.PAGESIZE).tolist()
    [[0, 2], [562, 1]]
    """
    row = array.nbytes // max(array.shape[0], 1)
    start = int(array.offset) + np.asarray(ids, np.int64).reshape(-1) * row
    first, last = start // mmap.PAGESIZE, (start + max(row, 1) - 1) // mmap.PAGESIZE
    most = int((last - first).max()) + 1
    pages = np.unique(np.minimum(first[:, np.newaxis] + np.arange(most), last[:, np.newaxis]))
    ends = np.flatnonzero(np.diff(pages, append=pages[-1] + 2) > 1)
    starts = np.append(0, ends[:-1] + 1)
    return np.stack([pages[starts], pages[ends] - pages[starts] + 1], axis=1) * mmap.PAGESIZE


def set_random(array: NDArray[np.generic], random: bool) -> None:
    """Tell the system whether the pages of a mapped array are read in any order: then it reads no neighbors with them.

    Nothing where the array is not mapped, or the system has no such call.
    """
    mapping = array.base
    if isinstance(mapping, mmap.mmap) and hasattr(mmap, "MADV_RANDOM"):
        mapping.madvise(mmap.MADV_RANDOM if random else mmap.MADV_NORMAL)


def memory_bytes() -> float:
    """Return the memory of the machine; infinite where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return float("inf")

"""Checkpoints: a file for each shard, and a list of the files of one step, which is written last.

A step without its list is not complete and is not used. Files name the rows that they have, so that another number of
shards can be started from them.
"""

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.atomic_write import new_file
from sampledsoftmax.io.folder_lock import FolderLock
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.layers.table import NewTable, Table, new_slots
from sampledsoftmax.optimizers import Optimizer

_KIND, _VERSION = "shard of a layer", 1
_STATE_KIND = "state of a sharded layer"
_LIST = re.compile(r"step-(\d+)\.json")
_KEPT = 2  # checkpoints: the newest one, and the one before

Arrays = dict[str, NDArray[Any]]


class ShardFile(NamedTuple):
    """A file of a checkpoint and the rows that it has."""

    path: str
    first: int
    end: int


class Checkpoint(NamedTuple):
    """A complete checkpoint.

    Attributes
    ----------
    step : int
        Steps before it.
    files : list of ShardFile
    state : dict
        Settings and sampler, see `LayerSettings.state`.
    arrays : dict
        Arrays of the sampler.
    """

    step: int
    files: list[ShardFile]
    state: dict[str, Any]
    arrays: Arrays


def shard_path(folder: Path, step: int, first: int, end: int) -> Path:
    """Return the path of the file of a shard."""
    return folder / f"step-{step}" / f"rows-{first}-{end}.zip"


def write_shard(path: str | Path, step: int, first: int, end: int, tables: dict[str, Table]) -> ShardFile:
    """Write tables and slots of a shard."""
    arrays = {}
    for name, table in tables.items():
        arrays[name] = table.values
        arrays |= {f"{name}.{slot}": array for slot, array in table.slots.items()}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_archive(path, _KIND, _VERSION, {"step": step, "first": first, "end": end}, arrays)
    return ShardFile(str(path), first, end)


def read_rows(
    files: list[ShardFile], new: list[NewTable], optimizer: Optimizer, first: int, end: int
) -> dict[str, Table]:
    """Return the tables of the rows first .. end, from all files that have some of them.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is missing or damaged, or rows are in no file.
    """
    used = sorted((file for file in files if file.first < end and file.end > first), key=lambda file: file.first)
    place = first
    for file in used:
        if file.first > place:
            break
        place = file.end
    if place < end:
        raise ValueError(f"rows {place} .. {end} are in no file of the checkpoint: it has {[f.path for f in files]}")
    parts = [(file, read_archive(file.path, _KIND, _VERSION)[1]) for file in used]
    tables = {}
    for table in new:
        slots = {
            slot.name: _joined(slot._replace(name=f"{table.name}.{slot.name}"), parts, first, end)
            for slot in new_slots(table, optimizer)
        }
        tables[table.name] = Table.of(table.name, _joined(table, parts, first, end), slots, optimizer)
    return tables


def _joined(new: NewTable, parts: list[tuple[ShardFile, Arrays]], first: int, end: int) -> NDArray[Any]:
    """Return the rows first .. end of an array; one without rows, such as a number of steps, is that of any file."""
    name, by_row = new.name, bool(new.shape) and new.shape[0] == end - first
    missing = next((file.path for file, arrays in parts if name not in arrays), None)
    if missing is not None:
        raise ValueError(f"{shown_path(missing)} has no {name}: it is of another optimizer or layer")
    found = [arrays[name] for _, arrays in parts]
    if by_row and all(len(array) == file.end - file.first for array, (file, _) in zip(found, parts, strict=True)):
        rows = [
            array[max(first - file.first, 0) : end - file.first] for array, (file, _) in zip(found, parts, strict=True)
        ]
        joined = rows[0] if len(rows) == 1 and len(rows[0]) == len(found[0]) else np.concatenate(rows)
    else:
        joined = found[0].copy()
    if joined.shape != new.shape or joined.dtype != new.dtype:
        raise ValueError(
            f"{name} of {shown_path(parts[0][0].path)} must be {new.dtype} {list(new.shape)}, got {joined.dtype}"
            f" {list(joined.shape)}"
        )
    return joined


def write_list(folder: Path, checkpoint: Checkpoint) -> None:
    """Complete a checkpoint whose files are written, and remove those before the last one."""
    path = folder / f"step-{checkpoint.step}" / "state.zip"
    write_archive(path, _STATE_KIND, _VERSION, checkpoint.state, checkpoint.arrays)
    files = [[Path(file.path).relative_to(folder).as_posix(), file.first, file.end] for file in checkpoint.files]
    with new_file(folder / f"step-{checkpoint.step}.json") as out:
        json.dump({"step": checkpoint.step, "files": files}, out)
    for step in steps_of(folder)[:-_KEPT]:
        (folder / f"step-{step}.json").unlink()  # first: without it, the files are of no checkpoint
    complete = {f"step-{step}" for step in steps_of(folder)}
    for old in folder.glob("step-*"):
        if old.is_dir() and old.name not in complete:
            with suppress(OSError):
                shutil.rmtree(old)


def prepared_folder(folder: Path, overwrite: bool) -> FolderLock:
    """Return the lock of a folder of checkpoints, which is made; those that it has are removed if asked for.

    Raises
    ------
    BlockingIOError
        Another layer uses the folder.
    OSError
        It cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)
    lock.claim()
    for step in steps_of(folder) if overwrite else ():
        (folder / f"step-{step}.json").unlink()
        with suppress(OSError):
            shutil.rmtree(folder / f"step-{step}")
    return lock


def steps_of(folder: Path) -> list[int]:
    """Return the steps of complete checkpoints, the newest last."""
    return sorted(int(found[1]) for path in folder.glob("step-*.json") if (found := _LIST.fullmatch(path.name)))


def read_checkpoint(folder: Path, step: int) -> Checkpoint:
    """Return what a checkpoint has; ValueError or FileNotFoundError names what is damaged or missing."""
    path = folder / f"step-{step}.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        files = [ShardFile(str(folder / name), int(first), int(end)) for name, first, end in listed["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{shown_path(path)} is damaged: {error}") from None
    missing = [file.path for file in files if not Path(file.path).is_file()]
    if missing:
        raise FileNotFoundError(f"{shown_path(path)} lists {shown_path(missing[0])}, which is missing")
    state, arrays = read_archive(folder / f"step-{step}" / "state.zip", _STATE_KIND, _VERSION)
    return Checkpoint(step, files, state, arrays)

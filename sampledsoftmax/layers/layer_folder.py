"""Tables in a folder: memory-mapped files that are created, continued and locked.

The folder has a `.npy` file for each table and each slot, which are trained in place; `layer.zip`, an archive with the
settings and the position of the sampler; and `lock`. The archive is written last when a layer is created, so that a
folder without it is not complete.
"""

import contextlib
import errno
import os
import re
import shutil
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.folder_lock import LOCK_FILE, FolderLock
from sampledsoftmax.io.mapped_rows import memory_bytes
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.layers.layer_settings import consistent, differences
from sampledsoftmax.layers.table import NewTable, Table, new_slots
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.runtime.fork_lock import ForkLock

STATE = "layer.zip"

_VERSION = 1
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_ZEROS = bytes(2**20)
_TABLE_FILE = re.compile(r"(embeddings|weights|biases|values)(-\w+)?\.npy")


class StoredSettings(Protocol):
    """What a folder or a file keeps of the settings of a layer or a table: those of `LayerSettings`."""

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of all tables."""

    @property
    def lock(self) -> ForkLock:
        """The lock that a step holds."""

    @property
    def objects(self) -> dict[str, Any]:
        """What may be an object of a user's own class."""

    def described(self) -> dict[str, Any]:
        """Return the settings as plain data for JSON."""

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings and what changes in training as plain data and arrays, without the tables."""

    @staticmethod
    def restored(
        saved: dict[str, Any], arrays: dict[str, NDArray[Any]], how: str, given: dict[str, Any]
    ) -> tuple[Any, Callable[[], None]]:
        """Return saved settings, and a function that restores what changes in training."""


class _Mapped(NamedTuple):
    """What a folder has: the mapped arrays by file name, and how to describe the layer."""

    lock: FolderLock
    arrays: dict[str, NDArray[Any]]
    tables: dict[str, Table]
    layer: list[StoredSettings]  # the current one
    kind: str
    seed: Any


class LayerFolder:
    """A folder that a layer uses, until `close`; use `opened_folder`."""

    def __init__(self, path: Path, mapped: _Mapped) -> None:
        self.path, self._mapped = path, mapped
        self._finish = weakref.finalize(self, _finish, path, mapped)  # also at the end of the program
        _open_folders.add(self)

    def flush(self, settings: StoredSettings) -> None:
        """Write pages and the state of the layer to disk."""
        self._checked()
        self._mapped.layer[0] = settings
        _write(self.path, self._mapped)

    def changed(self, settings: StoredSettings) -> None:
        """Note other settings, which the next flush writes."""
        self._mapped.layer[0] = settings

    def close(self, settings: StoredSettings) -> None:
        """Flush, let go of the tables, and end the lock; nothing the second time."""
        if self._finish.alive:
            self._mapped.layer[0] = settings
            self._finish()
            self._close_tables(f"{_named(self.path)} was closed: make the layer again with folder= to go on")

    def _checked(self) -> None:
        if not self._mapped.lock.is_held:
            raise ValueError(f"{_named(self.path)} is not in use by this layer: it was closed, or by a parent process")

    def _close_tables(self, reason: str) -> None:
        for table in self._mapped.tables.values():
            table.close(reason)
        self._mapped.arrays.clear()

    def leave_to_parent(self) -> None:
        """Let go of everything in a child process, without a write."""
        self._finish.detach()
        self._close_tables(
            f"{_named(self.path)} is in use by the parent of this process: copy the layer before the process is forked"
        )


_open_folders: "weakref.WeakSet[LayerFolder]" = weakref.WeakSet()


def _leave_all() -> None:
    for folder in list(_open_folders):
        folder.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def opened_folder(
    folder: Any, kind: str, overwrite: bool, settings: StoredSettings, seed: Any, new_tables: list[NewTable]
) -> tuple[LayerFolder, dict[str, Table]]:
    """Return a folder and the tables in it: new ones, or those that it has.

    Raises
    ------
    TypeError, ValueError
        `folder` is no path; or the folder has a layer with other settings, or other files; nothing is changed.
    BlockingIOError
        The folder is in use.
    OSError
        The folder cannot be created or written, or the disk is too small.
    """
    path = checked_folder(folder)
    files = {table.name: [table, *_named_slots(table, settings)] for table in new_tables}
    new_files = [new for of_table in files.values() for new in of_table]
    settings.state()  # a sampler whose state cannot be written is refused first
    if not (path / LOCK_FILE).exists():  # before one is made
        _refuse_foreign(path, overwrite)
    if overwrite or not (path / STATE).exists():
        _refuse_small_disk(path, new_files)
    existed = path.exists()
    with _described(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(path)
    try:
        continues = (path / STATE).exists() and not overwrite
        _refuse_foreign(path, overwrite)
        arrays = _continued(path, kind, settings, seed, new_files) if continues else _created(path, new_files)
        tables = {
            name: Table.of(
                name,
                arrays[name],
                {slot.name.removeprefix(f"{name}-"): arrays[slot.name] for slot in slots},
                settings.optimizer,
                in_files=True,
            )
            for name, (_, *slots) in files.items()
        }
        if sum(new.nbytes for new in new_files) > memory_bytes():
            for table in tables.values():
                table.read_single_pages(True)
        mapped = _Mapped(lock, arrays, tables, [settings], kind, seed)
        if not continues:
            _write(path, mapped)
        elif lock.left_by:
            warnings.warn(
                f"{_named(path)} was not closed by {lock.left_by}: its tables may have a part of the last step"
                + (", and the sampler goes on from the last flush" if "sampler" in settings.objects else ""),
                stacklevel=4,
            )
        lock.claim()
    except BaseException:
        lock.release(finished=False)
        if not existed:
            with contextlib.suppress(OSError):
                (path / LOCK_FILE).unlink()
                path.rmdir()
        raise
    return LayerFolder(path, mapped), tables


def checked_folder(folder: Any) -> Path:
    """Return the `folder=` of a layer as a path."""
    path = validation.path("folder", folder)
    if not os.fsdecode(folder):
        raise ValueError("folder must be the path of a folder, got ''")
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"folder must be a folder, but {shown_path(path)} is a file")
    return path


def _named(path: Path) -> str:
    return f"folder {shown_path(path)}"


def _archive_kind(kind: str) -> str:
    return f"folder of {'an' if kind[0] in 'AEIOU' else 'a'} {kind}"


def _named_slots(table: NewTable, settings: StoredSettings) -> list[NewTable]:
    """Return the slots of a table under the names of their files."""
    slots = new_slots(table, settings.optimizer)
    bad = next((slot.name for slot in slots if not slot.name.replace("_", "").isalnum()), None)
    if bad is not None:
        raise ValueError(f"optimizer: slot {validation.shown(bad)} cannot name a file: use letters, digits and _")
    odd = next((slot for slot in slots if slot.dtype.kind not in "biufc"), None)
    if odd is not None:
        raise TypeError(f"optimizer: slot {odd.name!r} must hold numbers to be kept in a file, got {odd.dtype}")
    return [slot._replace(name=f"{table.name}-{slot.name}") for slot in slots]


def _refuse_foreign(path: Path, overwrite: bool) -> None:
    """Refuse a folder with arrays, but without the state of a layer."""
    if overwrite or not path.is_dir() or (path / STATE).exists():
        return
    arrays = sorted(file.name for file in path.iterdir() if file.suffix == ".npy")
    if arrays:
        raise ValueError(
            f"{_named(path)} has {validation.shown(arrays)}, but no {STATE}: they are of something else, or of a layer "
            "whose creation was cut short; name another folder, or overwrite=True to replace tables of these names"
        )


def _refuse_small_disk(path: Path, new_files: list[NewTable]) -> None:
    """Refuse tables that the disk cannot hold, after the files that they replace are gone."""
    needed = sum(new.nbytes for new in new_files)
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free + sum(map(_bytes_on_disk, _replaced(path, new_files)))
    if needed > free:
        error = OSError(f"{_named(path)} cannot be written: tables and slots need {needed:,} bytes, {free:,} are free")
        error.errno = errno.ENOSPC
        raise error


def _bytes_on_disk(file: Path) -> int:
    status = file.stat()
    return getattr(status, "st_blocks", status.st_size // 512) * 512  # fewer than the size, where a file has holes


def _created(path: Path, new_files: list[NewTable]) -> dict[str, NDArray[Any]]:
    """Return new arrays in files; older ones are removed first, the state before all others."""
    created: list[Path] = []
    try:
        with _described(path):
            for old in (path / STATE, *_replaced(path, new_files)):
                old.unlink(missing_ok=True)  # not truncated: an array may still show the old file
            arrays = {}
            for new in new_files:
                created.append(path / f"{new.name}.npy")
                arrays[new.name] = new.fill(_new_file(created[-1], new))
        return arrays
    except BaseException:
        for file in created:
            file.unlink(missing_ok=True)
        raise


def _replaced(path: Path, new_files: list[NewTable]) -> list[Path]:
    """Return the files that new tables replace: those of these names, and all tables of a layer that is there."""
    names = {f"{new.name}.npy" for new in new_files}
    is_layer = (path / STATE).exists()
    there = path.iterdir() if path.is_dir() else ()
    return [file for file in there if file.name in names or (is_layer and _TABLE_FILE.fullmatch(file.name))]


def _new_file(path: Path, new: NewTable) -> NDArray[Any]:
    """Return a new mapped array, whose place on the disk is taken: a full disk would kill a later step."""
    with path.open("xb") as file:
        header = {"descr": new.dtype.str, "fortran_order": False, "shape": new.shape}
        np.lib.format.write_array_header_1_0(file, header)
        _allocate(file, new.nbytes)
    array: NDArray[Any] = np.load(path, mmap_mode="r+")
    return array


def _allocate(file: IO[bytes], size: int) -> None:
    """Append zeros that take their place on the disk."""
    if hasattr(os, "posix_fallocate"):
        file.flush()
        try:
            os.posix_fallocate(file.fileno(), file.tell(), size)
            return
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    for done in range(0, size, len(_ZEROS)):
        file.write(_ZEROS[: size - done])


def _continued(
    path: Path, kind: str, settings: StoredSettings, seed: Any, new_files: list[NewTable]
) -> dict[str, NDArray[Any]]:
    """Return the arrays that the folder has, and put the sampler where it was."""
    meta, arrays = read_archive(path / STATE, _archive_kind(kind), _VERSION)
    with consistent(path / STATE):
        saved, saved_seed = meta["layer"], meta["seed"]
        differing = differences(saved, settings.described())
        if seed is not None and list(validation.seeds(seed) or ()) != saved_seed:
            differing.append(f"seed = {saved_seed}, got {validation.shown(seed)}")
    if differing:
        raise ValueError(
            f"{_named(path)} has a layer with {'; '.join(differing)}: go on with its settings, name another folder, or "
            "write overwrite=True to start again"
        )
    with consistent(path / STATE):
        set_state = settings.restored(saved, arrays, kind, settings.objects)[1]
    mapped = {new.name: _existing_file(path / f"{new.name}.npy", new) for new in new_files}
    with consistent(path / STATE):
        set_state()
    return mapped


def _existing_file(path: Path, new: NewTable) -> NDArray[Any]:
    """Return a mapped array after checking that it is the expected one."""
    expected = f"{new.dtype} {list(new.shape)}"
    if not path.is_file():
        raise FileNotFoundError(f"{shown_path(path)} is missing: {expected} is expected")
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)  # "r+" would fill a file that was cut with zeros
    except Exception as error:  # numpy.load raises many kinds
        raise ValueError(f"{shown_path(path)} is damaged: {validation.shown(str(error))}") from None
    if not isinstance(found, np.memmap) or found.dtype != new.dtype or found.shape != new.shape:
        raise ValueError(f"{shown_path(path)} must be {expected}, got {found.dtype} {list(found.shape)}")
    if not found.flags.c_contiguous or path.stat().st_size != found.offset + found.nbytes:
        raise ValueError(f"{shown_path(path)} must be {expected} in C order and nothing more")
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r+")
    except PermissionError as error:
        raise PermissionError(f"{shown_path(path)} cannot be written: {error.strerror}") from None
    return array


def _write(path: Path, mapped: _Mapped) -> None:
    """Write pages, then the state: the sampler's lock keeps steps of other threads away."""
    settings = mapped.layer[0]
    with settings.lock:
        for table in mapped.tables.values():
            for name, slot in table.slots.items():
                if slot is not mapped.arrays[f"{table.name}-{name}"]:  # an optimizer in Python has replaced it
                    mapped.arrays[f"{table.name}-{name}"][...] = slot
        for array in mapped.arrays.values():
            array.flush()  # type: ignore[attr-defined] # a memmap
        layer, arrays = settings.state()
        seeds = validation.seeds(mapped.seed)
        meta = {"layer": layer, "seed": None if seeds is None else list(seeds)}
        write_archive(path / STATE, _archive_kind(mapped.kind), _VERSION, meta, arrays)


def _finish(path: Path, mapped: _Mapped) -> None:
    """Write everything and end the lock; a failure leaves the mark of a folder that was not closed."""
    finished = False
    try:
        if mapped.lock.is_held:
            _write(path, mapped)
            finished = True
    finally:
        mapped.lock.release(finished)


@contextlib.contextmanager
def _described(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into one line that names the folder."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        described = type(error)(f"{_named(path)} cannot be written: {error.strerror or error}")
        described.errno = error.errno
        raise described from None

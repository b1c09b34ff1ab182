"""What layers and embedding tables share: files, folders, copies, and attributes that cannot be assigned."""

import copy
import os
from abc import abstractmethod
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.layers.layer_folder import LayerFolder, StoredSettings, opened_folder
from sampledsoftmax.layers.layer_settings import consistent
from sampledsoftmax.layers.table import NewTable, Table, new_slots
from sampledsoftmax.optimizers import Optimizer

_VERSION = 1
_Stored = TypeVar("_Stored", bound="StoredTables")


class StoredTables:
    """An object whose tables can be saved, loaded, copied, and kept in a folder; a subclass has the settings."""

    _KIND: ClassVar[str]
    _SETTINGS: ClassVar[type[StoredSettings]]
    _FIXED: ClassVar[dict[str, str]]
    _folder: LayerFolder | None

    @abstractmethod
    def _settings(self) -> StoredSettings:
        """Return the present settings."""

    @abstractmethod
    def _tables(self) -> tuple[Table, ...]:
        """Return all tables."""

    @classmethod
    @abstractmethod
    def _new_tables(cls, settings: Any, seed: Any) -> list[NewTable]:
        """Return the tables of a new object."""

    @classmethod
    @abstractmethod
    def _state(cls, settings: Any, tables: dict[str, Table], folder: LayerFolder | None) -> dict[str, Any]:
        """Return the attributes of an object."""

    def _start(self, settings: StoredSettings, seed: Any, folder: Any, overwrite: Any) -> None:
        """Make the tables of a new object, or continue with those of a folder."""
        overwrite, new_tables = validation.flag("overwrite", overwrite), self._new_tables(settings, seed)
        if folder is None:
            if overwrite:
                raise ValueError("overwrite=True needs folder=: it says to replace the tables of a folder")
            tables = {new.name: Table(new.name, new.shape, new.first_values, settings.optimizer) for new in new_tables}
            self.__setstate__(self._state(settings, tables, None))
        else:
            opened, tables = opened_folder(folder, self._KIND, overwrite, settings, seed, new_tables)
            self.__setstate__(self._state(settings, tables, opened))

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would be ignored by the next step."""
        if name in self._FIXED:
            kind = type(self).__name__
            article = "an" if kind[0] in "AEIOU" else "a"
            raise AttributeError(f"{name} of {article} {kind} cannot be assigned: {self._FIXED[name]}")
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the folder: copies are in memory."""
        return vars(self) | {"_folder": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __deepcopy__(self: _Stored, memo: dict[int, Any]) -> _Stored:
        """Return an object that goes on with the same bits, between two steps of other threads."""
        other = type(self).__new__(type(self))
        memo[id(self)] = other
        with self._settings().lock:
            other.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return other

    def __copy__(self: _Stored) -> _Stored:
        """Return a deep copy: tables are trained in place, so that a shallow one would change with the object."""
        return copy.deepcopy(self)

    def _write(self, path: str | os.PathLike[str]) -> None:
        """Write tables, slots and settings to one file."""
        settings, tables = self._settings(), self._tables()
        with settings.lock:  # steps of other threads wait
            layer, arrays = settings.state()
            for table in tables:
                arrays[table.name] = table.values
                arrays |= {f"{table.name}.{name}": slot for name, slot in table.slots.items()}
            write_archive(path, f"saved {self._KIND}", _VERSION, {"layer": layer}, arrays)

    @classmethod
    def _read(cls: type[_Stored], path: str | os.PathLike[str], given: dict[str, Any]) -> _Stored:
        """Return an object of a file; `given` are objects that are used instead of the saved ones, or None for each."""
        path = validation.path("path", path)
        meta, arrays = read_archive(path, f"saved {cls._KIND}", _VERSION)
        with consistent(path):
            settings, set_state = cls._SETTINGS.restored(meta["layer"], arrays, f"{cls.__name__}.load(path", given)
            tables = {new.name: _restored(new, arrays, settings.optimizer) for new in cls._new_tables(settings, None)}
            set_state()
        stored = cls.__new__(cls)
        stored.__setstate__(cls._state(settings, tables, None))
        return stored

    def flush(self) -> None:
        """Write what is in a `folder=` to disk: its pages, then settings and the position of the sampler of a layer.

        What is flushed survives a power failure. Without `folder=` there is nothing to do.

        Raises
        ------
        ValueError
            If it was closed.
        OSError
            If the folder cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import sampledsoftmax as ss
        >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=10, folder=tempfile.mkdtemp())
        >>> layer.flush()
        >>> layer.close()
        """
        if self._folder is not None:
            self._folder.flush(self._settings())

    def close(self) -> None:
        """Flush what is in a `folder=` and let go of the folder, which another object can then continue.

        The tables cannot be read any more. It is also closed at the end of a `with` block, when nothing refers to
        it, and when the program ends. Without `folder=` there is nothing to do.

        Raises
        ------
        OSError
            If the folder cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import sampledsoftmax as ss
        >>> folder = tempfile.mkdtemp()
        >>> with ss.SkipGram(num_classes=100, dim=8, num_sampled=10, folder=folder) as model:
        ...     first = model.step([1, 2], [3, 4])
        >>> again = ss.SkipGram(num_classes=100, dim=8, num_sampled=10, folder=folder)  # goes on
        >>> again.close()
        """
        if self._folder is not None:
            self._folder.close(self._settings())

    def __enter__(self: _Stored) -> _Stored:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _restored(new: NewTable, arrays: dict[str, NDArray[Any]], optimizer: Optimizer) -> Table:
    """Return a table of saved arrays, checked."""
    slots = {
        slot.name: _expected(slot._replace(name=f"{new.name}.{slot.name}"), arrays)
        for slot in new_slots(new, optimizer)
    }
    return Table.of(new.name, _expected(new, arrays), slots, optimizer)


def _expected(new: NewTable, arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    array = arrays.get(new.name)
    if array is None or array.shape != new.shape or array.dtype != new.dtype:
        found = "none" if array is None else f"{array.dtype} {list(array.shape)}"
        raise ValueError(f"{new.name} must be {new.dtype} {list(new.shape)}, got {found}")
    return array

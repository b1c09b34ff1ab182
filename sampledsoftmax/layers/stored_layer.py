"""What both layers share: files, folders, copies, and attributes that cannot be assigned."""

import copy
import os
from abc import abstractmethod
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.archive import read_archive, write_archive
from sampledsoftmax.io.class_only import classonlymethod
from sampledsoftmax.layers.layer_folder import LayerFolder, opened_folder
from sampledsoftmax.layers.layer_settings import LayerSettings, consistent, restored_settings
from sampledsoftmax.layers.table import NewTable, Table, new_slots
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.samplers import CandidateSampler

_VERSION = 1
_Layer = TypeVar("_Layer", bound="StoredLayer")

_NEW_LAYER = "make a new layer, and assign its tables"
FIXED = {
    "num_classes": _NEW_LAYER,
    "dim": _NEW_LAYER,
    "dtype": _NEW_LAYER,
    "objective": _NEW_LAYER,
    "correction": _NEW_LAYER,
    "subtract_log_q": _NEW_LAYER,
    "remove_accidental_hits": _NEW_LAYER,
    "temperature": _NEW_LAYER,
    "normalize": _NEW_LAYER,
    "optimizer": "assign its settings, as in layer.optimizer.learning_rate = 0.01, or make a new layer",
    "learning_rate": "write layer.optimizer.learning_rate = 0.01",
    "seed": "assign layer.sampler.state to move in the stream of candidates",
    "folder": "write it where the layer is made",
    "overwrite": "write it where the layer is made",
    "weight_table": "assign layer.weights, or change layer.weight_table.slots in place",
    "bias_table": "assign layer.biases, or change layer.bias_table.slots in place",
    "fused_steps": "it is made from num_sampled and sampler, which can be assigned",
}


class StoredLayer:
    """A layer whose tables can be saved, loaded, copied, and kept in a folder; base class of both layers."""

    _KIND: ClassVar[str]
    _FIXED: ClassVar[dict[str, str]] = FIXED
    _folder: LayerFolder | None

    @abstractmethod
    def _settings(self) -> LayerSettings:
        """Return the present settings."""

    @abstractmethod
    def _tables(self) -> tuple[Table, ...]:
        """Return all tables."""

    @classmethod
    @abstractmethod
    def _new_tables(cls, settings: LayerSettings, seed: Any) -> list[NewTable]:
        """Return the tables of a new layer."""

    @classmethod
    @abstractmethod
    def _state(cls, settings: LayerSettings, tables: dict[str, Table], folder: LayerFolder | None) -> dict[str, Any]:
        """Return the attributes of a layer."""

    def _start(self, settings: LayerSettings, seed: Any, folder: Any, overwrite: Any) -> None:
        """Make the tables of a new layer, or continue with those of a folder."""
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
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be assigned: {self._FIXED[name]}")
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the folder: copies are in memory."""
        return vars(self) | {"_folder": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __deepcopy__(self: _Layer, memo: dict[int, Any]) -> _Layer:
        """Return a layer that goes on with the same bits, between two steps of other threads."""
        other = type(self).__new__(type(self))
        memo[id(self)] = other
        with self._settings().sampler.lock:
            other.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return other

    def __copy__(self: _Layer) -> _Layer:
        """Return a deep copy: tables are trained in place, so that a shallow one would change with the layer."""
        return copy.deepcopy(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the layer to one file: tables, slots, settings, and the position of the sampler.

        A layer that is loaded from it goes on with the same bits. The file is a zip archive of `.npy` files, checked
        by CRC-32 when it is read; nothing in it is ever executed. It replaces an older one once it is complete on
        disk. An optimizer, sampler or objective of your own class is saved by the name of the class, a sampler also
        with its `state`, and must be given to `load` again.

        Parameters
        ----------
        path : path
            The file to create or replace.

        Raises
        ------
        TypeError, ValueError
            If the state of a sampler of your own, or a slot of your own optimizer, cannot be saved.
        OSError
            If the file cannot be written; `path` has not changed.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> import sampledsoftmax as ss
        >>> path = os.path.join(tempfile.mkdtemp(), "layer.zip")
        >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=10, seed=1)
        >>> layer.save(path)
        >>> loaded = ss.SampledSoftmax.load(path)
        >>> inputs, labels = np.ones((2, 8), np.float32), np.array([3, 5])
        >>> loaded.step(inputs, labels)[0] == layer.step(inputs, labels)[0]
        True
        """
        settings, tables = self._settings(), self._tables()
        with settings.sampler.lock:  # steps of other threads wait
            layer, arrays = settings.state()
            for table in tables:
                arrays[table.name] = table.values
                arrays |= {f"{table.name}.{name}": slot for name, slot in table.slots.items()}
            write_archive(path, f"saved {self._KIND}", _VERSION, {"layer": layer}, arrays)

    @classonlymethod
    def load(
        cls: type[_Layer],
        path: str | os.PathLike[str],
        optimizer: Optimizer | None = None,
        sampler: CandidateSampler | None = None,
        objective: Objective | None = None,
    ) -> _Layer:
        """Return a layer that `save` has written; it goes on with the same bits.

        The layer is in memory, also if the saved one was in a folder. Objects of this package are made again with
        their settings; those of your own classes must be given.

        Parameters
        ----------
        path : path
            A file that `save` of the same class has written.
        optimizer : Optimizer, optional
            Used instead of the saved one; of the same class and settings, except for its learning rate.
        sampler : CandidateSampler, optional
            Used instead of the saved one, for example one that layers share; of the same class and distribution. It is
            put in the saved state.
        objective : Objective, optional
            Used instead of the saved one; of the same class and compiled parameters.

        Returns
        -------
        SampledSoftmax or SkipGram
            A new layer. `load` cannot be called on a layer, which it would leave as it is.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        TypeError, ValueError
            If the file is damaged or of another kind, if an object must be given and is not, or if a given one does
            not fit.

        Examples
        --------
        >>> import os, tempfile
        >>> import sampledsoftmax as ss
        >>> path, sampler = os.path.join(tempfile.mkdtemp(), "model.zip"), ss.UniformSampler(100, seed=1)
        >>> ss.SkipGram(num_classes=100, dim=8, num_sampled=10, sampler=sampler).save(path)
        >>> model = ss.SkipGram.load(path)
        >>> model.output.sampler.state == sampler.state
        True
        """
        path = validation.path("path", path)
        meta, arrays = read_archive(path, f"saved {cls._KIND}", _VERSION)
        given = {"optimizer": optimizer, "sampler": sampler, "objective": objective}
        with consistent(path):
            settings, set_state = restored_settings(meta["layer"], arrays, f"{cls.__name__}.load(path", given)
            tables = {new.name: _restored(new, arrays, settings.optimizer) for new in cls._new_tables(settings, None)}
            set_state()
        layer = cls.__new__(cls)
        layer.__setstate__(cls._state(settings, tables, None))
        return layer

    def flush(self) -> None:
        """Write a layer with `folder=` to disk: its pages, then settings and the position of the sampler.

        What is flushed survives a power failure. Without `folder=` there is nothing to do.

        Raises
        ------
        ValueError
            If the layer was closed.
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
        """Flush a layer with `folder=` and let go of its folder, which another layer can then continue.

        The tables cannot be read any more. A layer is also closed at the end of a `with` block, when nothing refers to
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

    def __enter__(self: _Layer) -> _Layer:
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

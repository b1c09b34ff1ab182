"""A table of embeddings for encoders outside this package: rows out, row gradients in."""

import os
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.class_only import classonlymethod
from sampledsoftmax.layers import saved_objects
from sampledsoftmax.layers.layer_folder import LayerFolder
from sampledsoftmax.layers.pulled_rows import pull_ids, push_ids
from sampledsoftmax.layers.stored_tables import StoredTables
from sampledsoftmax.layers.table import NewTable, Table, initial_rng
from sampledsoftmax.optimizers import Adagrad, Optimizer, checked_optimizer
from sampledsoftmax.runtime.fork_lock import ForkLock

_NEW_TABLE = "make a new table, and assign its values"
_FIXED = {
    "num_rows": _NEW_TABLE,
    "dim": _NEW_TABLE,
    "dtype": _NEW_TABLE,
    "optimizer": "assign its settings, as in table.optimizer.learning_rate = 0.01, or make a new table",
    "folder": "write it where the table is made",
    "overwrite": "write it where the table is made",
}


class TableSettings(NamedTuple):
    """The checked arguments of an `EmbeddingTable`, and its lock."""

    num_rows: int
    dim: int
    dtype: np.dtype[Any]
    optimizer: Optimizer
    lock: ForkLock

    @property
    def objects(self) -> dict[str, Any]:
        """What may be an object of a user's own class."""
        return {"optimizer": self.optimizer}

    def described(self) -> dict[str, Any]:
        """Return the settings as plain data for JSON."""
        optimizer = saved_objects.described_optimizer(self.optimizer)
        return {"num_rows": self.num_rows, "dim": self.dim, "dtype": self.dtype.name, "optimizer": optimizer}

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings as plain data, and no array."""
        return self.described(), {}

    @staticmethod
    def restored(
        saved: dict[str, Any], arrays: dict[str, NDArray[Any]], how: str, given: dict[str, Any]
    ) -> tuple["TableSettings", Callable[[], None]]:
        """Return saved settings, and nothing to do: only the table and its slots change in training."""
        del arrays
        optimizer = saved_objects.restored_optimizer(saved["optimizer"], given["optimizer"], how)
        return checked_settings(saved["num_rows"], saved["dim"], optimizer, saved["dtype"]), lambda: None


def checked_settings(num_rows: Any, dim: Any, optimizer: Any, dtype: Any) -> TableSettings:
    """Return the arguments of a table; TypeError or ValueError names the wrong one."""
    return TableSettings(
        validation.whole_number("num_rows", num_rows, 1),
        validation.whole_number("dim", dim, 1),
        validation.float_dtype("dtype", dtype),
        checked_optimizer(Adagrad(0.05) if optimizer is None else optimizer),
        ForkLock(),
    )


class EmbeddingTable(StoredTables):
    """Embeddings that an encoder in another framework reads by id, and that our optimizer updates row by row.

    A framework's own embedding needs a gradient of the size of the table, or an optimizer for sparse gradients; here a
    step costs what its rows cost, for any number of rows.

    Parameters
    ----------
    num_rows : int
        Number of embeddings, at least 1.
    dim : int
        Width of an embedding.
    optimizer : Optimizer, optional
        How rows are updated; default `Adagrad(0.05)`.
    dtype : float32 or float64
        Of the table and its gradients.
    seed : None, int or (int, int)
        Seed of the initial values, which are uniform in [-0.5, 0.5) / dim: those of a `SkipGram` with that seed.
    folder : path, optional
        Keep the table and its slots in files of this folder, so that they can be larger than memory. A folder that has
        a table is continued, which needs the same settings except for the learning rate. The folder is locked and its
        rules are those of a layer, see `SampledSoftmax`.
    overwrite : bool
        Replace the table of the folder by a new one.

    Attributes
    ----------
    num_rows, dim : int
        As given.
    dtype : dtype
        As given.
    optimizer : Optimizer
        As given; its settings can be assigned between two steps.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range, or the folder has a table with other settings or files
        of something else.
    OSError
        If the folder cannot be written, the disk is too small, or, as BlockingIOError, the folder is in use.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> table = ss.EmbeddingTable(num_rows=1000, dim=4, optimizer=ss.SGD(0.5), seed=1)
    >>> ids = np.array([[7, 2, 7]])
    >>> rows = table.pull(ids)
    >>> table.push(ids, np.ones_like(rows))
    >>> rows.shape, (table.pull([7]) - rows[:, 0]).ravel()
    ((1, 3, 4), array([-1., -1., -1., -1.], dtype=float32))
    """

    _KIND: ClassVar[str] = "EmbeddingTable"
    _SETTINGS: ClassVar[type[TableSettings]] = TableSettings
    _FIXED: ClassVar[dict[str, str]] = _FIXED

    num_rows: int
    dim: int
    dtype: np.dtype[Any]
    optimizer: Optimizer
    _table: Table
    _lock: ForkLock

    def __init__(
        self,
        num_rows: int,
        dim: int,
        optimizer: Optimizer | None = None,
        dtype: Any = np.float32,
        seed: Any = None,
        folder: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
    ) -> None:
        self._start(checked_settings(num_rows, dim, optimizer, dtype), seed, folder, overwrite)

    @classmethod
    def _new_tables(cls, settings: TableSettings, seed: Any) -> list[NewTable]:
        dtype = settings.dtype
        rng, half, width = initial_rng(seed, 1), dtype.type(0.5), dtype.type(settings.dim)
        shape = (settings.num_rows, settings.dim)
        return [NewTable("values", shape, dtype, lambda shape: (rng.random(shape, dtype) - half) / width)]

    @classmethod
    def _state(cls, settings: TableSettings, tables: dict[str, Table], folder: LayerFolder | None) -> dict[str, Any]:
        named = settings._asdict()
        lock = named.pop("lock")
        return {**named, "_lock": lock, "_table": tables["values"], "_folder": folder}

    def _settings(self) -> TableSettings:
        return TableSettings(self.num_rows, self.dim, self.dtype, self.optimizer, self._lock)

    def _tables(self) -> tuple[Table, ...]:
        return (self._table,)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock, which a copy must not share, and the folder: copies are in memory."""
        return {name: value for name, value in super().__getstate__().items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({"_lock": ForkLock()} | state)

    @property
    def values(self) -> NDArray[Any]:
        """The embeddings [num_rows, dim]; an array that is assigned is trained in place.

        A table in a folder stays in its file: what is assigned is copied there.
        """
        with self._lock:
            return self._table.caught_up()

    @values.setter
    def values(self, values: ArrayLike) -> None:
        with self._lock:
            self._table.assign(values)

    def pull(self, ids: ArrayLike) -> NDArray[Any]:
        """Return copies of the rows of ids.

        Parameters
        ----------
        ids : int, of any shape
            Rows, in [0, num_rows); repeated ids are allowed.

        Returns
        -------
        float [..., dim]
            One row for each id, in the shape of `ids`. Rows that an exact `Adam` left behind first take the steps that
            they missed.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range.
        """
        with self._lock:
            return pull_ids(self._table, ids)

    def prefetch(self, ids: ArrayLike) -> None:
        """Start to read rows from the files of `folder=`, and return at once; nothing without one.

        What is read is the same with and without it: only the time until `pull` has the rows is shorter.

        Parameters
        ----------
        ids : int, of any shape
            The rows that `pull` will be called for.

        Raises
        ------
        TypeError, ValueError
            If an id is of another type or out of its range.

        Examples
        --------
        >>> import tempfile
        >>> with EmbeddingTable(1000, 16, seed=1, folder=tempfile.mkdtemp()) as table:
        ...     table.prefetch([3, 4])
        ...     rows = table.pull([3, 4])
        """
        array = validation.as_ids("ids", ids)
        self._table.prefetch(validation.ids("ids", array, array.shape, self._table.values.shape[0]))

    def push(self, ids: ArrayLike, gradients: ArrayLike) -> None:
        """Take one step of the optimizer on the rows of ids.

        Parameters
        ----------
        ids : int, of any shape
            The rows, as they were pulled. The gradients of an id that is repeated are summed in order.
        gradients : float [..., dim]
            Gradient of each row that was pulled, in the dtype of the table; an array of any library that NumPy reads.

        Raises
        ------
        TypeError, ValueError
            If an id or the gradients do not fit; nothing is changed.
        FloatingPointError
            If a gradient is NaN or infinite; nothing is changed.
        """
        with self._lock:
            push_ids(self._table, ids, gradients)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table to one file: values, slots and settings.

        A table that is loaded from it goes on with the same bits. The file is a zip archive of `.npy` files, checked
        by CRC-32 when it is read; nothing in it is ever executed. It replaces an older one once it is complete on
        disk. An optimizer of your own class is saved by the name of the class, and must be given to `load` again.

        Parameters
        ----------
        path : path
            The file to create or replace.

        Raises
        ------
        TypeError, ValueError
            If a slot of your own optimizer cannot be saved, or `path` is no path.
        OSError
            If the file cannot be written; `path` has not changed.

        Examples
        --------
        >>> import os, tempfile
        >>> import sampledsoftmax as ss
        >>> path = os.path.join(tempfile.mkdtemp(), "table.zip")
        >>> table = ss.EmbeddingTable(num_rows=1000, dim=4, seed=1)
        >>> table.save(path)
        >>> bool((ss.EmbeddingTable.load(path).values == table.values).all())
        True
        """
        self._write(path)

    @classonlymethod
    def load(
        cls: type["EmbeddingTable"], path: str | os.PathLike[str], optimizer: Optimizer | None = None
    ) -> "EmbeddingTable":
        """Return a table that `save` has written; it goes on with the same bits.

        The table is in memory, also if the saved one was in a folder.

        Parameters
        ----------
        path : path
            A file that `save` has written.
        optimizer : Optimizer, optional
            Used instead of the saved one; of the same class and settings, except for its learning rate. One of your
            own class must be given.

        Returns
        -------
        EmbeddingTable
            A new table. `load` cannot be called on a table, which it would leave as it is.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        TypeError, ValueError
            If the file is damaged or of another kind, or if an optimizer must be given and is not, or does not fit.

        Examples
        --------
        >>> import os, tempfile
        >>> import sampledsoftmax as ss
        >>> path = os.path.join(tempfile.mkdtemp(), "table.zip")
        >>> ss.EmbeddingTable(num_rows=1000, dim=4, optimizer=ss.SGD(0.5)).save(path)
        >>> ss.EmbeddingTable.load(path).optimizer.learning_rate
        0.5
        """
        return cls._read(path, {"optimizer": optimizer})

"""A table of embeddings for encoders outside this package: rows out, row gradients in."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.layers.pulled_rows import pull_ids, push_ids
from sampledsoftmax.layers.table import Table, initial_rng
from sampledsoftmax.optimizers import Adagrad, Optimizer, checked_optimizer
from sampledsoftmax.runtime.fork_lock import ForkLock

_NEW_TABLE = "make a new table, and assign its values"
_FIXED = {
    "num_rows": _NEW_TABLE,
    "dim": _NEW_TABLE,
    "dtype": _NEW_TABLE,
    "optimizer": "assign its settings, as in table.optimizer.learning_rate = 0.01, or make a new table",
}


class EmbeddingTable:
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
        If an argument is of another type or out of its range.

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

    def __init__(
        self, num_rows: int, dim: int, optimizer: Optimizer | None = None, dtype: Any = np.float32, seed: Any = None
    ) -> None:
        self.num_rows = validation.whole_number("num_rows", num_rows, 1)
        self.dim = validation.whole_number("dim", dim, 1)
        self.dtype = validation.float_dtype("dtype", dtype)
        self.optimizer = checked_optimizer(Adagrad(0.05) if optimizer is None else optimizer)
        rng, half, width = initial_rng(seed, 1), self.dtype.type(0.5), self.dtype.type(self.dim)
        self._table = Table(
            "values",
            (self.num_rows, self.dim),
            lambda shape: (rng.random(shape, self.dtype) - half) / width,
            self.optimizer,
        )
        self._lock = ForkLock()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would be ignored by the next step."""
        if name in _FIXED and name in vars(self):
            raise AttributeError(f"{name} of an EmbeddingTable cannot be assigned: {_FIXED[name]}")
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock, which a copy must not share."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=ForkLock())

    @property
    def values(self) -> NDArray[Any]:
        """The embeddings [num_rows, dim]; an array that is assigned is trained in place."""
        with self._lock:
            return self._table.caught_up()

    @values.setter
    def values(self, values: ArrayLike) -> None:
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

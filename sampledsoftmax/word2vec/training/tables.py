"""The three tables of a word model: initialization, growth, conversion to and from arrays."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.layers.table import FirstValues, Table, initial_rng
from sampledsoftmax.optimizers import Optimizer

_REAL = np.dtype(np.float32)
_ROWS_AT_ONCE = 1 << 16


class Tables(NamedTuple):
    """Embeddings [num_words, dim], output weights [num_words, dim] and output biases [num_words], with their slots."""

    embeddings: Table
    weights: Table
    biases: Table

    @property
    def num_words(self) -> int:
        """The number of rows of each table."""
        return int(self.biases.values.shape[0])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return values and slots by name, "embeddings", "embeddings.accumulator", ..., without copying."""
        arrays = {}
        for name, table in self._asdict().items():
            arrays[name] = table.values
            arrays |= {f"{name}.{slot}": array for slot, array in table.slots.items()}
        return arrays

    def are_finite(self) -> bool:
        """Return whether all values are finite."""
        return all(
            bool(np.isfinite(table.values[first : first + _ROWS_AT_ONCE]).all())
            for table in self
            for first in range(0, self.num_words, _ROWS_AT_ONCE)
        )


def new_tables(num_words: int, dim: int, optimizer: Optimizer, seed: int) -> Tables:
    """Return initial tables: embeddings uniform in +-0.5 / sqrt(dim), weights and biases 0.

    word2vec.c divides by dim; the larger values are better after one epoch as well as after three (docs/words.md).

    Examples
    --------
    >>> from sampledsoftmax import SGD
    >>> tables = new_tables(3, 2, SGD(0.1), seed=1)
    >>> bool(abs(tables.embeddings.values).max() <= 0.36), tables.weights.values.shape, tables.biases.values.tolist()
    (True, (3, 2), [0.0, 0.0, 0.0])
    """
    shape = (num_words, dim)
    return Tables(
        Table("embeddings", shape, _random_rows(dim, seed, 0), optimizer),
        Table("weights", shape, _zeros, optimizer),
        Table("biases", shape[:1], _zeros, optimizer),
    )


def zero_tables(num_words: int, optimizer: Optimizer) -> Tables:
    """Return tables of one column of zeros.

    Examples
    --------
    >>> from sampledsoftmax import SGD
    >>> [table.values.tolist() for table in zero_tables(2, SGD(0.1))]
    [[[0.0], [0.0]], [[0.0], [0.0]], [0.0, 0.0]]
    """
    shape = (num_words, 1)
    return Tables(
        Table("embeddings", shape, _zeros, optimizer),
        Table("weights", shape, _zeros, optimizer),
        Table("biases", shape[:1], _zeros, optimizer),
    )


def grown(tables: Tables, num_words: int, optimizer: Optimizer, seed: int) -> Tables:
    """Return tables with more rows: existing rows and slots keep their bits, new rows are initialized.

    Examples
    --------
    >>> from sampledsoftmax import SGD
    >>> old = new_tables(2, 4, SGD(0.1), seed=1)
    >>> new = grown(old, 3, SGD(0.1), seed=1)
    >>> new.num_words, bool((new.embeddings.values[:2] == old.embeddings.values).all())
    (3, True)
    """
    dim, more = tables.embeddings.values.shape[1], num_words - tables.num_words
    fresh = Tables(
        Table("embeddings", (more, dim), _random_rows(dim, seed, tables.num_words), optimizer),
        Table("weights", (more, dim), _zeros, optimizer),
        Table("biases", (more,), _zeros, optimizer),
    )
    arrays, more_arrays = tables.arrays(), fresh.arrays()
    return from_arrays({name: np.concatenate((arrays[name], more_arrays[name])) for name in arrays}, optimizer)


def from_arrays(arrays: Mapping[str, NDArray[Any]], optimizer: Optimizer) -> Tables:
    """Return tables from the arrays of `Tables.arrays`; ValueError names a missing one, or one of another shape.

    Examples
    --------
    >>> from sampledsoftmax import Adagrad
    >>> tables = new_tables(3, 2, Adagrad(0.1), seed=1)
    >>> from_arrays(tables.arrays(), Adagrad(0.1)).num_words
    3
    """
    embeddings = arrays.get("embeddings")
    if embeddings is None or embeddings.ndim != 2:
        raise ValueError("there is no matrix of embeddings")
    return Tables(*(_table(name, arrays, embeddings.shape, optimizer) for name in Tables._fields))


def _table(name: str, arrays: Mapping[str, NDArray[Any]], shape: tuple[int, ...], optimizer: Optimizer) -> Table:
    shape = shape if name != "biases" else shape[:1]
    values, empty = _expected(name, arrays, shape), optimizer.init(np.zeros((0, *shape[1:]), _REAL))
    slots = {slot: _expected(f"{name}.{slot}", arrays, (shape[0], *rows.shape[1:])) for slot, rows in empty.items()}
    return Table.of(name, values, slots, optimizer)


def _expected(name: str, arrays: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> NDArray[Any]:
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype != _REAL:
        found = "none" if array is None else f"{array.dtype} {list(array.shape)}"
        raise ValueError(f"{name} must be float32 {list(shape)}, got {found}")
    return array if array.flags.writeable else array.copy()


def _random_rows(dim: int, seed: int, first_row: int) -> FirstValues:
    rng = initial_rng((seed, first_row), 1)
    return lambda shape: (rng.random(shape, np.float32) - np.float32(0.5)) / np.float32(math.sqrt(dim))


def _zeros(shape: tuple[int, ...]) -> NDArray[Any]:
    return np.zeros(shape, _REAL)

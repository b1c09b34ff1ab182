"""Corpora of ids in arrays: sentences as the padded rows of an array, or one after the other, with offsets."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.types import checked_splits

PADDING = -1
_TOKENS_PER_BLOCK = 2**19
# The attributes of `CompressedRows` and `Ragged`.
_RAGGED = (("indices", "indptr"), ("values", "row_splits"))
_WORDS = "OUTS"  # kinds of dtypes whose entries are looked at one by one: objects and strings
_ONE_DIMENSION = "write corpus[None] if it is one sentence, RaggedLabels(corpus, row_splits) if it is more than one"


class CompressedRows(Protocol):
    """A sparse matrix in CSR form, of any library."""

    @property
    def indices(self) -> Any:
        """The columns of the entries, row by row."""

    @property
    def indptr(self) -> Any:
        """Where each row starts, and the end of the last one."""


class Ragged(Protocol):
    """A ragged array: `RaggedLabels`, or a tensor of TensorFlow."""

    @property
    def values(self) -> Any:
        """The entries, row by row."""

    @property
    def row_splits(self) -> Any:
        """Where each row starts, and the end of the last one."""


IdArrays: TypeAlias = NDArray[np.integer[Any]] | CompressedRows | Ragged


class IdBlock(NamedTuple):
    """Some sentences of ids.

    Attributes
    ----------
    ids : int64 [num_tokens]
        Without padding.
    ends : int64 [num_sentences]
        Number of tokens before the end of each sentence.
    """

    ids: NDArray[np.int64]
    ends: NDArray[np.int64]


class IdSentences(ABC):
    """A corpus of ids in arrays, which can be read several times."""

    @abstractmethod
    def blocks(self) -> Iterator[IdBlock]:
        """Yield the sentences in blocks.

        Raises
        ------
        ValueError
            An id is negative or does not fit in int64; the message has its position.
        """

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """Yield the ids of each sentence."""
        for ids, ends in self.blocks():
            yield from np.split(ids, ends)[:-1]


class PaddedIds(IdSentences):
    """A sentence in each row of an array; -1 before the first or after the last id of a row is padding.

    Parameters
    ----------
    array : int [num_sentences, length]

    Examples
    --------
    >>> [ids.tolist() for ids in PaddedIds(np.array([[3, 1, -1], [-1, -1, 2], [-1, -1, -1]]))]
    [[3, 1], [2], []]
    """

    def __init__(self, array: NDArray[Any]) -> None:
        if array.ndim != 2:
            hint = f": {_ONE_DIMENSION}" if array.ndim == 1 else ""
            raise ValueError(f"corpus must have shape [num_sentences, length], got {list(array.shape)}{hint}")
        self._array = array

    def blocks(self) -> Iterator[IdBlock]:
        """Yield the rows in blocks, without padding."""
        num_rows, length = self._array.shape
        step = max(1, _TOKENS_PER_BLOCK // max(1, length))
        for first in range(0, num_rows, step):
            yield _without_padding(self._array[first : first + step], first)


class RaggedIds(IdSentences):
    """Sentences one after the other: sentence `i` is `ids[offsets[i]:offsets[i + 1]]`.

    Parameters
    ----------
    ids : int [num_tokens]
    offsets : int [num_sentences + 1]
    names : pair of str
        What messages call them.

    Examples
    --------
    >>> [ids.tolist() for ids in RaggedIds(np.array([3, 1, 2]), np.array([0, 2, 2, 3]), ("ids", "offsets"))]
    [[3, 1], [], [2]]
    """

    def __init__(self, ids: Any, offsets: Any, names: tuple[str, str]) -> None:
        for_ids, for_offsets = names
        self._name = for_ids
        self._ids, splits = np.asarray(validation.as_ids(for_ids, ids)), validation.as_ids(for_offsets, offsets)
        if self._ids.ndim != 1:
            raise ValueError(f"{for_ids} must have shape [num_tokens], got {list(self._ids.shape)}")
        if splits.ndim != 1 or not splits.size:
            raise ValueError(f"{for_offsets} must have shape [num_sentences + 1], got {list(splits.shape)}")
        self._offsets = checked_splits(for_offsets, splits, self._ids.size, for_ids)

    def blocks(self) -> Iterator[IdBlock]:
        """Yield the sentences in blocks; a long sentence is a block of its own."""
        first, last = 0, self._offsets.size - 1
        while first < last:
            start = self._offsets[first]
            full = int(np.searchsorted(self._offsets, start + _TOKENS_PER_BLOCK, side="right")) - 1
            end = min(last, max(first + 1, min(full, first + _TOKENS_PER_BLOCK)))
            ids = _as_int64(self._ids[start : self._offsets[end]], self._name, int(start))
            if ids.size and ids.min() < 0:
                raise _refused(ids, ids < 0, int(start), "is no id: ids are 0 or more, without padding", self._name)
            yield IdBlock(ids, self._offsets[first + 1 : end + 1] - start)
            first = end


def id_sentences(source: Any) -> IdSentences | None:
    """Return a corpus of ids in arrays; None if `source` is a corpus of another kind.

    Parameters
    ----------
    source : object
        See `read_sentences`.

    Raises
    ------
    TypeError, ValueError
        It holds numbers that are no ids, or has another shape; a sparse matrix is not in CSR form.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> [ids.tolist() for ids in id_sentences(SimpleNamespace(indices=[5, 3, 5], indptr=[0, 2, 3]))]
    [[5, 3], [5]]
    """
    if getattr(source, "format", "csr") != "csr" and hasattr(source, "tocsr"):
        raise TypeError(
            f"corpus must be in CSR form, csr_array((data, ids, offsets)), got {validation.shown(source.format)}, "
            "where the ids of a row have no order"
        )
    for names in _RAGGED:
        if all(hasattr(source, name) for name in names):
            ids, offsets = (getattr(source, name) for name in names)
            return RaggedIds(ids, offsets, (f"corpus.{names[0]}", f"corpus.{names[1]}"))
    if not hasattr(source, "__array__"):
        return None
    array = np.asarray(validation.as_array("corpus", source))
    if array.dtype.kind in _WORDS:
        return None
    if array.size == 0:  # of any dtype, as that of an empty list is float64
        return PaddedIds(np.zeros((len(array), 0), np.int64))
    if array.dtype.kind not in "iu":
        hint = ": fill gaps with -1, and write .astype(np.int64)" if array.dtype.kind == "f" else ""
        raise TypeError(f"corpus must hold integer ids or words, got dtype {validation.dtype_of(array)}{hint}")
    return PaddedIds(array)


def _without_padding(rows: NDArray[Any], first_row: int) -> IdBlock:
    """Return the ids of some rows of a corpus; a negative one that is no padding raises ValueError."""
    num_rows, length = rows.shape
    rows = _as_int64(rows, "corpus", first_row)
    if not rows.size or rows.min() >= 0:
        return IdBlock(rows.reshape(-1), np.arange(1, num_rows + 1) * length)
    is_id = rows != PADDING
    if rows.min() < PADDING:
        raise _refused(rows, rows < PADDING, first_row, "is no id: ids are 0 or more, and -1 is padding")
    # Padding is a gap if there are ids before it and after it.
    gaps = ~is_id & np.logical_or.accumulate(is_id, axis=1) & np.logical_or.accumulate(is_id[:, ::-1], axis=1)[:, ::-1]
    if gaps.any():
        raise _refused(rows, gaps, first_row, "is between ids: padding is at the start or at the end of a row")
    return IdBlock(rows[is_id], np.cumsum(np.count_nonzero(is_id, axis=1)))


def _as_int64(ids: NDArray[Any], name: str, first: int) -> NDArray[np.int64]:
    """Return ids as int64; one that does not fit raises ValueError."""
    if ids.dtype.kind == "u" and ids.size and ids.max() > validation.MAX_INT64:
        raise _refused(ids, ids > validation.MAX_INT64, first, "does not fit in int64", name)
    return np.ascontiguousarray(ids, np.int64)


def _refused(ids: NDArray[Any], wrong: NDArray[np.bool_], first: int, why: str, name: str = "corpus") -> ValueError:
    """Return the error for the first wrong entry; `first` is the position of the first row in the corpus."""
    place = [int(i) for i in np.unravel_index(int(wrong.argmax()), ids.shape)]
    shown = ", ".join(map(str, [first + place[0], *place[1:]]))
    return ValueError(f"{name}[{shown}] = {ids[tuple(place)]} {why}")

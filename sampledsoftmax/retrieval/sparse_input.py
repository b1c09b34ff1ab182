"""Checks of what interactions are made from: ratings, and sparse matrices of any library."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation

Ids = NDArray[np.int64]


def checked_ratings(ratings: Any, num_pairs: int) -> NDArray[np.float64]:
    """Return ratings [num_pairs] as float64; all of them are finite.

    Examples
    --------
    >>> checked_ratings([1, 2.5], 2)
    array([1. , 2.5])
    """
    array = validation.as_array("ratings", ratings)
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"ratings must hold numbers, got {validation.shown(ratings)}") from None
    if array.dtype.kind not in "iufb":
        raise TypeError(f"ratings must hold numbers, got dtype {validation.dtype_of(array)}")
    if array.shape != (num_pairs,):
        raise ValueError(f"ratings must have shape [{num_pairs}], one per pair, got {list(array.shape)}")
    values = array.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise ValueError(f"ratings[{wrong[0]}] = {values[wrong[0]]}: ratings must be finite, leave missing ones out")
    return values


def checked_csr(matrix: Any) -> tuple[Ids, Ids, NDArray[Any], tuple[int, int]]:
    """Return (indptr, indices, data, shape) of a sparse matrix in CSR form; its indices are in range.

    Raises
    ------
    TypeError, ValueError
        It is no such matrix, or an entry is NaN.
    """
    if getattr(matrix, "format", "csr") != "csr" and hasattr(matrix, "tocsr"):
        raise TypeError(f"matrix must be in CSR form, got {validation.shown(matrix.format)}: write matrix.tocsr()")
    if not all(hasattr(matrix, name) for name in ("indptr", "indices", "data", "shape")):
        raise TypeError(
            f"matrix must be a sparse matrix in CSR form, with indptr, indices, data and shape, got "
            f"{validation.described(matrix)}"
        )
    if len(matrix.shape) != 2:
        raise ValueError(f"matrix must have shape [num_users, num_items], got {list(matrix.shape)}")
    num_users, num_items = (validation.whole_number("matrix.shape", size, 0) for size in matrix.shape)
    indptr = validation.as_ids("matrix.indptr", matrix.indptr).astype(np.int64)
    data = validation.as_array("matrix.data", matrix.data)
    if indptr.shape != (num_users + 1,) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
        raise ValueError(f"matrix.indptr must have {num_users + 1} entries that start at 0 and never fall")
    indices = validation.ids("matrix.indices", matrix.indices, (int(indptr[-1]),), num_items, ("a column", "columns"))
    if data.shape != indices.shape or data.dtype.kind not in "iufb":
        raise ValueError(f"matrix.data must have {indices.size} numbers, got {validation.described(data)}")
    wrong = np.flatnonzero(np.isnan(data))
    if wrong.size:
        user = int(np.searchsorted(indptr, wrong[0], side="right")) - 1
        raise ValueError(f"matrix[{user}, {indices[wrong[0]]}] is NaN: leave missing entries out")
    return indptr, indices, data, (num_users, num_items)

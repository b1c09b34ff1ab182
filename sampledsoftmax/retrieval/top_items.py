"""The best items of many users: all items are scored, block by block on all threads, without those to leave out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels.full.top_k import NO_CLASS, Best, run_merge
from sampledsoftmax.kernels.full.unseen import Excluded, run_top_k_unseen
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.full_pass import FullPass
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.types import DOT_PRODUCT

NO_ITEM = -1

# Items per block, whose packed rows of 64 numbers, 1 MB, stay in the cache; Ctrl-C takes effect between two blocks.
_BLOCK = 4096
# Users per pass: the items are packed again for each, which takes as long as the scores of 16 users.
_USERS = 4096


class Items(NamedTuple):
    """What is ranked.

    Attributes
    ----------
    factors : float32 or float64 [num_items, dim]
    biases : the same dtype [num_items], or None
    """

    factors: NDArray[Any]
    biases: NDArray[Any] | None = None


@np.errstate(over="ignore", invalid="ignore")  # NaN is reported
def top_items(
    user_factors: NDArray[Any], items: Items, k: int, seen: Interactions | None = None, rows: Any = None
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the rows and the scores [num_queries, k] of the best items of each user, in descending order.

    Parameters
    ----------
    user_factors : float32 or float64 [num_queries, dim]
        The dtype of the items.
    items : Items
        A score is a dot product, plus the bias of the item. Among equal scores the lower row is first.
    k : int
        At most the number of items.
    seen : Interactions, optional
        Items to leave out.
    rows : int64 [num_queries], optional
        The user rows of the queries in `seen`.

    Returns
    -------
    ids : int64 [num_queries, k]
        -1 beyond the items that are not left out.
    scores : float [num_queries, k]
        -inf there.

    Raises
    ------
    FloatingPointError
        A score is NaN: the factors are too large.

    Examples
    --------
    >>> items, seen = Items(np.array([[1.0], [3.0], [3.0]])), Interactions.from_pairs([7, 7, 8], [0, 1, 2])
    >>> top_items(np.ones((1, 1)), items, 2)
    (array([[1, 2]]), array([[3., 3.]]))
    >>> top_items(np.ones((1, 1)), items, 2, seen, np.array([0]))
    (array([[ 2, -1]]), array([[  3., -inf]]))
    """
    num_queries = user_factors.shape[0]
    ids, scores = np.empty((num_queries, k), np.int64), np.empty((num_queries, k), user_factors.dtype)
    excluded = _excluded(seen, rows, num_queries)
    for first in range(0, num_queries, _USERS):
        part = slice(first, min(first + _USERS, num_queries))
        some = Excluded(excluded.classes, excluded.first[part], excluded.last[part])
        ids[part], scores[part] = _best(user_factors[part], items, k, some, first)
    ids[np.isneginf(scores)] = NO_ITEM
    return ids, scores


def _excluded(seen: Interactions | None, rows: Any, num_queries: int) -> Excluded:
    """Return the items to leave out, as arrays that kernels are compiled for: writable, contiguous."""
    if seen is None:
        return Excluded(np.zeros(0, np.int64), np.zeros(num_queries, np.int64), np.zeros(num_queries, np.int64))
    return Excluded(np.require(seen.items, None, ["C", "W"]), seen.row_splits[rows], seen.row_splits[rows + 1])


def _best(
    queries: NDArray[Any], items: Items, k: int, excluded: Excluded, first_query: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    biases = None if items.biases is None else Shards((items.biases,))
    no_labels = np.zeros((queries.shape[0], 0), np.int64)
    batch = Batch(Shards((items.factors,)), biases, no_labels, np.ascontiguousarray(queries))
    classes = FullPass(batch, DOT_PRODUCT, _BLOCK)
    # With few users, threads split the items, and their heaps are merged; with many, that would be more work.
    splits = 1 if classes.num_groups >= 4 * classes.num_threads else classes.num_threads
    shape = (splits, queries.shape[0], k)
    best = Best(np.full(shape, -np.inf, queries.dtype), np.full(shape, NO_CLASS), np.zeros(shape[:2], np.bool_))
    buffers = classes.buffers()
    for block in classes.blocks():
        classes.run(run_top_k_unseen, block, classes.panels, buffers, excluded, best)
        if best.has_nan.any():
            query = first_query + int(best.has_nan.any(axis=0).argmax())
            raise FloatingPointError(f"user_factors[{query}] has a score that is NaN: it has no order")
    classes.run(run_merge, best)
    return best.ids[0], best.logits[0]

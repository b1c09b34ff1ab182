"""Evaluation of a factor model: all items are ranked for each user, those that the user has seen are left out."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.metrics import RankingScores, UserScores, scores_of_users
from sampledsoftmax.retrieval.top_items import Items, top_items

_USERS = 32_768  # ranked at a time: 20 places of 12 bytes each are 8 MB
_LEAST_NORM = 1e-12  # a row below it has the cosine 0, as in training


def evaluate_ranking(
    user_factors: ArrayLike,
    item_factors: ArrayLike,
    seen: Interactions,
    held_out: Interactions,
    k: int = 20,
    *,
    normalize: bool = False,
    users: ArrayLike | None = None,
    item_biases: ArrayLike | None = None,
) -> RankingScores:
    """Return metrics of the rankings of all items, means over the users with held-out items.

    For each user, all items without those in `seen` are ranked by score, and the held-out ones among the first `k` are
    hits. Among equal scores the lower item row is first, so a model that gives all items one score gets no credit.
    Nothing is sampled: metrics among sampled items rank models differently (Krichene and Rendle, "On Sampled Metrics
    for Item Recommendation", KDD 2020). An item that is both seen and held out is not ranked, so it is a miss.

    Parameters
    ----------
    user_factors : float32 or float64 [num_users, dim]
        The row of each user.
    item_factors : the same dtype [num_items, dim]
        The row of each item.
    seen : Interactions
        What is left out of the rankings: the training pairs.
    held_out : Interactions
        What should be found, with the rows of `seen`: see `Interactions.with_rows_of` and `Interactions.split`.
    k : int
        Length of the rankings.
    normalize : bool
        Rank by cosine instead of dot product; a row of zeros has the cosine 0.
    users : int [any number], optional
        The user rows to evaluate, by default all.
    item_biases : the same dtype [num_items], optional
        Added to the scores.

    Returns
    -------
    RankingScores
        The definitions are in its documentation.

    Raises
    ------
    TypeError, ValueError
        Shapes, dtypes or the rows of users and items do not fit together; a factor is not finite; no user has a
        held-out item.
    FloatingPointError
        A score is NaN: the factors are too large.

    Notes
    -----
    All scores are computed, in blocks that fit in the caches, on all threads. The results do not depend on the number
    of threads. Memory: a few megabytes beside the factors; a copy of the items with `normalize`.

    Examples
    --------
    >>> train = Interactions.from_pairs([0, 0, 1], [0, 1, 2])
    >>> test = Interactions.from_pairs([0, 1], [2, 1]).with_rows_of(train)
    >>> scores = evaluate_ranking(np.ones((2, 1)), np.array([[3.0], [2.0], [1.0]]), train, test, k=1)
    >>> scores.recall, scores.num_users
    (0.5, 2)
    """
    _check_rows(seen, held_out)
    k = validation.whole_number("k", k, 1)
    queries, items = checked_factors(user_factors, item_factors, item_biases, (seen.num_users, seen.num_items))
    rows = _evaluated(users, held_out)
    if validation.flag("normalize", normalize):
        items = Items(unit_rows(items.factors), items.biases)
    parts = [
        _scores(queries, items, seen, held_out, rows[first : first + _USERS], k, normalize)
        for first in range(0, rows.size, _USERS)
    ]
    means = {name: float(np.concatenate([getattr(part, name) for part in parts]).mean()) for name in UserScores._fields}
    return RankingScores(**means, num_users=rows.size, k=k)


def checked_factors(
    user_factors: Any, item_factors: Any, item_biases: Any, sizes: tuple[int, int]
) -> tuple[NDArray[Any], Items]:
    """Return the rows of users, and items, whose shapes, dtypes and values have been checked."""
    queries = validation.floats("user_factors", user_factors, (sizes[0], "dim"))
    factors = validation.floats("item_factors", item_factors, (sizes[1], queries.shape[1]), queries.dtype)
    biases = None
    if item_biases is not None:
        biases = validation.floats("item_biases", item_biases, (sizes[1],), queries.dtype)
    for name, array in (("user_factors", queries), ("item_factors", factors), ("item_biases", biases)):
        if array is not None and not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0, 0])
            raise ValueError(f"{name}[{row}] has an entry that is NaN or infinite")
    return queries, Items(np.ascontiguousarray(factors), biases)


def unit_rows(table: NDArray[Any]) -> NDArray[Any]:
    """Return the rows divided by their lengths; rows of zeros stay.

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    norms = np.sqrt(np.einsum("rd,rd->r", table, table, dtype=np.float64))
    inverse = np.where(norms < _LEAST_NORM, 0, 1 / np.maximum(norms, _LEAST_NORM))
    units: NDArray[Any] = table * inverse[:, None].astype(table.dtype)
    return units


def _check_rows(seen: Any, held_out: Any) -> None:
    for name, value in (("seen", seen), ("held_out", held_out)):
        if not isinstance(value, Interactions):
            raise TypeError(f"{name} must be Interactions, got {validation.described(value)}")
    for kind in ("user", "item"):
        ours, others = getattr(seen, f"{kind}_ids"), getattr(held_out, f"{kind}_ids")
        if ours is not others and ours != others:
            raise ValueError(
                f"held_out must have the {kind}s of seen, got {len(others):,} {kind} ids that are not the same "
                f"{len(ours):,}: write held_out.with_rows_of(seen)"
            )


def _evaluated(users: Any, held_out: Interactions) -> NDArray[np.int64]:
    """Return the rows of the users that are evaluated and have held-out items."""
    rows = np.arange(held_out.num_users)
    if users is not None:
        rows = validation.ids("users", users, ("num_evaluated",), held_out.num_users, ("a user row", "rows"))
    kept = rows[held_out.user_counts[rows] > 0]
    if not kept.size:
        raise ValueError(f"held_out has no items of the {rows.size:,} users to evaluate: at least one is expected")
    return kept


def _scores(
    queries: NDArray[Any],
    items: Items,
    seen: Interactions,
    held_out: Interactions,
    rows: NDArray[np.int64],
    k: int,
    normalize: bool,
) -> UserScores:
    """Return the metrics of some users."""
    length = min(k, held_out.num_items)
    some = queries[rows]
    ids, _ = top_items(unit_rows(some) if normalize else some, items, length, seen, rows)
    hits = np.zeros((rows.size, k), np.bool_)
    hits[:, :length] = _is_held_out(ids, held_out, rows)
    return scores_of_users(hits, held_out.user_counts[rows])


def _is_held_out(ids: NDArray[np.int64], held_out: Interactions, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the items [num_rows, k] of some users are held out for them."""
    num_items = held_out.num_items
    owners = np.repeat(np.arange(held_out.num_users), held_out.user_counts)
    keys = owners * num_items + held_out.items  # ascending
    wanted = rows[:, None] * num_items + ids
    found = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    is_held_out: NDArray[np.bool_] = (keys[found] == wanted) & (ids >= 0)
    return is_held_out

"""Questions to the factors of a model: rows of ids, recommendations, similar items."""

import difflib
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.retrieval.evaluation import unit_rows
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.state import pair_keys
from sampledsoftmax.retrieval.top_items import NO_ITEM, Items, top_items

Ids = NDArray[np.int64]
Answer = tuple[NDArray[Any], NDArray[np.float32]]

_MOST_COMPARED = 100_000  # ids that are searched for a similar spelling


class UnknownIdError(KeyError):
    """A user or an item is not in the data of the model; the message says what to do.

    Examples
    --------
    >>> print(UnknownIdError("the user 'bob' is not in the data of the model"))
    the user 'bob' is not in the data of the model
    """

    def __str__(self) -> str:
        return str(self.args[0])


class Factors(NamedTuple):
    """The factors of a fitted model, as queries use them.

    Attributes
    ----------
    users, items : float32 [num_users, dim], [num_items, dim]
        A score is their dot product.
    seen : Interactions
        All pairs of the data.
    train : Interactions
        Those that were trained on.
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    seen: Interactions
    train: Interactions

    @property
    def biases(self) -> NDArray[np.float32] | None:
        """-inf for items without training pairs, which are never recommended; None if there are none."""
        unknown = self.train.item_counts == 0
        return np.where(unknown, np.float32(-np.inf), np.float32(0)) if unknown.any() else None

    @property
    def finite_biases(self) -> NDArray[np.float32] | None:
        """The same with the lowest finite number, where all items are ranked."""
        biases = self.biases
        return None if biases is None else np.maximum(biases, np.finfo(np.float32).min)


def recommend(factors: Factors, user: Any, k: int, exclude_seen: bool) -> Answer:
    """Return the items [k] with the highest scores for a user and the scores, or [num_users, k] for several users."""
    rows, is_one = rows_of("user", user, factors.seen.user_ids, factors.seen.user_rows)
    _refuse_untrained("user", rows, factors.seen.user_ids, factors.train.user_counts)
    seen = factors.seen if exclude_seen else None
    most = min(k, factors.seen.num_items)
    best, scores = top_items(factors.users[rows], Items(factors.items, factors.biases), most, seen, rows)
    if is_one:
        known = best[0] != NO_ITEM
        return _ids(factors.seen.item_ids, best[0, known]), scores[0, known]
    left = (best != NO_ITEM).sum(axis=1)
    if (left < k).any():
        first = int((left < k).argmax())
        name = validation.shown(factors.seen.user_ids[int(rows[first])])
        raise ValueError(
            f"k = {k} items were asked for, and the user {name} has {left[first]} that can be recommended: lower k, "
            "ask for one user at a time, or write exclude_seen=False"
        )
    return _ids(factors.seen.item_ids, best), scores


def similar_items(factors: Factors, item: Any, k: int) -> Answer:
    """Return the items [k] whose factors have the largest cosine with those of an item, and the cosines.

    For several items [num_items, k]. The item itself is left out.
    """
    rows, is_one = rows_of("item", item, factors.seen.item_ids, factors.seen.item_rows)
    _refuse_untrained("item", rows, factors.seen.item_ids, factors.train.item_counts)
    others = int(np.count_nonzero(factors.train.item_counts)) - 1
    if k > others and not is_one:
        raise ValueError(f"k must be at most {others}, the number of other items with training pairs, got {k}")
    k, items = min(k, others), unit_rows(factors.items)
    best, scores = top_items(items[rows], Items(items, factors.biases), k + 1)
    other = best != rows[:, np.newaxis]
    other[other.all(axis=1), -1] = False  # the item itself is not among them where others are equal to it
    shape = (rows.size, k)
    ids, cosines = _ids(factors.seen.item_ids, best[other].reshape(shape)), scores[other].reshape(shape)
    return (ids[0], cosines[0]) if is_one else (ids, cosines)


def left_out_of_ranking(factors: Factors, test: Interactions) -> Interactions:
    """Return the pairs that are not ranked: all of the data, or only those trained on where others are test pairs.

    Raises
    ------
    ValueError
        A test pair was trained on.
    """
    keys = pair_keys(test)
    trained_on = int(np.isin(keys, pair_keys(factors.train), assume_unique=True).sum())
    if trained_on:
        raise ValueError(
            f"{trained_on:,} of {test.num_pairs:,} test pairs were trained on, and items that a user has seen are not "
            "ranked: leave them out"
        )
    is_held_out = np.isin(keys, pair_keys(factors.seen), assume_unique=True).any()
    return factors.train if is_held_out else factors.seen


def rows_of(kind: str, given: Any, known: Sequence[Any], rows: Mapping[Any, int]) -> tuple[Ids, bool]:
    """Return the rows of ids, and whether a single id was given.

    Raises
    ------
    UnknownIdError
        An id is not known; the message has ids of a similar spelling.
    """
    is_one = isinstance(given, (str, bytes)) or not hasattr(given, "__len__") or np.ndim(given) == 0
    ids = [given] if is_one else list(given)
    found = np.empty(len(ids), np.int64)
    for i, one in enumerate(ids):
        row = rows.get(_plain(one)) if _is_id(one) else None
        if row is None:
            raise _unknown(kind, one, known, rows)
        found[i] = row
    return found, is_one


def _is_id(value: Any) -> bool:
    is_flag = isinstance(value, (bool, np.bool_))
    return isinstance(value, (str, int, np.integer)) and not is_flag


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else int(value)


def _unknown(kind: str, one: Any, known: Sequence[Any], rows: Mapping[Any, int]) -> UnknownIdError:
    what = f"the {kind} {validation.shown(one)} is not in the data of the model"
    of_type = f"whose ids are of type {type(known[0]).__name__}"
    other = str(one) if isinstance(one, (int, np.integer)) and _is_id(one) else _as_int(one)
    if other is not None and other in rows:
        return UnknownIdError(f"{what}, {of_type}: write {other!r}")
    if not _is_id(one):
        return UnknownIdError(f"{what}, {of_type}: write one, or a list of them")
    near: list[str] = []
    if isinstance(one, str) and len(one) <= validation.MAX_SHOWN:
        near = difflib.get_close_matches(one, [other for other in known[:_MOST_COMPARED] if isinstance(other, str)])
    hint = f"; near it: {', '.join(map(repr, near))}" if near else ""
    advice = "fit a model to data that has it"
    if kind == "user":
        advice += ", or take similar_items of items that the user likes"
    return UnknownIdError(f"{what}{hint}: {advice}")


def _as_int(value: Any) -> int | None:
    try:
        is_whole = isinstance(value, (float, np.floating)) and value == int(value)
        return int(value) if is_whole or isinstance(value, (str, os.PathLike)) else None
    except (ValueError, OverflowError):
        return None


def _refuse_untrained(kind: str, rows: Ids, ids: Sequence[Any], counts: Ids) -> None:
    """Raise ValueError for a row that has not learned anything."""
    untrained = counts[rows] == 0
    if untrained.any():
        name = validation.shown(ids[int(rows[int(untrained.argmax())])])
        raise ValueError(f"the {kind} {name} has no training pairs, so nothing is known of it")


def _ids(known: Sequence[Any], rows: Ids) -> NDArray[Any]:
    """Return the ids of rows, in an array of int64, or of str objects."""
    if isinstance(known[0], str):
        found = np.empty(rows.shape, object)
        found[...] = np.array([known[row] for row in rows.ravel().tolist()], object).reshape(rows.shape)
        return found
    return np.array([known[row] for row in rows.ravel().tolist()], np.int64).reshape(rows.shape)

"""Interactions of users with items as sorted sparse rows, from pairs, from a sparse matrix or from a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.class_only import classonlymethod
from sampledsoftmax.retrieval.ids import Column, RowIds, checked_column, numbered, rows_among
from sampledsoftmax.retrieval.reading import read_pairs
from sampledsoftmax.retrieval.sparse_input import checked_csr, checked_ratings

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """Which users interacted with which items: a row of distinct items per user, without ratings.

    Rows of users and items are in the ascending order of their ids. Make one with `from_pairs`, `from_csr` or `read`.

    Parameters
    ----------
    user_ids, item_ids : list of int or of str
        The id of each row; all of one kind.
    row_splits : int64 [num_users + 1]
        The items of user row `u` are `items[row_splits[u]:row_splits[u + 1]]`.
    items : int64 [num_pairs]
        Item rows, ascending and distinct within a user.
    notes : tuple of str
        What was found and what was left out, one sentence each, for a person to read.

    Raises
    ------
    TypeError, ValueError
        Ids are no list, are not all of one kind or not distinct; `row_splits` and `items` do not describe rows of items
        that ascend.

    Examples
    --------
    >>> seen = Interactions.from_pairs(["ann", "bob", "ann"], [7, 7, 3])
    >>> seen
    Interactions(2 users, 2 items, 3 pairs)
    >>> seen.user_ids, seen.item_ids, seen.row_splits, seen.items
    (['ann', 'bob'], [3, 7], array([0, 2, 3]), array([0, 1, 1]))
    """

    user_ids: RowIds
    item_ids: RowIds
    row_splits: Ids
    items: Ids
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what was given, and make the arrays read-only: they may be shared."""
        for kind, ids in (("user", self.user_ids), ("item", self.item_ids)):
            _check_row_ids(f"{kind}_ids", ids)
        splits = validation.as_ids("row_splits", self.row_splits).astype(np.int64)
        if splits.shape != (self.num_users + 1,) or splits[0] != 0 or (np.diff(splits) < 0).any():
            raise ValueError(f"row_splits must have {self.num_users + 1} entries that start at 0 and never fall")
        items = validation.ids("items", self.items, (int(splits[-1]),), self.num_items, ("an item row", "rows"))
        starts = np.zeros(items.size + 1, np.bool_)
        starts[splits] = True
        wrong = np.flatnonzero((np.diff(items, prepend=-1) <= 0) & ~starts[:-1])
        if wrong.size:
            raise ValueError(f"items[{wrong[0]}] = {items[wrong[0]]} does not ascend within its user")
        for name, array in (("row_splits", splits), ("items", items.view())):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        """Return the sizes."""
        sizes = (("user", self.num_users), ("item", self.num_items), ("pair", self.num_pairs))
        return f"Interactions({', '.join(_counted(number, noun) for noun, number in sizes)})"

    @classonlymethod
    def from_pairs(
        cls: "type[Interactions]",
        users: ArrayLike,
        items: ArrayLike,
        ratings: ArrayLike | None = None,
        *,
        min_rating: float | None = None,
    ) -> "Interactions":
        """Return the interactions of pairs of a user and an item.

        Parameters
        ----------
        users, items : array, list or column of a table [num_pairs]
            Ids: ints, or str. A pair that occurs more than once is one interaction.
        ratings : array, list or column, optional
            Finite numbers. They are used for `min_rating` only.
        min_rating : float, optional
            Leave out pairs with a lower rating; by default every pair is an interaction, whatever its rating.

        Returns
        -------
        Interactions
            Of the users and items that are left.

        Raises
        ------
        TypeError
            Ids are neither all ints nor all str, or a rating is no number.
        ValueError
            Lengths differ, there are no pairs, an id does not fit in int64, a rating is NaN or infinite, or
            `min_rating` is given without ratings or leaves no pairs.

        Examples
        --------
        >>> Interactions.from_pairs([1, 1, 2], [5, 6, 5], ratings=[4.5, 2, 3], min_rating=3)
        Interactions(2 users, 1 item, 2 pairs)
        """
        user_column, item_column = checked_column("users", users), checked_column("items", items)
        if len(user_column) != len(item_column):
            raise ValueError(
                f"users and items must have the same length, one entry per pair, got {len(user_column)} and "
                f"{len(item_column)}"
            )
        if not len(user_column):
            raise ValueError("users and items are empty: at least one pair is expected")
        values = None if ratings is None else checked_ratings(ratings, len(user_column))
        return _of_pairs(user_column, item_column, values, min_rating)

    @classonlymethod
    def from_csr(cls: "type[Interactions]", matrix: Any) -> "Interactions":
        """Return the interactions in a sparse matrix of users by items.

        Parameters
        ----------
        matrix : scipy.sparse matrix or array in CSR form [num_users, num_items]
            Anything with `indptr`, `indices`, `data` and `shape`. An entry other than 0 is an interaction, whatever
            its value; entries that occur more than once count once. Ids are the rows and the columns, and those
            without entries are kept.

        Raises
        ------
        TypeError
            It is no such matrix.
        ValueError
            An index is out of range, an entry is NaN, or there are no entries.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> matrix = SimpleNamespace(indptr=[0, 2, 2], indices=[3, 1], data=[1.0, 2.0], shape=(2, 4), format="csr")
        >>> seen = Interactions.from_csr(matrix)
        >>> seen, seen.items
        (Interactions(2 users, 4 items, 2 pairs), array([1, 3]))
        """
        indptr, indices, data, (num_users, num_items) = checked_csr(matrix)
        users = np.repeat(np.arange(num_users), np.diff(indptr))
        kept = data != 0
        notes = []
        if not kept.all():
            notes.append(f"{_counted(int((~kept).sum()), 'stored zero')}: no interactions")
            users, indices = users[kept], indices[kept]
        if not users.size:
            raise ValueError(f"matrix of shape [{num_users}, {num_items}] has no entries other than 0")
        return _of_rows(list(range(num_users)), list(range(num_items)), users, indices, notes)

    @classonlymethod
    def read(
        cls: "type[Interactions]",
        path: Any,
        *,
        format: str | None = None,
        header: bool | None = None,
        min_rating: float | None = None,
        encoding: str = "utf-8",
        errors: str = "strict",
    ) -> "Interactions":
        r"""Return the interactions in a file.

        Parameters
        ----------
        path : path, or list of paths
            A text file, plain or compressed (gzip, bzip2, xz, or Zstandard with the extra `zst`), told by its content;
            a folder or a pattern such as `"parts/*.csv"`: all its files; `"-"`: standard input.
        format : str, optional
            "csv" (commas, quotes as in the module csv), "tsv" (tabs), "semicolon", "double_colon" (`::`),
            "whitespace", or "lists": a line is a user and the items of that user. By default it is told from the first
            lines, and `notes` says what was found.
        header : bool, optional
            Whether the first line names the columns. By default it is told from the names, or from words above numbers.
            A header names user, item and rating, for example userId, movieId, rating, in any order and case; without
            one the columns are user, item and, if there is a third one, rating. Others are ignored.
        min_rating : float, optional
            Leave out lines with a lower rating; by default every line is an interaction, whatever its rating.
        encoding : str
            Encoding of the text.
        errors : str
            How to handle bytes that are not of the encoding: "strict", "replace" or "ignore".

        Returns
        -------
        Interactions
            Ids are ints if all ids of users, or all ids of items, are written as ints, else str: "007" is no int.

        Raises
        ------
        FileNotFoundError, PermissionError, OSError
            The file cannot be read.
        ValueError
            A line has no user or no item, a rating is not a finite number, the file is no text or empty; the message
            names file and line. `min_rating` is given, and there are no ratings or none is high enough.
        TypeError
            `path` is no path.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "ratings.csv"
        >>> _ = path.write_text("userId,movieId,rating\n1,31,2.5\n1,1029,3.0\n7,31,5.0\n")
        >>> seen = Interactions.read(path)
        >>> seen, seen.item_ids
        (Interactions(2 users, 2 items, 3 pairs), [31, 1029])
        """
        if min_rating is not None:
            validation.number("min_rating", min_rating)
        pairs = read_pairs(path, format, header, encoding, errors)
        return _of_pairs(pairs.users, pairs.items, pairs.ratings, min_rating, pairs.notes)

    @property
    def num_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    @property
    def num_pairs(self) -> int:
        """Number of pairs of a user and an item."""
        return int(self.items.size)

    @property
    def item_counts(self) -> Ids:
        """Number of users of each item, int64 [num_items]."""
        counts: Ids = self._once(
            "_item_counts", lambda: np.bincount(self.items, minlength=self.num_items).astype(np.int64)
        )
        return counts

    @property
    def user_counts(self) -> Ids:
        """Number of items of each user, int64 [num_users]."""
        return np.diff(self.row_splits)

    @property
    def user_rows(self) -> dict[Any, int]:
        """The row of each user id."""
        rows: dict[Any, int] = self._once("_user_rows", lambda: {user: row for row, user in enumerate(self.user_ids)})
        return rows

    @property
    def item_rows(self) -> dict[Any, int]:
        """The row of each item id."""
        rows: dict[Any, int] = self._once("_item_rows", lambda: {item: row for row, item in enumerate(self.item_ids)})
        return rows

    def _once(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what the first call computed; not a cached property, whose lock a forked child may inherit held."""
        if name not in vars(self):
            object.__setattr__(self, name, compute())
        return vars(self)[name]

    def items_of(self, user: int) -> Ids:
        """Return the item rows of a user row, ascending.

        Parameters
        ----------
        user : int
            The row of the user, in [0, num_users).

        Returns
        -------
        int64 [number of items of the user]
            A read-only view.

        Raises
        ------
        TypeError, ValueError
            It is no row.

        Examples
        --------
        >>> Interactions.from_pairs([1, 1, 2], [5, 9, 5]).items_of(0)
        array([0, 1])
        """
        user = validation.whole_number("user", user, 0, self.num_users - 1)
        return self.items[self.row_splits[user] : self.row_splits[user + 1]]

    def split(self, fraction: float = 0.1, seed: int = 1) -> "tuple[Interactions, Interactions]":
        """Hold out some items of each user, chosen at random.

        Parameters
        ----------
        fraction : float
            Of a user with n items, max(1, floor(fraction * n)) are held out; none of a user with one item.
        seed : int
            The same seed holds out the same items.

        Returns
        -------
        train, held_out : Interactions
            With the users and items, and so the rows, of this object.

        Raises
        ------
        TypeError, ValueError
            `fraction` is not between 0 and 1, or `seed` is no int in [0, 2**64).

        Examples
        --------
        >>> train, held_out = Interactions.from_pairs([1] * 10 + [2], range(11)).split(0.2)
        >>> train.user_counts, held_out.user_counts
        (array([8, 1]), array([2, 0]))
        """
        fraction = validation.number("fraction", fraction, above=0, below=1)
        seed = validation.whole_number("seed", seed, 0, 2**64 - 1)
        counts = self.user_counts
        held = np.minimum(np.maximum(1, np.floor(fraction * counts).astype(np.int64)), counts - 1)
        users = np.repeat(np.arange(self.num_users), counts)
        # Raw numbers of Philox are the same in every version of NumPy, its shuffles need not be.
        words = np.random.Philox(key=seed).random_raw(self.num_pairs)
        order = np.lexsort((words, users))
        rank = np.arange(self.num_pairs) - self.row_splits[users]
        is_held = np.empty(self.num_pairs, np.bool_)
        is_held[order] = rank < held[users]
        return self._part(users, ~is_held), self._part(users, is_held)

    def with_rows_of(self, other: "Interactions") -> "Interactions":
        """Return the same pairs with the rows of another object, as test pairs need those of the training.

        Parameters
        ----------
        other : Interactions
            Pairs whose user or item has no row in it are left out; the last of `notes` says how many. Where one has
            ints and the other one str, an int is the str that it is written as.

        Raises
        ------
        TypeError
            `other` is something else.

        Examples
        --------
        >>> train = Interactions.from_pairs([1, 2, 3], [5, 6, 7])
        >>> test = Interactions.from_pairs([3, 3], [6, 8]).with_rows_of(train)
        >>> test, test.notes
        (Interactions(3 users, 3 items, 1 pair), ('1 of 2 pairs without a row of the user or the item: left out',))
        """
        if not isinstance(other, Interactions):
            raise TypeError(f"other must be Interactions, got {validation.described(other)}")
        user_rows = rows_among(self.user_ids, other.user_ids, other.user_rows)
        item_rows = rows_among(self.item_ids, other.item_ids, other.item_rows)
        users, items = np.repeat(user_rows, self.user_counts), item_rows[self.items]
        known = (users >= 0) & (items >= 0)
        notes = list(self.notes)
        if not known.all():
            left_out = int((~known).sum())
            notes.append(
                f"{left_out:,} of {_counted(known.size, 'pair')} without a row of the user or the item: left out"
            )
        return _of_rows(other.user_ids, other.item_ids, users[known], items[known], notes)

    def _part(self, users: Ids, kept: NDArray[np.bool_]) -> "Interactions":
        splits = _splits(users[kept], self.num_users)
        return Interactions(self.user_ids, self.item_ids, splits, self.items[kept])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _check_row_ids(name: str, ids: Any) -> None:
    """Raise an error unless `ids` is a list of distinct ids, all ints or all str."""
    if not isinstance(ids, list):
        raise TypeError(f"{name} must be a list of ints or of str, got {validation.described(ids)}")
    kinds = set(map(type, ids))
    if kinds not in ({int}, {str}, set()):
        raise TypeError(f"{name} must be all ints or all str, got {', '.join(sorted(kind.__name__ for kind in kinds))}")
    if len(set(ids)) < len(ids):
        raise ValueError(f"{name} must be distinct: {len(ids) - len(set(ids)):,} occur before")


def _of_pairs(
    users: Column, items: Column, ratings: NDArray[np.float64] | None, min_rating: Any, notes: Sequence[str] = ()
) -> Interactions:
    said = list(notes)
    if min_rating is not None:
        least = validation.number("min_rating", min_rating)
        if ratings is None:
            raise ValueError(f"min_rating={least:g} needs ratings, and there are none")
        kept = ratings >= least
        if not kept.any():
            raise ValueError(f"min_rating={least:g} leaves no pair: the highest rating is {ratings.max():g}")
        said.append(
            f"{int(kept.sum()):,} of {_counted(ratings.size, 'pair')} with a rating of at least {least:g}: kept"
        )
        users, items = _selected(users, kept), _selected(items, kept)
    user_ids, user_rows = numbered(users)
    item_ids, item_rows = numbered(items)
    return _of_rows(user_ids, item_ids, user_rows, item_rows, said)


def _of_rows(user_ids: RowIds, item_ids: RowIds, users: Ids, items: Ids, notes: Sequence[str]) -> Interactions:
    """Sort pairs of rows, and merge equal ones."""
    keys = users * len(item_ids) + items
    if not (keys[1:] > keys[:-1]).all():
        keys.sort()
        keys = keys[np.diff(keys, prepend=-1) > 0]  # np.unique of NumPy 2.4 hashes: 10 times as slow
    said = list(notes)
    if keys.size < users.size:
        said.append(f"{_counted(users.size - keys.size, 'pair')} that occurred before: merged")
    users, items = np.divmod(keys, max(len(item_ids), 1))
    return Interactions(user_ids, item_ids, _splits(users, len(user_ids)), items, tuple(said))


def _splits(users: Ids, num_users: int) -> Ids:
    splits = np.zeros(num_users + 1, np.int64)
    np.cumsum(np.bincount(users, minlength=num_users), out=splits[1:])
    return splits


def _selected(column: Column, kept: NDArray[np.bool_]) -> Column:
    if isinstance(column, list):
        return [column[i] for i in np.flatnonzero(kept).tolist()]
    return column[kept]

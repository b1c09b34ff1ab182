"""The layout of a file of interactions: its separator, its header, and which columns hold users, items and ratings."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sampledsoftmax.validation import shown

LISTS, WHITESPACE = "lists", "whitespace"
SEPARATORS = {"csv": ",", "tsv": "\t", "semicolon": ";", "double_colon": "::"}
FORMATS = (*SEPARATORS, WHITESPACE, LISTS)

# Names of columns in lower case without punctuation: those of common data sets.
_KNOWN = {
    "user": "user users userid username useridx userindex uid customer customerid visitor visitorid reviewer "
    "reviewerid member memberid person personid session sessionid",
    "item": "item items itemid itemidx itemindex iid movie movieid film filmid book bookid isbn product productid asin "
    "parentasin song songid track trackid artist artistid business businessid location locationid venue venueid poi "
    "poiid article articleid news newsid anime animeid game gameid recipe recipeid",
    "rating": "rating ratings score scores stars overall bookrating weight playcount plays",
}
_USERS, _ITEMS, _RATINGS = (frozenset(_KNOWN[kind].split()) for kind in ("user", "item", "rating"))
_MOST_COLUMNS = 4  # of lines of white space that are no lists: user, item, rating, timestamp
_SAME = 0.9  # share of lines with as many columns as most: below it, lines are lists


class Layout(NamedTuple):
    """How the lines of a file are read.

    Attributes
    ----------
    format : str
        One of `FORMATS`.
    has_header : bool
        Whether the first line is left out.
    user, item : int
        Columns, from 0.
    rating : int or None
    names : tuple of str
        The names of the columns; empty if they are unknown.
    """

    format: str
    has_header: bool = False
    user: int = 0
    item: int = 1
    rating: int | None = None
    names: tuple[str, ...] = ()

    def described(self) -> str:
        """Return what was found, for a person."""
        if self.format == LISTS:
            return "lists: a line is a user and the items of that user"
        form = self.format.replace("_", " ")
        if not self.names:
            rest = "" if self.rating is None else ", then a rating"
            first = "the first line is a header, " if self.has_header else "no header, "
            return f"{form}: {first}a line is a user, an item{rest}"
        rating = "no ratings" if self.rating is None else f"ratings in {shown(self.names[self.rating])}"
        columns = f"users in {shown(self.names[self.user])}, items in {shown(self.names[self.item])}"
        return f"{form} with a header: {columns}, {rating}"


def format_of(lines: Sequence[str]) -> str:
    r"""Return the format that most of some lines fit; lines are not empty.

    Examples
    --------
    >>> format_of(["1,2", "3,4"]), format_of(["1::2::5"]), format_of(["1 2 3 4", "2 7"])
    ('csv', 'double_colon', 'lists')
    """
    best, most = "", 0
    for name, separator in SEPARATORS.items():
        counts = Counter(line.count(separator) for line in lines if separator in line)
        if counts and 2 * counts.total() >= len(lines) and counts.most_common(1)[0][0] > most:
            best, most = name, counts.most_common(1)[0][0]
    if best and best != "tsv":
        return best
    columns = Counter(len(line.split("\t" if best else None)) for line in lines)
    usual, how_often = columns.most_common(1)[0]
    is_regular = how_often >= _SAME * len(lines) and (best or usual <= _MOST_COLUMNS)
    return (best or WHITESPACE) if is_regular else LISTS


def layout_of(rows: Sequence[Sequence[str]], form: str, header: bool | None) -> Layout:
    """Return the layout of the rows of a file of one format, from its first rows.

    Parameters
    ----------
    rows : sequence of sequences of str
        The fields of the first lines that are not empty, at least one.
    form : str
        The format.
    header : bool or None
        Whether the first row is a header; None to tell it from the rows.

    Raises
    ------
    ValueError
        The first row is a header that does not name users and items; a sentence that follows "line 1".

    Examples
    --------
    >>> layout_of([["userId", "movieId"], ["1", "2"]], "csv", None)[:5]
    ('csv', True, 0, 1, None)
    """
    if form == LISTS:
        return Layout(form, has_header=bool(header))
    names = tuple(field.strip() for field in rows[0])
    user, item, rating = (_column(names, known) for known in (_USERS, _ITEMS, _RATINGS))
    if user is not None and item is None:
        item = _other_id(names, user)
    if header is not False and user is not None and item is not None:
        return Layout(form, True, user, item, rating, names)
    if header is None and (user, item, rating) != (None, None, None):
        missing = "users, such as userId" if user is None else "items, such as itemId"
        raise ValueError(
            f"seems to be a header without a column of {missing}: {shown(','.join(names))}; header=False reads it as "
            "data, header=True takes the columns as user, item, rating"
        )
    has_header = bool(header) if header is not None else _is_above_numbers(rows)
    widths = Counter(len(row) for row in rows[has_header:] or rows)
    return Layout(form, has_header, rating=2 if widths.most_common(1)[0][0] > 2 else None)


def is_header(fields: Sequence[str]) -> bool:
    """Return whether fields name columns of users, items or ratings.

    Examples
    --------
    >>> is_header(["userId", "movieId"]), is_header(["6", "Heat"])
    (True, False)
    """
    return any(_column(fields, known) is not None for known in (_USERS, _ITEMS, _RATINGS))


def _column(names: Sequence[str], known: frozenset[str]) -> int | None:
    return next((i for i, name in enumerate(names) if _plain(name) in known), None)


def _other_id(names: Sequence[str], user: int) -> int | None:
    """Return the first column named like an id, other than that of users."""
    return next((i for i, name in enumerate(names) if i != user and _plain(name).endswith("id")), None)


def _plain(name: str) -> str:
    """Return a name without case, punctuation, and a type as in `user_id:token`."""
    return re.sub(r"[^a-z0-9]", "", name.partition(":")[0].lower())


def _is_above_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row has words where all others have numbers."""
    if len(rows) < 2:
        return False
    both = [_all_are(rows[1:], column, str.isdecimal) and not rows[0][column].strip().isdecimal() for column in (0, 1)
            if column < len(rows[0])]  # fmt: skip
    has_ratings = len(rows[0]) > 2 and not _is_number(rows[0][2])
    return all(both) or (has_ratings and _all_are(rows[1:], 2, _is_number))


def _all_are(rows: Sequence[Sequence[str]], column: int, test: Callable[[str], bool]) -> bool:
    return all(len(row) > column and test(row[column].strip()) for row in rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

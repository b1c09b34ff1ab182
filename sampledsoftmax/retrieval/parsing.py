"""Lines of interactions to ids: whole blocks of ints at once in NumPy, anything else line by line."""

import csv
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.retrieval.ids import Column
from sampledsoftmax.retrieval.layouts import LISTS, SEPARATORS, WHITESPACE, Layout
from sampledsoftmax.validation import one_line, shown

_MAX_DIGITS = 15  # an int of 15 digits is exact in float64, so that a decimal is rounded once
_ZERO, _NINE, _POINT, _LINE_END = 48, 9, 46, 10
_GAPS = np.zeros(256, np.bool_)
_GAPS[list(b" \t\n\r,;")] = True
_GAP_TABLE = bytes.maketrans(b",;", b"  ")
_QUOTE = '"'

Spans = tuple[NDArray[np.int64], NDArray[np.int64]]  # starts and lengths of fields


class Pairs(NamedTuple):
    """Pairs of a user and an item.

    Attributes
    ----------
    users, items : int64 array, or list of str
    ratings : float64 array or None
    """

    users: Column
    items: Column
    ratings: NDArray[np.float64] | None


def parsed_block(block: bytes, layout: Layout) -> Pairs | None:
    r"""Return the pairs of whole lines of ints and decimals, None if anything in them is something else.

    Examples
    --------
    >>> parsed_block(b"1,7,2.5\n2,7,4\n", Layout("csv", rating=2))
    Pairs(users=array([1, 2]), items=array([7, 7]), ratings=array([2.5, 4. ]))
    >>> parsed_block(b"1,seven\n", Layout("csv")) is None
    True
    """
    if layout.format == "double_colon":
        block = block.replace(b"\t", b"?").replace(b"::", b"\t")
    if not block.strip():
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), None)
    data = np.frombuffer(block, np.uint8)
    if layout.format == LISTS:
        return _lists(data)
    columns = _tokens(data) if layout.format == WHITESPACE else _fields(data, layout.format)
    if columns is None or columns[0].shape[1] <= max(layout.user, layout.item, layout.rating or 0):
        return None
    starts, lengths = columns
    users = _ints(data, starts[:, layout.user], lengths[:, layout.user])
    items = _ints(data, starts[:, layout.item], lengths[:, layout.item])
    ratings = None
    if layout.rating is not None:
        ratings = _decimals(data, starts[:, layout.rating], lengths[:, layout.rating])
    has_all = users is not None and items is not None and (ratings is not None or layout.rating is None)
    return Pairs(users, items, ratings) if has_all else None  # type: ignore[arg-type]


def _fields(data: NDArray[np.uint8], form: str) -> Spans | None:
    """Return starts and lengths [lines, columns] of fields between separators, None if lines differ in their number."""
    separator = 9 if form == "double_colon" else ord(SEPARATORS[form])
    ends = np.flatnonzero((data == separator) | (data == _LINE_END))
    is_last = data[ends] == _LINE_END
    num_lines = int(is_last.sum())
    if num_lines == 0 or ends.size % num_lines:
        return None
    columns = ends.size // num_lines
    if not is_last[columns - 1 :: columns].all():
        return None
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    return starts.reshape(num_lines, -1), (ends - starts).reshape(num_lines, -1)


def _tokens(data: NDArray[np.uint8]) -> Spans | None:
    """Return starts and lengths [lines, columns] of tokens, None if lines differ in their number."""
    starts, lengths, first = _spans(data)
    num_lines = first.size
    if num_lines == 0 or starts.size % num_lines or (np.diff(first) != starts.size // num_lines).any():
        return None
    return starts.reshape(num_lines, -1), lengths.reshape(num_lines, -1)


def _spans(data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and lengths of the tokens between gaps, and the first token of each line that has one."""
    is_gap = np.ones(data.size + 1, np.bool_)
    is_gap[1:] = _GAPS[data]
    edges = np.flatnonzero(is_gap[1:] != is_gap[:-1])  # the last byte is a line end
    starts, ends = edges[::2], edges[1::2]
    lines = np.searchsorted(np.flatnonzero(data == _LINE_END), starts)
    first = np.flatnonzero(np.diff(lines, prepend=-1))
    return starts, ends - starts, first


def _lists(data: NDArray[np.uint8]) -> Pairs | None:
    starts, lengths, first = _spans(data)
    values = _ints(data, starts, lengths)
    if values is None:
        return None
    is_user = np.zeros(values.size, np.bool_)
    is_user[first] = True
    sizes = np.diff(np.append(first, values.size)) - 1
    return Pairs(np.repeat(values[first], sizes), values[~is_user], None)


def _ints(data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return fields as ints, None if one is no int without sign and leading zeros, of at most 15 digits."""
    if not lengths.size:
        return np.zeros(0, np.int64)
    longest = int(lengths.max())
    if longest > _MAX_DIGITS or int(lengths.min()) < 1 or ((data[starts] == _ZERO) & (lengths > 1)).any():
        return None
    values = np.zeros(starts.size, np.int64)
    for place in range(longest):
        here = np.flatnonzero(lengths > place) if place else slice(None)
        digits = data[starts[here] + place] - _ZERO  # modulo 256: other bytes become large
        if digits.max() > _NINE:
            return None
        values[here] = values[here] * 10 + digits
    return values


def _decimals(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Return fields as decimals without sign and exponent, None if one is none."""
    longest = int(lengths.max())
    if longest > _MAX_DIGITS or int(lengths.min()) < 1:
        return None
    values, after = np.zeros(starts.size, np.int64), np.zeros(starts.size, np.int64)
    num_points = np.zeros(starts.size, np.int64)
    for place in range(longest):
        here = np.flatnonzero(lengths > place)
        byte = data[starts[here] + place]
        is_point = byte == _POINT
        digits = byte - _ZERO
        if (digits[~is_point] > _NINE).any():
            return None
        values[here] = np.where(is_point, values[here], values[here] * 10 + digits)
        after[here] += ~is_point & (num_points[here] > 0)
        num_points[here] += is_point
    if (num_points > 1).any() or (num_points == lengths).any():
        return None
    return values / 10.0**after


def parsed_lines(lines: Iterable[str], layout: Layout, name: str, first_line: int) -> Pairs:
    """Return the pairs of lines of any ids.

    Parameters
    ----------
    lines : iterable of str
        Each with its line end.
    layout : Layout
    name : str
        The file, for messages.
    first_line : int
        Number of the first line.

    Raises
    ------
    ValueError
        A line has no user, no item or no rating, or a rating is not a finite number; quotes are not closed.
    """
    users: list[str] = []
    items: list[str] = []
    ratings: list[float] = []
    user_at, item_at, rating_at = layout.user, layout.item, layout.rating
    needed = max(user_at, item_at, rating_at or 0)
    for number, fields in numbered_rows(lines, layout.format, name, first_line):
        if layout.format == LISTS:
            users += [fields[0]] * (len(fields) - 1)
            items += fields[1:]
            continue
        if len(fields) <= needed:
            raise ValueError(f"{name}, line {number} {_too_short(fields, layout)}")
        user, item = fields[user_at].strip(), fields[item_at].strip()
        if not user or not item:
            empty = f"an empty {'item' if user else 'user'}: {shown(_joined(fields, layout))}"
            raise ValueError(f"{name}, line {number} has {empty}")
        users.append(user)
        items.append(item)
        if rating_at is not None:
            try:
                ratings.append(float(fields[rating_at]))
            except ValueError:
                ratings.append(math.nan)
            if not -math.inf < ratings[-1] < math.inf:
                raise ValueError(f"{name}, line {number}: {_bad_rating(fields[rating_at], layout)}")
    values = None if layout.rating is None else np.array(ratings, np.float64)
    return Pairs(_as_ints(users), _as_ints(items), values)


def numbered_rows(lines: Iterable[str], form: str, name: str, first_line: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each line that is not empty."""
    if form not in SEPARATORS or form == "double_colon":
        for number, line in enumerate(lines, first_line):
            fields = line.strip().split("::") if form == "double_colon" else _split(line, form)
            if fields and fields != [""]:
                yield number, fields
        return
    reader = csv.reader(lines, delimiter=SEPARATORS[form], strict=True)
    done = 0
    try:
        for fields in reader:
            done = reader.line_num
            if fields and fields != [""]:
                yield first_line + done - 1, fields
    except csv.Error as error:
        problem = one_line(error)
        if reader.line_num > done + 1 or "unexpected end" in problem:  # it has swallowed lines
            problem = "a quotation mark is not closed"
        elif "field limit" in problem:
            problem = f"a field has more than {csv.field_size_limit():,} characters: it is no text of lines"
        raise ValueError(f"{name}, line {first_line + done}: {problem}") from None


def _split(line: str, form: str) -> list[str]:
    return line.translate({ord(","): " ", ord(";"): " "}).split() if form == LISTS else line.split()


def _joined(fields: list[str], layout: Layout) -> str:
    return SEPARATORS.get(layout.format, " ").join(fields)


def _too_short(fields: list[str], layout: Layout) -> str:
    columns = "1 column" if len(fields) == 1 else f"{len(fields)} columns"
    expected = "a user and an item are" if layout.rating is None else "a user, an item and a rating are"
    hint = "; format='lists' reads lines of a user and items" if layout.format == WHITESPACE else ""
    return f"has {columns}, {expected} expected: {shown(_joined(fields, layout))}{hint}"


def _bad_rating(text: str, layout: Layout) -> str:
    try:
        return f"the rating is {float(text)}, a finite number is expected: leave the line out"
    except ValueError:
        hint = "" if layout.names else "; without a header that names columns the third one is the rating"
        return f"the rating is no number: {shown(text)}{hint}"


def _as_ints(ids: list[str]) -> Column:
    """Return ids as ints if all of them are written as Python writes ints, else the same list."""
    try:
        values = [int(word) for word in ids]
        same = list(map(str, values)) == ids
        return np.array(values, np.int64) if same else ids
    except (ValueError, OverflowError):  # more than 4300 digits, more than 63 bits
        return ids

"""Titles of items, from a file of ids and titles such as movies.csv of MovieLens."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.retrieval.layouts import SEPARATORS, format_of, is_header
from sampledsoftmax.retrieval.parsing import numbered_rows
from sampledsoftmax.retrieval.reading import files_of, lines_of_file
from sampledsoftmax.validation import shown

_TITLES = frozenset(["title", "name", "itemname", "itemtitle", "movietitle", "booktitle", "label"])
_SAMPLE_LINES = 1000


def read_titles(path: Any, encoding: str = "utf-8") -> dict[str, str]:
    r"""Return the title of each id in a file.

    Parameters
    ----------
    path : path
        A file of lines "id,title", plain or compressed, separated by commas (with quotes as in the module csv), tabs,
        semicolons or `::`. A header may name the columns, for example movieId, title, genres; others are ignored.
        Without one they are the first two. Of a repeated id the first title counts.
    encoding : str

    Raises
    ------
    ValueError
        A line has no title, or there are no lines; the message names file and line.
    TypeError, OSError
        `path` is no path, or the file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "movies.csv"
    >>> _ = path.write_text('movieId,title,genres\n6,"Heat, 1995",Crime\n')
    >>> read_titles(path)
    {'6': 'Heat, 1995'}
    """
    file = checked_path(path)
    name = shown_path(file)
    (found,) = files_of([path])
    lines = list(lines_of_file(found, encoding))
    sample = [line for line in lines if line.strip()][:_SAMPLE_LINES]
    if not sample:
        raise ValueError(f"{name} is empty: lines of an id and a title are expected")
    form = format_of(sample)
    if form not in SEPARATORS:
        raise ValueError(
            f"{name}: lines of an id, a comma, tab, semicolon or ::, and a title are expected, got {shown(sample[0])}"
        )
    titles: dict[str, str] = {}
    columns = None
    for number, fields in numbered_rows(lines, form, name, 1):
        if columns is None:
            columns, has_names = _columns(fields, f"{name}, line {number}")
            if has_names:
                continue
        if len(fields) <= max(columns) or not fields[columns[0]].strip():
            joined = SEPARATORS[form].join(fields)
            raise ValueError(f"{name}, line {number} has no id and title: {shown(joined)}")
        titles.setdefault(fields[columns[0]].strip(), " ".join(fields[columns[1]].split()))
    if not titles:
        raise ValueError(f"{name} has no lines below its header")
    return titles


def titles_of(ids: Sequence[Any], titles: Mapping[str, str]) -> list[str]:
    """Return the title of each id; an empty one if there is none.

    Examples
    --------
    >>> titles_of([6, 7], {"6": "Heat"})
    ['Heat', '']
    """
    return [titles.get(str(one), "") for one in ids]


def _columns(fields: Sequence[str], place: str) -> tuple[tuple[int, int], bool]:
    """Return the columns of ids and titles, and whether the first line names them."""
    names = [re.sub(r"[^a-z]", "", name.partition(":")[0].lower()) for name in fields]
    title = next((i for i, name in enumerate(names) if name in _TITLES), None)
    if title is None:
        if is_header(fields):
            raise ValueError(f"{place} names no column title: {shown(','.join(fields))}")
        return (0, 1), False
    is_id = [name.endswith("id") or name in ("isbn", "asin", "item") for name in names]
    ids = [i for i, yes in enumerate(is_id) if yes and i != title]
    return (ids[0] if ids else int(title == 0), title), True

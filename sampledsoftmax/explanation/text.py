"""Plain-text formatting: tables, vectors, class names and counts."""

from collections.abc import Sequence

import numpy as np

WIDTH = 100
MOST_ROWS = 12
_NOTE = 16  # characters reserved for the note on columns that are left out
LONGEST_IN_TEXT = 80
_LONGEST_NAME = 14
_MOST_NUMBERS = 5


def table(head: Sequence[str], rows: Sequence[Sequence[str]], more_rows: int = 0, more_columns: int = 0) -> str:
    """Return rows under a head, the first column aligned left and the others right.

    Columns beyond 100 characters and rows beyond the twelfth are left out. A note counts them, together with the
    rows and columns that the caller has left out already.

    Examples
    --------
    >>> print(table(["class", "count"], [["0 the", "1.5"], ["11 cat", "0.25"]], more_rows=3))
      class   count
      0 the     1.5
      11 cat   0.25
      ... 3 more rows
    """
    more_rows += max(len(rows) - MOST_ROWS, 0)
    lines = [head, *rows[:MOST_ROWS]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = _fitting(widths, WIDTH - _NOTE if more_columns else WIDTH)
    if shown < len(head):
        shown = _fitting(widths, WIDTH - _NOTE)
    more_columns += len(head) - shown
    text = [_line(line, widths[:shown]) for line in lines]
    if more_columns:
        text[0] += f"  ... {more_columns:,} more"
    return "\n".join([*text, f"  ... {more_rows:,} more rows"] if more_rows else text)


def _fitting(widths: Sequence[int], width: int) -> int:
    """Return how many columns fit into a width, at least one."""
    used = np.cumsum([width + 2 for width in widths]) + 1
    return max(int((used <= width).sum()), 1)


def _line(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        line[0].ljust(widths[0] + 1),
        *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=False)),
    ]
    return ("  " + "  ".join(cells)).rstrip()


def vector(values: Sequence[float]) -> str:
    """Return a vector in a few characters: "[0.10 -1.20 ... 122 more]"."""
    shown = " ".join(f"{round(float(value), 2) + 0.0:.2f}" for value in values[:_MOST_NUMBERS])  # + 0.0: no "-0.00"
    left_out = len(values) - _MOST_NUMBERS
    return f"[{shown} ... {left_out:,} more]" if left_out > 0 else f"[{shown}]"


def short(name: str, most: int = _LONGEST_NAME) -> str:
    r"""Return a name, shortened to fit into a column, in which nothing moves the cursor or turns the text around.

    Examples
    --------
    >>> short("cat"), short("a\x1b[31m\n"), short("a long name of a class")
    ('cat', 'a\\x1b[31m\\n', 'a long name...')
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[: most + 1])
    return text if len(text) <= most else text[: most - 3] + "..."


def quoted(names: Sequence[str] | None, class_id: int) -> str:
    """Return a class for use in a sentence: its id, and its name in quotes if it has one."""
    if names is None:
        return str(class_id)
    name = short(names[class_id], LONGEST_IN_TEXT).replace("`", "\\x60")  # a backtick marks code in sentences
    return f'{class_id} "{name}"'


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 class", "2 classes", "1,000 rows"."""
    plural = noun + "es" if noun.endswith("ss") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"

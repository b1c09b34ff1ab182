"""Tables of plain text."""

from collections.abc import Sequence

WIDTH = 100
_MOST_ROWS = 12
_LONGEST_NAME = 14
_MOST_NUMBERS = 6


def table(head: Sequence[str], rows: Sequence[Sequence[str]], more_rows: int = 0) -> str:
    """Return rows under a head, in columns that are aligned to the right but for the first one.

    Columns beyond 100 characters and rows beyond the twelfth are left out, and how many is stated.

    Examples
    --------
    >>> print(table(["class", "count"], [["0 the", "1.5"], ["11 cat", "0.25"]], more_rows=3))
      class   count
      0 the     1.5
      11 cat   0.25
      ... 3 more rows
    """
    more_rows += max(len(rows) - _MOST_ROWS, 0)
    lines = [list(map(str, head)), *(list(map(str, row)) for row in rows[:_MOST_ROWS])]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown, used = 0, 0
    while shown < len(widths) and used + widths[shown] + 2 <= WIDTH - 18:
        used += widths[shown] + 2
        shown += 1
    if sum(widths) + 2 * len(widths) <= WIDTH:
        shown = len(widths)
    left_out = len(widths) - shown
    text = []
    for i, line in enumerate(lines):
        cells = [
            line[k].ljust(widths[k]) if k == 0 else line[k].rjust(widths[k] + 1 if k == 1 else widths[k])
            for k in range(shown)
        ]
        text.append("  " + "  ".join(cells).rstrip() + (f"  ... {left_out:,} more" if left_out and i == 0 else ""))
    if more_rows:
        text.append(f"  ... {more_rows:,} more rows")
    return "\n".join(text)


def vector(values: Sequence[float]) -> str:
    """Return a vector in a few characters: "[0.10 -1.20 ... 122 more]"."""
    shown = " ".join(f"{value:.2f}" for value in values[:_MOST_NUMBERS])
    left_out = len(values) - _MOST_NUMBERS
    return f"[{shown} ... {left_out:,} more]" if left_out > 0 else f"[{shown}]"


def short(name: str) -> str:
    """Return a name that fits into a column."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."

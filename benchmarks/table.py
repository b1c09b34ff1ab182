"""Tables as aligned text or as Markdown."""

from collections.abc import Sequence
from itertools import zip_longest

Rows = Sequence[Sequence[str]]


def aligned(head: Sequence[str], rows: Rows) -> str:
    """Return lines of equal length, the first column aligned left, the others right."""
    table = [head, *rows]
    widths = [max(map(len, column)) for column in zip_longest(*table, fillvalue="")]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )


def markdown(head: Sequence[str], rows: Rows, num_names: int = 1) -> str:
    """Return a Markdown table, the first `num_names` columns aligned left, the others right."""
    rule = ["---"] * num_names + ["---:"] * (len(head) - num_names)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def number(value: float) -> str:
    """Return a time in microseconds: three digits below 100, a whole number above."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

"""The matrix of an in-batch softmax as an HTML table: queries by columns, Q under each column, the loss at the end."""

import html
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.explanation.in_batch_trace import InBatchTrace
from sampledsoftmax.explanation.text import short

MOST_QUERIES, MOST_COLUMNS = 32, 48
_MOST_EXTRA = MOST_COLUMNS - MOST_QUERIES  # so that the positives of all queries shown are there
_CLOSE_COLUMNS = 20  # from here on, smaller numbers

# Returns the attributes of a cell, given its kinds and how far its logit is from the smallest shown to the largest.
Look = Callable[[list[str], float | None], str]


class Shown(NamedTuple):
    """What fits on a page: the first queries, and columns of both kinds."""

    queries: range
    columns: list[int]
    low: float
    high: float

    @classmethod
    def of(cls, found: InBatchTrace) -> "Shown":
        """Choose queries and columns, and find the range of the logits among them."""
        size, num_columns = found.logits.shape
        extra = num_columns - size
        in_batch = min(size, MOST_COLUMNS - min(extra, _MOST_EXTRA))
        columns = [*range(in_batch), *range(size, size + min(extra, MOST_COLUMNS - in_batch))]
        queries = range(min(size, MOST_QUERIES))
        part = found.logits[: len(queries)][:, columns]
        finite = part[np.isfinite(part)]
        return cls(queries, columns, finite.min(initial=np.inf), finite.max(initial=-np.inf))

    def share(self, logit: float) -> float | None:
        """Return how far a logit is from the smallest to the largest: 0 to 1; None if it is not finite."""
        if not np.isfinite(logit):
            return None
        with np.errstate(over="ignore", invalid="ignore"):  # a range beyond float64
            width = self.high - self.low
            return float((logit - self.low) / width) if 0 < width < np.inf else 1.0

    def left_out(self, found: InBatchTrace) -> str:
        """Return a sentence about what does not fit; empty if all does."""
        size, num_columns = found.logits.shape
        if len(self.queries) == size and len(self.columns) == num_columns:
            return ""
        return (
            f"Shown: the first {len(self.queries):,} of {size:,} queries, {len(self.columns):,} of {num_columns:,}"
            " columns. Losses are those of all columns."
        )


def matrix(found: InBatchTrace, shown: Shown, look: Look) -> str:
    """Return the table."""
    size = found.logits.shape[0]
    rows = "".join(_row(found, shown, b, look) for b in shown.queries)
    close = " close" if len(shown.columns) > _CLOSE_COLUMNS else ""
    label = "column" if found.ids is None else "column<br><b>id</b>"
    names = "".join(_column_name(found, j, look) for j in shown.columns)
    in_batch = sum(j < size for j in shown.columns)
    groups = _group("columns of the batch", in_batch) + _group("extra columns", len(shown.columns) - in_batch)
    head = f'<tr><td></td>{groups}<td></td></tr><tr><th scope="col">{label}</th>{names}<th scope="col">loss</th></tr>'
    counts = found.expected_count
    with np.errstate(divide="ignore"):  # a count of 0
        logs = np.log(counts)
    foot = _foot("Q", [f"{counts[j]:.3g}" for j in shown.columns])
    foot += _foot("log Q", [signed(logs[j]) for j in shown.columns])
    return (
        f'<table class="matrix in-batch{close}" aria-label="Logits of {len(shown.queries)} queries by'
        f' {len(shown.columns)} columns"><thead>{head}</thead><tbody>{rows}</tbody><tfoot>{foot}</tfoot></table>'
    )


def signed(value: Any, decimals: int = 2) -> str:
    """Return a number with some decimals and a true minus sign, or in three digits if it is large."""
    text = (
        f"{value:.3g}"
        if np.isfinite(value) and abs(value) >= 1e4
        else f"{round(float(value), decimals) + 0.0:.{decimals}f}"
    )
    return text.replace("-", "\u2212")


def kinds(found: InBatchTrace, b: int, j: int) -> list[str]:
    """Return what the entry of a query and a column is: some of own, hit, kept-hit, merged and left-out."""
    gone = bool(np.isneginf(found.logits[b, j]))
    if j == b:
        return ["own"]
    if found.hits[b, j]:
        return ["hit"] if gone else ["kept-hit"]
    if gone:
        return ["merged"] if found.merged[j] else ["left-out"]
    return []


def _row(found: InBatchTrace, shown: Shown, b: int, look: Look) -> str:
    cells = "".join(_cell(found, shown, b, j, look) for j in shown.columns)
    return f'<tr><th scope="row">query {b}</th>{cells}<td class="loss">{signed(found.loss[b], 3)}</td></tr>'


def _cell(found: InBatchTrace, shown: Shown, b: int, j: int, look: Look) -> str:
    of, logit = kinds(found, b, j), found.logits[b, j]
    text = "hit" if "hit" in of else signed(logit)
    if "merged" in of:
        text = "\u2013" if len(shown.columns) > _CLOSE_COLUMNS else "merged"
    classes = ["value", *of, *(["first-extra"] if j == found.logits.shape[0] else [])]
    return f"<td{look(classes, shown.share(logit))}>{text}</td>"


def _column_name(found: InBatchTrace, j: int, look: Look) -> str:
    """Return the head of a column: its number, its id, and the column that it is a copy of."""
    parts = [f"<span>{j}</span>"]
    if found.ids is not None:
        known = j < found.logits.shape[0] or str(found.ids[j]) != "-1"
        parts.append(f"<b>{html.escape(short(str(found.ids[j])))}</b>" if known else "<span>no id</span>")
    classes = ["first-extra"] if j == found.logits.shape[0] else []
    if found.merged[j] and found.ids is not None:
        parts.insert(0, f"<em>= {_first_with(found.ids, j)}</em>")
        classes.append("copy")
    return f'<th scope="col"{look(classes, None)}>{"<br>".join(parts)}</th>'


def _first_with(ids: NDArray[Any], j: int) -> int:
    return int(np.flatnonzero(ids == ids[j])[0])


def _group(name: str, span: int) -> str:
    return f'<th scope="colgroup" colspan="{span}">{name}</th>' if span else ""


def _foot(name: str, numbers: list[str]) -> str:
    cells = "".join(f'<td class="value">{number}</td>' for number in numbers)
    return f'<tr><th scope="row">{name}</th>{cells}<td></td></tr>'

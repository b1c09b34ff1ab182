"""HTML views of an in-batch trace: a page without script that loads nothing, and a fragment for notebooks."""

import html

from sampledsoftmax.explanation.in_batch_prose import order_of_operations
from sampledsoftmax.explanation.in_batch_table import Shown, kinds, matrix, signed
from sampledsoftmax.explanation.in_batch_trace import InBatchTrace
from sampledsoftmax.explanation.page import asset, filled, with_code
from sampledsoftmax.runtime.config import package_version

_MEANINGS = {
    "own": "the positive of the query, the diagonal",
    "hit": "accidental hit, left out",
    "kept-hit": "accidental hit, kept",
    "merged": "copy of the column after =, seen by its own query only",
    "left-out": "\u2212inf: not among the hardest negatives",
}
# A notebook has its own light or dark ground, and may drop style sheets.
_HATCH = "repeating-linear-gradient(135deg,transparent 0 5px,rgba({},.4) 5px 6px)"
_INLINE = {
    "own": "outline:2px solid #3d7fd6;outline-offset:-2px;font-weight:600",
    "hit": f"background:{_HATCH.format('200,60,70')}",
    "kept-hit": "outline:2px solid #c83c46;outline-offset:-2px",
    "merged": "background:rgba(128,128,128,.15)",
    "copy": "background:rgba(128,128,128,.15)",
    "first-extra": "border-left:2px solid #888",
}


def as_page(found: InBatchTrace, text: str) -> str:
    """Return the page; `text` is the trace as text."""
    shown = Shown.of(found)
    left_out = shown.left_out(found)
    parts = {
        "{{style}}": f"{asset('page.css')}\n{asset('in_batch.css')}",
        "{{steps}}": _steps(found),
        "{{legend}}": _legend(found, shown),
        "{{table}}": matrix(found, shown, _classes),
        "{{more}}": f'<p class="more">{left_out}</p>' if left_out else "",
        "{{text}}": html.escape(text),
        "{{source}}": f"Numbers: sampledsoftmax {package_version() or '(not installed)'}. This page computes nothing.",
    }
    return filled(asset("in_batch.html"), parts)


def as_fragment(found: InBatchTrace) -> str:
    """Return the order of operations and the matrix, styled cell by cell, without script or style sheet."""
    shown = Shown.of(found)
    table = matrix(found, shown, _inline)
    left_out = shown.left_out(found)
    more = f"<p><em>{left_out}</em></p>" if left_out else ""
    return f'<div>{_steps(found)}<div style="overflow-x:auto">{table}</div>{more}<p>{_range(shown)}</p></div>'


def _classes(names: list[str], share: float | None) -> str:
    shade = "" if share is None else f' style="--size:{share:.3f}"'
    return (f' class="{" ".join(names)}"' if names else "") + shade


def _inline(names: list[str], share: float | None) -> str:
    styles = [_INLINE[name] for name in names if name in _INLINE]
    if share is not None:
        styles.append(f"background:rgba(47,143,111,{0.45 * share:.3f})")
    return f' style="{";".join(styles)}"' if styles else ""


def _steps(found: InBatchTrace) -> str:
    return f"<ol>{''.join(f'<li>{with_code(sentence)}</li>' for sentence in order_of_operations(found))}</ol>"


def _legend(found: InBatchTrace, shown: Shown) -> str:
    """Return what the marks mean: those that are there."""
    there = {kind for b in shown.queries for j in shown.columns for kind in kinds(found, b, j)}
    marks = "".join(
        f'<li><span class="key {kind}"></span>{meaning}</li>' for kind, meaning in _MEANINGS.items() if kind in there
    )
    return f'<ul class="legend">{marks}<li><span class="key shades"></span>{_range(shown)}</li></ul>'


def _range(shown: Shown) -> str:
    if shown.low > shown.high:
        return "no finite logit"
    return f"logits from {signed(shown.low)} to {signed(shown.high)}, more color for larger ones"

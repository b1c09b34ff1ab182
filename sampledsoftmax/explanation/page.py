"""The page: one file of HTML with its style, its script and its numbers inside; it loads nothing."""

import html
import json
import re
from importlib.resources import files

from sampledsoftmax.explanation.page_data import page_data
from sampledsoftmax.explanation.terminal import as_text
from sampledsoftmax.explanation.types import Explanation

# In this order: a file uses what the ones before it define.
_SCRIPTS = ("elements.js", "figures.js", "steps.js", "controls.js")


def as_page(seen: Explanation) -> str:
    """Return the page."""
    parts = {
        "{{style}}": _asset("page.css"),
        "{{script}}": "\n".join(_asset(name) for name in _SCRIPTS),
        "{{data}}": as_json(page_data(seen)),
        "{{text}}": html.escape(as_text(seen)),
    }
    return re.sub("{{[a-z]+}}", lambda place: parts[place[0]], _asset("page.html"))


def as_json(data: object) -> str:
    """Return JSON that can stand inside a page: no name of a class can end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return files("sampledsoftmax.explanation").joinpath("assets").joinpath(name).read_text(encoding="utf-8")

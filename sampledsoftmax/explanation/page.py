"""HTML views of a trace: a self-contained page with inline style, script and data, and a fragment for notebooks."""

import html
import json
import re
from importlib.resources import files

from sampledsoftmax.explanation.page_data import page_data
from sampledsoftmax.explanation.prose import TITLES, misconceptions, story, summary
from sampledsoftmax.explanation.terminal import as_text, step_tables
from sampledsoftmax.explanation.types import Trace

# In order of dependency: each file uses the definitions of those before it.
_SCRIPTS = ("elements.js", "figures.js", "steps.js", "controls.js")


def as_page(trace: Trace) -> str:
    """Return the page."""
    parts = {
        "{{style}}": asset("page.css"),
        "{{script}}": "\n".join(asset(name) for name in _SCRIPTS),
        "{{data}}": as_json(page_data(trace)),
        "{{text}}": html.escape(as_text(trace)),
    }
    return filled(asset("page.html"), parts)


def as_fragment(trace: Trace) -> str:
    """Return the eight steps as collapsible HTML without script or style; the first three are open."""
    wrong = misconceptions(trace)
    parts = []
    for i, sentences in enumerate(story(trace)):
        body = "".join(f"<p>{with_code(sentence)}</p>" for sentence in sentences)
        body += f"<pre>{html.escape(step_tables(trace)[i])}</pre>"
        if i in wrong:
            claim, answer = wrong[i]
            body += f"<p><em>Common misconception: \u201c{with_code(claim)}\u201d</em> {with_code(answer)}</p>"
        opened = " open" if i in (0, 1, 2) else ""
        parts.append(f"<details{opened}><summary><strong>{i + 1}. {TITLES[i]}</strong></summary>{body}</details>")
    parts.append(f"<p><strong>In short:</strong> {with_code(summary(trace))}</p>")
    return f"<div>{''.join(parts)}<p>Step by step: <code>.save_html(path)</code></p></div>"


def as_json(data: object) -> str:
    """Return JSON that is safe inside a script element: no class name can close the element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def filled(template: str, parts: dict[str, str]) -> str:
    """Return a template with its places filled, each once: what is put in is not searched for places."""
    return re.sub("{{[a-z]+}}", lambda found: parts[found[0]], template)


def asset(name: str) -> str:
    """Return the text of a file of the page."""
    return files("sampledsoftmax.explanation").joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def with_code(sentence: str) -> str:
    """Return a sentence as HTML, with text between backticks as code."""
    pieces = html.escape(sentence).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))

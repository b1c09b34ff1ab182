"""A trace in a notebook: its sentences and tables as HTML, with no script and no style of its own."""

import html

from sampledsoftmax.explanation.half_right import half_right
from sampledsoftmax.explanation.sentences import TITLES, story, summary
from sampledsoftmax.explanation.terminal import step_tables
from sampledsoftmax.explanation.types import Explanation


def as_fragment(seen: Explanation) -> str:
    """Return the eight steps, folded but for those that answer the question."""
    heard = half_right(seen)
    parts = []
    for i, sentences in enumerate(story(seen)):
        body = "".join(f"<p>{_text(sentence)}</p>" for sentence in sentences)
        body += f"<pre>{html.escape(step_tables(seen)[i])}</pre>"
        if i in heard:
            claim, answer = heard[i]
            body += f"<p><em>Half right: \u201c{_text(claim)}\u201d</em> {_text(answer)}</p>"
        opened = " open" if i in (0, 1, 2) else ""
        parts.append(f"<details{opened}><summary><strong>{i + 1}. {TITLES[i]}</strong></summary>{body}</details>")
    parts.append(f"<p><strong>In short:</strong> {_text(summary(seen))}</p>")
    return f"<div>{''.join(parts)}<p>Step by step: <code>.save_html(path)</code></p></div>"


def _text(sentence: str) -> str:
    """Return a sentence in HTML, what stands between backticks as code."""
    pieces = html.escape(sentence).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))

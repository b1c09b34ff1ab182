"""The map of words as an interactive HTML page that works offline: hover, zoom, search."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.extras import need
from sampledsoftmax.word2vec.plots.labels import label, title_of
from sampledsoftmax.word2vec.plots.map_picture import COLORS, label_sizes
from sampledsoftmax.word2vec.plots.word_map import WordMap
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

_NUM_NEAREST = 8
_BLOCK = 4_000_000  # cosines that are sorted at once: 32 MB

# JavaScript, run when the view changes: words are labeled in the order of the map unless the label would overlap
# another one, so that zooming in shows more labels.
_LABELS = """
const [left, right, bottom, top] = [plot.x_range.start, plot.x_range.end, plot.y_range.start, plot.y_range.end];
const known = name => { try { return plot[name]; } catch { return 0; } };  // throws before the layout of the plot
const width = known("inner_width") || 900, height = known("inner_height") || 600;
const data = source.data, taken = [];
data.label = data.word.map((word, i) => {
    const x = (data.x[i] - left) / (right - left) * width, y = (data.y[i] - bottom) / (top - bottom) * height;
    const size = parseFloat(data.size[i]), half = 0.29 * size * word.length + 2;
    if (x < 0 || y < 0 || x > width || y > height) return "";
    const box = [x - half, y, x + half, y + 1.25 * size + 2];
    if (taken.some(b => b[0] < box[2] && box[0] < b[2] && b[1] < box[3] && box[1] < b[3])) return "";
    taken.push(box);
    return word;
});
source.change.emit();
"""

# JavaScript, run on every key stroke: words that contain the text are circled and labeled, an exact match first.
_SEARCH = """
const text = box.value_input.trim().toLowerCase(), data = source.data, found = {x: [], y: [], word: []};
const order = data.word.map((word, i) => [word.toLowerCase(), i]).filter(([word]) => text && word.includes(text));
order.sort((a, b) => (b[0] == text) - (a[0] == text) || b[0].startsWith(text) - a[0].startsWith(text) || a[1] - b[1]);
for (const [, i] of order.slice(0, 25)) {
    found.x.push(data.x[i]); found.y.push(data.y[i]); found.word.push(data.word[i]);
}
hits.data = found;
answer.text = !text ? "" : order.length ? `${order.length} of ${data.word.length} words` : "no such word on this map";
"""


def save_page(
    path: str | os.PathLike[str],
    vectors: WordVectors,
    word_map: WordMap,
    title: str,
    counts: NDArray[np.int64] | None = None,
) -> None:
    """Write a self-contained HTML page, the plotting library included.

    Raises
    ------
    MissingExtraError
        bokeh is not installed.
    """
    need("bokeh", "bokeh", "plot")
    from bokeh.embed import file_html  # noqa: PLC0415 - optional, slow to import
    from bokeh.resources import INLINE  # noqa: PLC0415

    title = title_of(title)
    page = file_html(_layout(vectors, word_map, title, counts), INLINE, title=title)  # which escapes the title itself
    with writing(path), new_file(path) as file:
        file.write(page)


def _layout(vectors: WordVectors, word_map: WordMap, title: str, counts: NDArray[np.int64] | None) -> Any:
    from bokeh.layouts import column, row  # noqa: PLC0415
    from bokeh.models import ColumnDataSource, CustomJS, Div, TextInput  # noqa: PLC0415

    source = ColumnDataSource(_columns(vectors, word_map, counts))
    hits = ColumnDataSource({"x": [], "y": [], "word": []})
    plot = _plot(source, hits)
    labels = CustomJS(args={"plot": plot, "source": source}, code=_LABELS)
    for trigger in (plot.x_range, plot.y_range):
        trigger.js_on_change("end", labels)
    plot.js_on_change("inner_width", labels)
    plot.js_on_change("inner_height", labels)
    box = TextInput(placeholder="find a word", width=220)
    answer = Div(text="", styles={"padding-top": "8px", "color": "#666666"})
    search = CustomJS(args={"box": box, "source": source, "hits": hits, "answer": answer}, code=_SEARCH)
    box.js_on_change("value_input", search)
    heading = Div(text=_escaped(title), disable_math=True, styles={"font-size": "16px", "padding": "6px 24px 0 8px"})
    return column(row(heading, box, answer), plot, sizing_mode="stretch_both")


def _plot(source: Any, hits: Any) -> Any:
    from bokeh.models import HoverTool, WheelZoomTool  # noqa: PLC0415
    from bokeh.plotting import figure  # noqa: PLC0415

    plot = figure(sizing_mode="stretch_both", tools="pan,wheel_zoom,box_zoom,reset,save", toolbar_location="right")
    plot.toolbar.active_scroll = plot.select_one(WheelZoomTool)
    plot.toolbar.logo = None
    plot.axis.visible = False
    plot.grid.visible = False
    plot.outline_line_color = None
    look = {"fill_color": "color", "line_color": None, "fill_alpha": 0.45}
    dots = plot.scatter("x", "y", source=source, size=7, hover_fill_alpha=1.0, hover_fill_color="color", **look)
    font = {"text_font_size": "size", "text_align": "center", "text_baseline": "bottom", "y_offset": -4}
    plot.text("x", "y", text="label", source=source, text_color="color", **font)
    plot.scatter("x", "y", source=hits, size=16, fill_color=None, line_color="black", line_width=2)
    look = {"text_font_style": "bold", "background_fill_color": "white", "background_fill_alpha": 0.9}
    font |= {"text_font_size": "15px", "text_baseline": "top", "y_offset": 10}
    plot.text("x", "y", text="word", source=hits, text_color="black", **font, **look)
    tips = "<b>@word</b> (@rank)<br><span style='color:#666'>nearest here: @near</span>"
    plot.add_tools(HoverTool(renderers=[dots], tooltips=f"<div style='max-width:280px'>{tips}</div>"))
    return plot


def _columns(vectors: WordVectors, word_map: WordMap, counts: NDArray[np.int64] | None) -> dict[str, Any]:
    words = [label(vectors.words[i]) for i in word_map.ids]
    times = "" if counts is None else ", {:,} times"
    return {
        "x": word_map.points[:, 0],
        "y": word_map.points[:, 1],
        "word": words,
        "label": [""] * len(words),
        "rank": [f"rank {i + 1:,}" + times.format(0 if counts is None else int(counts[i])) for i in word_map.ids],
        "near": _nearest(vectors, word_map, words),
        "color": [COLORS[group] for group in word_map.groups],
        "size": [f"{size * 1.3:.1f}px" for size in label_sizes(len(words))],
    }


def _nearest(vectors: WordVectors, word_map: WordMap, words: list[str]) -> list[str]:
    """Return the nearest other words of the map for each word."""
    units = vectors.units(word_map.ids)
    shown = min(_NUM_NEAREST, len(words) - 1)
    size = max(1, _BLOCK // len(words))
    found = []
    for first in range(0, len(words), size):
        cosines = units[first : first + size] @ units.T
        np.fill_diagonal(cosines[:, first:], -np.inf)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :shown]
        found += [", ".join(words[i] for i in row) for row in order]
    return found


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

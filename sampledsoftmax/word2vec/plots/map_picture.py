"""The map of words as a PNG."""

import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.extras import need
from sampledsoftmax.word2vec.plots.labels import label, title_of
from sampledsoftmax.word2vec.plots.word_map import WordMap
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

# Dark enough to be legible on white.
COLORS = (
    "#1f6fb4", "#c2410c", "#2e7d32", "#b3261e", "#6a4caf", "#7a4b3a", "#b8327f", "#555555", "#8a7500", "#00808a",
)  # fmt: skip
_SIZE, _DPI = (14.0, 10.0), 150
_LARGEST, _SMALLEST = 11.0, 6.5  # font sizes in points
_GAP = 3.0  # points between a dot and its label
_MANY = 500  # words, from which on labels are not enlarged


def save_picture(path: str | os.PathLike[str], vectors: WordVectors, word_map: WordMap, title: str) -> int:
    """Write a PNG with a dot for each word and labels that do not overlap; return the number of labels.

    Labels are placed in the order of the map, larger for the first words, in the first free place out of right, left,
    above or below the dot. A word without a free place has only its dot. Characters missing from matplotlib's font are
    drawn as boxes; map.html uses the fonts of the browser. Long words are cut, and nothing is taken for a formula.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    figure = need("matplotlib.figure", "matplotlib", "plot").Figure(figsize=_SIZE, dpi=_DPI, layout="tight")
    canvas = need("matplotlib.backends.backend_agg", "matplotlib", "plot").FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title_of(title), loc="left", fontsize=12, color="#333333", parse_math=False)
    axes.set_axis_off()
    sizes = label_sizes(len(word_map.ids))
    colors = [COLORS[group] for group in word_map.groups]
    axes.scatter(*word_map.points.T, s=sizes * 1.1, c=colors, alpha=0.45, linewidths=0)
    axes.margins(0.03)
    with writing(path), new_file(path, "wb") as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        warnings.filterwarnings("ignore", "Matplotlib currently does not support .* natively", UserWarning)
        canvas.draw()
        shown = _write_labels(axes, canvas.get_renderer(), vectors, word_map)
        canvas.print_png(file)
    return shown


def _write_labels(axes: Any, renderer: Any, vectors: WordVectors, word_map: WordMap) -> int:
    sizes, shown, taken = label_sizes(len(word_map.ids)), 0, _Boxes(len(word_map.ids))
    for i, word in enumerate(vectors.words[j] for j in word_map.ids):
        text = axes.annotate(
            label(word),
            word_map.points[i],
            (0, 0),
            textcoords="offset points",
            parse_math=False,
            fontsize=sizes[i],
            color=COLORS[word_map.groups[i]],
        )
        if _place(text, renderer, axes.bbox.extents, taken):
            shown += 1
        else:
            text.remove()
    return shown


def label_sizes(num_words: int) -> NDArray[np.float64]:
    """Return font sizes in points: slowly decreasing in the order of the map, larger for a map of few words."""
    scale = min(1.5, max(1.0, (_MANY / num_words) ** 0.25))
    return np.asarray(scale * np.linspace(_LARGEST**2, _SMALLEST**2, num_words) ** 0.5)


class _Boxes:
    """The rectangles of the labels placed so far."""

    def __init__(self, max_boxes: int) -> None:
        self._boxes = np.empty((max_boxes, 4))
        self._used = 0

    def is_free(self, box: NDArray[np.float64]) -> bool:
        """Return whether a rectangle overlaps none of them."""
        left, bottom, right, top = self._boxes[: self._used].T
        return not ((left < box[2]) & (box[0] < right) & (bottom < box[3]) & (box[1] < top)).any()

    def add(self, box: NDArray[np.float64]) -> None:
        """Add a rectangle."""
        self._boxes[self._used] = box
        self._used += 1


def _place(text: Any, renderer: Any, frame: Any, taken: _Boxes) -> bool:
    """Move a label to the first free place next to its dot within the frame; return False if there is none."""
    extent = text.get_window_extent(renderer)
    width, height = extent.width, extent.height
    for dx, dy in _offsets(width, height):
        left, bottom = extent.x0 + dx, extent.y0 + dy
        box = np.array([left - 1, bottom - 1, left + width + 1, bottom + height + 1])
        inside = frame[0] <= left and left + width <= frame[2] and frame[1] <= bottom and bottom + height <= frame[3]
        if inside and taken.is_free(box):
            text.set_position((dx * 72 / _DPI, dy * 72 / _DPI))
            taken.add(box)
            return True
    return False


def _offsets(width: float, height: float) -> Iterator[tuple[float, float]]:
    gap = _GAP * _DPI / 72
    yield gap, -height / 3
    yield -width - gap, -height / 3
    yield -width / 2, gap
    yield -width / 2, -height - gap

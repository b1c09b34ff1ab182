"""A sampler's distribution beside the counts of the classes, as a picture."""

import os
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sampledsoftmax.diagnostics.chart import doubling
from sampledsoftmax.diagnostics.drawing import BLACK, BLUE, GREY, new_figure, style
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.io.atomic_write import new_file


def fit_figure(name: str, q: Floats, share: Floats | None, candidates: Any = ()) -> Figure:
    """Return the chance of a class in one draw, and its share of the counts, over ids.

    Classes are taken together in groups of near ids, eight to a doubling; a point is the mean of its group.

    Parameters
    ----------
    name : str
        The sampler's.
    q : float64 [num_classes]
        Chance of each class in one draw.
    share : float64 [num_classes] or None
        Share of each class of the counts.
    candidates : int [num_sampled]
        Ids that were drawn, marked at the foot.
    """
    groups = doubling(q.size, per_doubling=8)
    middles = np.sqrt((groups.starts[:-1] + 1.0) * groups.starts[1:])  # of ids counted from 1: an axis has no log 0
    figure = new_figure(3.6)
    axes = figure.subplots()
    if share is not None:
        mean = groups.sums(share) / groups.sizes()
        axes.plot(middles, np.where(mean > 0, mean, np.nan), ".", color=BLACK, label="counts")
    mean = groups.sums(q) / groups.sizes()
    axes.plot(middles, np.where(mean > 0, mean, np.nan), color=BLUE, linewidth=1.6, label=name)
    if np.size(candidates):
        foot = axes.get_xaxis_transform()
        axes.plot(np.asarray(candidates) + 1, np.full(np.size(candidates), 0.02), "|", color=GREY, transform=foot,
                  label="drawn")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="class id + 1", ylabel="share of a class")
    axes.legend()
    return figure


def save_fit_png(path: str | os.PathLike[str], figure: Figure) -> None:
    """Write a figure as PNG."""
    with new_file(path, "wb") as file:
        FigureCanvasAgg(figure).print_png(file)


def save_fit(path: str | os.PathLike[str], name: str, q: Floats, share: Floats | None, candidates: Any) -> None:
    """Draw and write in the house's style."""
    with style():
        save_fit_png(path, fit_figure(name, q, share, candidates))

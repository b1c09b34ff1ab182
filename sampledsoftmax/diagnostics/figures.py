"""Figures: the style that all share, and the figure of a sampler's fit.

SVG on a white background, readable on light and dark pages. Colors are Okabe and Ito's, distinguishable by color-blind
readers; markers tell lines apart without color.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sampledsoftmax.diagnostics.chart import doubling
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.io.atomic_write import new_file

BLACK, BLUE, SKY, RED, GREEN, PINK, GRAY, ORANGE = (
    "#000000", "#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#767676", "#E69F00",
)  # fmt: skip
WIDTH = 5.6  # inches: 10-point text stays readable on a phone, where the figure is 3.5 inches wide
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "svg.hashsalt": "sampledsoftmax",  # the same figure has the same bytes
}


def style() -> AbstractContextManager[None]:
    """Return the matplotlib context in which figures are made and saved."""
    context: AbstractContextManager[None] = mpl.rc_context(STYLE)
    return context


def new_figure(height: float) -> Figure:
    """Return an empty figure of the width of a page; the height is in inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, without the date."""
    with new_file(path, "wb") as file:
        figure.savefig(file, format="svg", facecolor="white", metadata={"Date": None})


def bin_centers(starts: np.ndarray) -> Floats:
    """Return the geometric center of id ranges, with ids counted from 1: a logarithmic axis has no 0."""
    return np.asarray(np.sqrt((starts[:-1] + 1.0) * starts[1:]))


def fit_figure(name: str, q: Floats, share: Floats | None, candidates: Any = ()) -> Figure:
    """Return a figure of the sampling probability of classes, and of their share of the counts, over ids.

    Neighboring ids are binned, eight bins per doubling of the id; a point is the mean of its bin.

    Parameters
    ----------
    name : str
        Name of the sampler.
    q : float64 [num_classes]
        Probability of each class in one draw.
    share : float64 [num_classes] or None
        Share of each class of the counts.
    candidates : int [num_sampled]
        Drawn ids, marked along the x axis.
    """
    bins = doubling(q.size, per_doubling=8)
    centers = bin_centers(bins.starts)
    figure = new_figure(3.6)
    axes = figure.subplots()
    if share is not None:
        mean = bins.sums(share) / bins.sizes()
        axes.plot(centers, np.where(mean > 0, mean, np.nan), ".", color=BLACK, label="counts")
    mean = bins.sums(q) / bins.sizes()
    axes.plot(centers, np.where(mean > 0, mean, np.nan), color=BLUE, linewidth=1.6, label=name)
    if np.size(candidates):
        bottom = axes.get_xaxis_transform()
        axes.plot(np.asarray(candidates) + 1, np.full(np.size(candidates), 0.02), "|", color=GRAY, transform=bottom,
                  label="drawn")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="class id + 1", ylabel="share of a class")
    axes.legend()
    return figure


def save_fit_png(
    path: str | os.PathLike[str], name: str, q: Floats, share: Floats | None, candidates: Any = ()
) -> None:
    """Write `fit_figure` as PNG."""
    with style(), new_file(path, "wb") as file:
        FigureCanvasAgg(fit_figure(name, q, share, candidates)).print_png(file)

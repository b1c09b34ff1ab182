"""The look of all figures: SVG on a white ground, so that they read in light and dark pages alike.

Colours are Okabe and Ito's, which the colour-blind can tell apart; markers tell lines apart without colour.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from sampledsoftmax.io.atomic_write import new_file

BLACK, BLUE, SKY, RED, GREEN, PINK, GREY, ORANGE = (
    "#000000", "#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#767676", "#E69F00",
)  # fmt: skip
WIDTH = 5.6  # inches: text of 10 points is still read on a telephone, where the figure is 3.5 inches wide
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
    """Return the context that figures are made and saved in."""
    context: AbstractContextManager[None] = mpl.rc_context(STYLE)
    return context


def new_figure(height: float) -> Figure:
    """Return an empty figure of the width of a page."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, without the date."""
    with new_file(path, "wb") as file:
        figure.savefig(file, format="svg", facecolor="white", metadata={"Date": None})

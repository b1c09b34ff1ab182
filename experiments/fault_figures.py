"""Figure of the experiment on faults: the bias of the gradient of each, beside that without a fault."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from experiments.faults import RIGHT
from sampledsoftmax.diagnostics.figures import BLACK, BLUE, ORANGE, new_figure

COLORS = {"sampler": BLUE, "loss": ORANGE}


def fault_figures(points: Sequence[dict[str, Any]]) -> dict[str, Figure]:
    """Return the figure by its file name: one row per fault, samplers first, the largest bias of each on top."""
    shown = [point for point in points if point["fault"] != RIGHT and point["bias"] is not None]
    shown.sort(key=lambda point: (point["kind"] == "loss", -point["bias"]))
    figure = new_figure(1.2 + 0.24 * len(shown))
    axes = figure.subplots()
    for kind, color in COLORS.items():
        rows = [row for row, point in enumerate(shown) if (point["kind"] == "loss") == (kind == "loss")]
        found = [shown[row]["bias"] for row in rows]
        axes.plot(found, rows, "o", color=color, markersize=5, label=f"fault of a {kind}")
    right = [point["bias"] for point in points if point["fault"] == RIGHT]
    axes.axvspan(min(right), max(right), color=BLACK, alpha=0.15, linewidth=0, label="without a fault")
    axes.set_yticks(range(len(shown)), [point["fault"] for point in shown])
    axes.invert_yaxis()
    axes.set(xlabel="bias of the gradient / exact gradient", xscale="log")
    axes.xaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return {"faults.svg": figure}

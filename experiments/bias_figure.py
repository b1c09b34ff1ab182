"""Figures of `bias.py`."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sampledsoftmax.diagnostics.drawing import BLACK, BLUE, GREEN, ORANGE, RED, new_figure

Points = list[dict[str, Any]]
LOOKS = {
    "log-uniform": (BLUE, "o"),
    "counts": (BLACK, "s"),
    "counts^0.75": (GREEN, "^"),
    "counts^0.5": (ORANGE, "v"),
    "uniform": (RED, "D"),
}


def bias_figures(points: Points) -> dict[str, Figure]:
    """Return a figure of the bias and one of the noise, by the name of their files."""
    points = [point for point in points if point["sampler"] != "all"]
    return {"bias.svg": _bias(points), "noise.svg": _noise(points)}


def _bias(points: Points) -> Figure:
    figure = new_figure(5.8)
    above, below = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, log_q in ((above, True), (below, False)):
        for name, chosen in _by_sampler(points, log_q).items():
            errors = [2 * point["found"]["bias_error"] for point in chosen]
            _line(axes, name, chosen, [point["found"]["bias"] for point in chosen], errors)
        axes.set(yscale="log", ylim=(2e-4, 1), ylabel="bias / exact gradient")
    above.set_title("log Q subtracted")
    below.set_title("log Q left out")
    _candidates(below, points)
    above.legend(loc="lower left", fontsize=9)
    return figure


def _noise(points: Points) -> Figure:
    figure = new_figure(3.4)
    axes = figure.subplots()
    for name, chosen in _by_sampler(points, True).items():
        _line(axes, name, chosen, [point["found"]["noise"] for point in chosen], None)
    axes.set(yscale="log", ylabel="noise of one sample / exact gradient")
    axes.legend(fontsize=9)
    _candidates(axes, points)
    return figure


def _by_sampler(points: Points, log_q: bool) -> dict[str, Points]:
    chosen = [point for point in points if point["subtract_log_q"] == log_q]
    names = [name for name in LOOKS if any(point["sampler"] == name for point in chosen)]
    return {name: [point for point in chosen if point["sampler"] == name] for name in names}


def _line(axes: Axes, name: str, points: Points, values: list[float], errors: list[float] | None) -> None:
    color, marker = LOOKS[name]
    at = [point["num_sampled"] for point in points]
    axes.errorbar(at, values, errors, color=color, marker=marker, markersize=4.5, linewidth=1.4, label=name)


def _candidates(axes: Axes, points: Points) -> None:
    sizes = sorted({point["num_sampled"] for point in points})
    axes.set(xscale="log", xlabel="num_sampled")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()

"""Figures of `objectives.py`."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from sampledsoftmax.diagnostics.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, RED, new_figure

LOOKS = {
    "full softmax": (BLACK, "s"),
    "sampled softmax": (BLUE, "o"),
    "sampled softmax, no log Q": (ORANGE, "v"),
    "NCE": (GREEN, "^"),
    "negative sampling": (RED, "D"),
}


def objectives_figures(results: Any) -> dict[str, Figure]:
    """Return the scatter of learnt logits and the curves of the loss, by file name."""
    return {"learnt.svg": _learnt(results), "objectives_loss.svg": _curves(results["vectors"])}


def _learnt(results: Any) -> Figure:
    points = results["table"]
    figure = new_figure(2.0 * len(points))
    grid = figure.subplots(len(points), 2, sharey=True, sharex="col")
    for row, point in zip(grid, points, strict=True):
        truths = (results["log_p_shown"], point["log_p_correlation"]), (results["pmi_shown"], point["pmi_correlation"])
        for axes, (truth, correlation) in zip(row, truths, strict=True):
            span = [min(truth), max(truth)]
            axes.plot(span, span, color=GREY, linewidth=1)
            axes.plot(truth, point["shown"], ".", color=LOOKS[point["objective"]][0], markersize=3, rasterized=True)
            axes.text(0.04, 0.88, f"r = {correlation:.3f}", transform=axes.transAxes)
        row[0].set_title(point["objective"])
        row[0].set_ylabel("learnt logit")
    grid[-1][0].set_xlabel("log p(label | input)")
    grid[-1][1].set_xlabel("pointwise mutual information")
    return figure


def _curves(points: Any) -> Figure:
    figure = new_figure(3.8)
    axes = figure.subplots()
    for point in points:
        color, marker = LOOKS[point["objective"]]
        axes.plot(point["steps"], point["excess"], color=color, marker=marker, markersize=4, label=point["objective"])
    axes.set(yscale="log", xlabel="steps", ylabel="exact loss, less the entropy (nats)")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure

"""Figures of the experiments, drawn from their results as they are in the JSON files."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from sampledsoftmax.diagnostics.figures import BLACK, BLUE, GRAY, GREEN, ORANGE, RED, bin_centers, new_figure

Points = list[dict[str, Any]]
BY_SAMPLER = {
    "log-uniform": (BLUE, "o"),
    "counts": (BLACK, "s"),
    "counts^0.75": (GREEN, "^"),
    "counts^0.5": (ORANGE, "v"),
    "uniform": (RED, "D"),
}
BY_OBJECTIVE = {
    "full softmax": (BLACK, "s"),
    "sampled softmax": (BLUE, "o"),
    "sampled softmax, no log Q": (ORANGE, "v"),
    "NCE": (GREEN, "^"),
    "negative sampling": (RED, "D"),
}
BY_SIZE = ((BLUE, "o"), (RED, "s"), (BLACK, "^"))
LOSS_LABEL = "exact loss, less the entropy (nats)"


def bias_figures(points: Points) -> dict[str, Figure]:
    """Return the figures of `bias.py` by file name: bias and noise of the gradient."""
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
    _candidates_axis(below, points)
    above.legend(loc="lower left", fontsize=9)
    return figure


def _noise(points: Points) -> Figure:
    figure = new_figure(3.4)
    axes = figure.subplots()
    for name, chosen in _by_sampler(points, True).items():
        _line(axes, name, chosen, [point["found"]["noise"] for point in chosen], None)
    axes.set(yscale="log", ylabel="noise of one sample / exact gradient")
    axes.legend(fontsize=9)
    _candidates_axis(axes, points)
    return figure


def _by_sampler(points: Points, log_q: bool) -> dict[str, Points]:
    chosen = [point for point in points if point["subtract_log_q"] == log_q]
    names = [name for name in BY_SAMPLER if any(point["sampler"] == name for point in chosen)]
    return {name: [point for point in chosen if point["sampler"] == name] for name in names}


def _line(axes: Axes, name: str, points: Points, values: list[float], errors: list[float] | None) -> None:
    color, marker = BY_SAMPLER[name]
    sizes = [point["num_sampled"] for point in points]
    axes.errorbar(sizes, values, errors, color=color, marker=marker, markersize=4.5, linewidth=1.4, label=name)


def _candidates_axis(axes: Axes, points: Points) -> None:
    sizes = sorted({point["num_sampled"] for point in points})
    axes.set(xscale="log", xlabel="num_sampled")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()


def order_figures(orders: Points) -> dict[str, Figure]:
    """Return the figure of `orders.py`: counts and the log-uniform distribution over ids, one plot per order."""
    figure = new_figure(5.4)
    for axes, order in zip(figure.subplots(2, 1, sharex=True, sharey=True), orders, strict=True):
        centers = bin_centers(np.array(order["starts"]))
        axes.plot(centers, order["share"], ".", color=BLACK, label="counts")
        axes.plot(centers, order["log_uniform"], color=BLUE, linewidth=1.6, label="log-uniform")
        worth = 100 * order["fit"]["distance"]["worth"]
        axes.set_title(f"counts {order['order']}: 100 candidates are worth {worth:.0f}")
        axes.set(xscale="log", yscale="log", ylabel="share of a class")
    figure.axes[-1].set_xlabel("class id + 1")
    figure.axes[0].legend()
    return {"fit.svg": figure}


def loss_by_sampler_figures(points: Points) -> dict[str, Figure]:
    """Return the figure of `loss_by_sampler.py`: the loss after training over the number of candidates."""
    full, *others = points
    figure = new_figure(3.8)
    axes = figure.subplots()
    for name, (color, marker) in BY_SAMPLER.items():
        chosen = [point for point in others if point["sampler"] == name]
        if chosen:
            means = [np.mean(point["excess"]) for point in chosen]
            sizes = [point["num_sampled"] for point in chosen]
            axes.plot(sizes, means, color=color, marker=marker, markersize=4.5, linewidth=1.4, label=name)
    axes.axhline(float(np.mean(full["excess"])), color=BLACK, linewidth=1, linestyle="--", label="full softmax")
    axes.set(yscale="log", ylabel=LOSS_LABEL)
    _candidates_axis(axes, others)
    _plain_log_axis(axes)
    axes.legend(fontsize=9)
    return {"trained.svg": figure}


def _plain_log_axis(axes: Axes) -> None:
    """Write 0.2 and 0.5 on the y axis instead of powers of ten."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def mistakes_figures(points: Points) -> dict[str, Figure]:
    """Return the figures of `mistakes.py` by file name: gradient biases and excess losses, one row per variant."""
    full = next(point for point in points if point["gradient"] is None)
    variants = [point for point in points if point["gradient"] is not None]
    bias, loss = _rows(variants), _rows(variants)
    for color, marker, label, rows, chosen in _by_size(variants):
        values = [point["gradient"]["bias"] for point in chosen]
        errors = [2 * point["gradient"]["bias_error"] for point in chosen]
        bias.axes[0].errorbar(values, rows, xerr=errors, fmt=marker, color=color, markersize=5, label=label)
        for i in range(len(chosen[0]["excess"])):
            values = [point["excess"][i] for point in chosen]
            loss.axes[0].plot(
                values, rows, marker, color=color, markersize=5, alpha=0.7, label=label if i == 0 else None
            )
    loss.axes[0].axvline(float(np.mean(full["excess"])), color=BLACK, linewidth=1, linestyle="--", label="full softmax")
    bias.axes[0].set(xlabel="bias of the gradient / exact gradient", xscale="log")
    loss.axes[0].set(xlabel="exact loss after training, less the entropy (nats)", xscale="log")
    for figure in (bias, loss):
        figure.axes[0].xaxis.set_major_formatter("{x:g}")  # 0.01 instead of powers of ten
        figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return {"mistakes_gradient.svg": bias, "mistakes_loss.svg": loss}


def _rows(variants: Points) -> Figure:
    """Return an empty figure with one row per variant, the first on top."""
    names = list(dict.fromkeys(point["variant"] for point in variants))
    figure = new_figure(1.4 + 0.3 * len(names))
    axes = figure.subplots()
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    return figure


def _by_size(variants: Points) -> Iterator[tuple[str, str, str, list[int], Points]]:
    """Yield color, marker, label, rows and points for each number of candidates."""
    names = list(dict.fromkeys(point["variant"] for point in variants))
    for (color, marker), size in zip(BY_SIZE, sorted({point["num_sampled"] for point in variants}), strict=False):
        chosen = [point for point in variants if point["num_sampled"] == size]
        yield color, marker, f"num_sampled {size}", [names.index(point["variant"]) for point in chosen], chosen


def objectives_figures(results: Any) -> dict[str, Figure]:
    """Return the figures of `objectives.py` by file name: scatter plots of learned logits, and loss curves."""
    return {"learned.svg": _learned(results), "objectives_loss.svg": _curves(results["vectors"])}


def _learned(results: Any) -> Figure:
    points = results["table"]
    figure = new_figure(2.0 * len(points))
    grid = figure.subplots(len(points), 2, sharey=True, sharex="col")
    for row, point in zip(grid, points, strict=True):
        truths = (results["log_p_shown"], point["log_p_correlation"]), (results["pmi_shown"], point["pmi_correlation"])
        for axes, (truth, correlation) in zip(row, truths, strict=True):
            span = [min(truth), max(truth)]
            axes.plot(span, span, color=GRAY, linewidth=1)
            color = BY_OBJECTIVE[point["objective"]][0]
            axes.plot(truth, point["shown"], ".", color=color, markersize=3, rasterized=True)
            axes.text(0.04, 0.88, f"r = {correlation:.3f}", transform=axes.transAxes)
        row[0].set_title(point["objective"])
        row[0].set_ylabel("learned logit")
    grid[-1][0].set_xlabel("log p(label | input)")
    grid[-1][1].set_xlabel("pointwise mutual information")
    return figure


def _curves(points: Points) -> Figure:
    figure = new_figure(3.8)
    axes = figure.subplots()
    for point in points:
        color, marker = BY_OBJECTIVE[point["objective"]]
        axes.plot(point["steps"], point["excess"], color=color, marker=marker, markersize=4, label=point["objective"])
    axes.set(yscale="log", xlabel="steps", ylabel=LOSS_LABEL)
    _plain_log_axis(axes)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure

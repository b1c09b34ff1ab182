"""Figures of `mistakes.py`."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sampledsoftmax.diagnostics.drawing import BLACK, BLUE, RED, new_figure

Points = list[dict[str, Any]]
LOOKS = ((BLUE, "o"), (RED, "s"), (BLACK, "^"))


def mistakes_figures(points: Points) -> dict[str, Figure]:
    """Return a figure of gradient biases and one of excess losses, a row for each variant, by file name."""
    full = next(point for point in points if point["gradient"] is None)
    variants = [point for point in points if point["gradient"] is not None]
    bias, loss = _rows(variants), _rows(variants)
    for color, marker, label, rows, chosen in _sizes(variants):
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
        _plain_numbers(figure.axes[0])
        figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return {"mistakes_gradient.svg": bias, "mistakes_loss.svg": loss}


def _rows(variants: Points) -> Figure:
    """Return a figure with a row for each variant, the first on top."""
    names = list(dict.fromkeys(point["variant"] for point in variants))
    figure = new_figure(1.4 + 0.3 * len(names))
    axes = figure.subplots()
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    return figure


def _sizes(variants: Points) -> Any:
    """Yield color, marker, label, rows and points of each number of candidates."""
    names = list(dict.fromkeys(point["variant"] for point in variants))
    for (color, marker), size in zip(LOOKS, sorted({point["num_sampled"] for point in variants}), strict=False):
        chosen = [point for point in variants if point["num_sampled"] == size]
        yield color, marker, f"num_sampled {size}", [names.index(point["variant"]) for point in chosen], chosen


def _plain_numbers(axes: Axes) -> None:
    """Write 0.01 in place of powers of ten."""
    axes.xaxis.set_major_formatter("{x:g}")

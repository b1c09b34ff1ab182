"""Figure of `trained.py`."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from experiments.bias_figure import LOOKS
from sampledsoftmax.diagnostics.drawing import BLACK, new_figure


def trained_figures(points: list[dict[str, Any]]) -> dict[str, Figure]:
    """Return the loss after training over the number of candidates, by the file's name."""
    full, *others = points
    figure = new_figure(3.8)
    axes = figure.subplots()
    for name, (color, marker) in LOOKS.items():
        chosen = [point for point in others if point["sampler"] == name]
        if chosen:
            means = [np.mean(point["excess"]) for point in chosen]
            at = [point["num_sampled"] for point in chosen]
            axes.plot(at, means, color=color, marker=marker, markersize=4.5, linewidth=1.4, label=name)
    axes.axhline(float(np.mean(full["excess"])), color=BLACK, linewidth=1, linestyle="--", label="full softmax")
    axes.set(xscale="log", yscale="log", xlabel="num_sampled", ylabel="exact loss, less the entropy (nats)")
    sizes = sorted({point["num_sampled"] for point in others})
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.legend(fontsize=9)
    return {"trained.svg": figure}

"""The figure of `retrieval.py`: what is learned of popular and of rare items, and the effect of the temperature."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from sampledsoftmax.diagnostics.figures import BLACK, BLUE, GRAY, ORANGE, RED, new_figure

BY_VARIANT = {
    "right: temperature, log Q, hits": (BLUE, "o"),
    "no log Q": (ORANGE, "v"),
    "log Q before the temperature": (BLACK, "s"),
    "log Q added": (RED, "D"),
}


def retrieval_figures(results: Any) -> dict[str, Figure]:
    """Return the figure by file name."""
    figure = new_figure(6.2)
    above, below = figure.subplots(2, 1)
    above.axhline(0, color=GRAY, linewidth=1)
    for point in results["variants"]:
        if point["variant"] in BY_VARIANT:
            color, marker = BY_VARIANT[point["variant"]]
            means = np.mean([outcome["by_popularity"] for outcome in point["outcomes"]], axis=0)
            groups = range(1, len(means) + 1)
            above.plot(groups, means, color=color, marker=marker, markersize=4.5, linewidth=1.4, label=point["variant"])
    above.set(xlabel="items by popularity, in tenths", ylabel="learned - true log p (nats)")
    above.set_xticks(range(1, 11))
    above.legend(fontsize=9)
    points = results["temperatures"]
    temperatures = [point["temperature"] for point in points]
    means = [np.mean([outcome["excess"] for outcome in point["outcomes"]]) for point in points]
    below.plot(temperatures, means, color=BLUE, marker="o", markersize=4.5, linewidth=1.4)
    below.set(xscale="log", yscale="log", xlabel="temperature of cosines", ylabel="loss above the entropy (nats)")
    below.set_xticks(temperatures, [f"{temperature:g}" for temperature in temperatures])
    below.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    below.yaxis.set_major_formatter("{x:g}")  # 0.1 instead of powers of ten
    below.minorticks_off()
    return {"retrieval.svg": figure}

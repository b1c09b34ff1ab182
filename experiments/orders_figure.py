"""Figure of `orders.py`."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sampledsoftmax.diagnostics.drawing import BLACK, BLUE, new_figure


def orders_figures(orders: list[dict[str, Any]]) -> dict[str, Figure]:
    """Return the counts and the log-uniform distribution over ids, a plot for each order, by the file's name."""
    figure = new_figure(5.4)
    for axes, order in zip(figure.subplots(2, 1, sharex=True, sharey=True), orders, strict=True):
        starts = np.array(order["starts"])
        middles = np.sqrt((starts[:-1] + 1.0) * starts[1:])  # of ids counted from 1: an axis has no log 0
        axes.plot(middles, order["share"], ".", color=BLACK, label="counts")
        axes.plot(middles, order["log_uniform"], color=BLUE, linewidth=1.6, label="log-uniform")
        worth = 100 * order["fit"]["distance"]["worth"]
        axes.set_title(f"counts {order['order']}: 100 candidates are worth {worth:.0f}")
        axes.set(xscale="log", yscale="log", ylabel="share of a class")
    figure.axes[-1].set_xlabel("class id + 1")
    figure.axes[0].legend()
    return {"fit.svg": figure}

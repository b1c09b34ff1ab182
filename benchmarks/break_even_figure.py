"""Figure of `benchmarks.break_even`."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.break_even import full_time
from sampledsoftmax.diagnostics.drawing import BLACK, BLUE, GREEN, ORANGE, RED, new_figure

Results = list[dict[str, Any]]
LOOKS = ((BLUE, "o"), (GREEN, "^"), (ORANGE, "v"), (RED, "D"))


def break_even_figure(results: Results, dim: int) -> Figure:
    """Return the times of a step over the number of classes, a plot for each batch size."""
    batch_sizes = sorted({result["batch_size"] for result in results})
    figure = new_figure(0.8 + 2.4 * len(batch_sizes))
    every = figure.subplots(len(batch_sizes), 1, sharex=True, squeeze=False)[:, 0]
    for axes, batch_size in zip(every, batch_sizes, strict=True):
        _times(axes, [result for result in results if result["batch_size"] == batch_size])
        axes.set_title(f"batch_size {batch_size}, dim {dim}")
    sizes = sorted({result["num_classes"] for result in results})
    every[-1].set_xticks(sizes, [f"{size:,}" for size in sizes])
    every[-1].minorticks_off()
    every[-1].set_xlabel("num_classes")
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _times(axes: Axes, results: Results) -> None:
    sizes = [result["num_classes"] for result in results]
    full = [full_time(result) / 1000 for result in results]
    axes.plot(sizes, full, color=BLACK, marker="s", markersize=4.5, label="full softmax")
    names = [name for name in results[-1]["min_us"] if name.startswith("sampled")]
    for name, (color, marker) in zip(names, LOOKS, strict=False):
        chosen = [result for result in results if name in result["min_us"]]
        times = [result["min_us"][name] / 1000 for result in chosen]
        at = [result["num_classes"] for result in chosen]
        axes.plot(at, times, color=color, marker=marker, markersize=4.5, label=name.replace("sampled", "num_sampled"))
    axes.set(xscale="log", yscale="log", ylabel="ms a step")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()

"""The plot of `scaling`: speed-up over threads."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from sampledsoftmax.diagnostics.figures import BLACK, BLUE, GRAY, GREEN, ORANGE, RED, new_figure, save_svg, style

COLORS = (BLACK, BLUE, GREEN, ORANGE, RED)
MARKERS = "os^vD"


def draw(section: dict[str, Any], path: Path) -> None:
    """Draw the speed-up of word training by shards, and of steps by case, as SVG."""
    with style():
        figure = new_figure(6.6)
        for axes, kind, title in zip(
            figure.subplots(2, 1), ("words", "step"), ("word training", "a step of SampledSoftmax"), strict=True
        ):
            _lines(axes, [result for result in section["results"] if result["kind"] == kind])
            axes.set_title(f"{title}; measured: large markers")
        save_svg(figure, path)


def _lines(axes: Axes, results: list[dict[str, Any]]) -> None:
    for i, result in enumerate(results):
        color, marker = COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]
        name = f"{result['shards']} shards" if result["kind"] == "words" else result["case"].split(":")[0]
        for key, line, size in (("seconds", "--", 3.5), ("measured", "", 8.0)):
            rows = [row for row in result["rows"] if row[key]]
            threads, speed = [row["threads"] for row in rows], [rows[0][key] / row[key] for row in rows] if rows else []
            label = name if key == "seconds" else None
            hollow = "none" if key == "measured" else color
            axes.plot(threads, speed, line, color=color, marker=marker, markersize=size, markerfacecolor=hollow,
                      label=label)  # fmt: skip
    threads = [row["threads"] for row in results[0]["rows"]] if results else [1]
    axes.plot(threads, threads, color=GRAY, linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="threads", ylabel="speed-up")
    axes.set_xticks(threads, [str(number) for number in threads])
    axes.set_yticks(threads, [str(number) for number in threads])
    axes.minorticks_off()
    axes.legend(fontsize=9)

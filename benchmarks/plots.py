"""Plots of the results, on a white background in colors that color-blind readers can tell apart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from benchmarks.cases import OPTIMIZERS
from benchmarks.contestants import SPECS
from benchmarks.views import full_time, series, sweeps
from sampledsoftmax.diagnostics.figures import BLACK, BLUE, GREEN, ORANGE, RED, new_figure, save_svg, style

Sections = dict[str, Any]
# Okabe and Ito's palette; markers tell lines apart without color.
STYLES = {
    "sampledsoftmax": ("#000000", "o"),
    "sampledsoftmax, 1 thread": ("#0072B2", "s"),
    "sampledsoftmax, steps()": ("#56B4E9", "D"),
    "TensorFlow": ("#D55E00", "^"),
    "PyTorch": ("#009E73", "v"),
    "PyTorch, compiled": ("#8FD9C2", "<"),
    "JAX": ("#CC79A7", "P"),
    "reference (NumPy)": ("#999999", "X"),
    "sampledsoftmax, plain vectors": ("#F0E442", "1"),
    "sampledsoftmax, 128-bit vectors": ("#E69F00", "2"),
    "sampledsoftmax, 256-bit vectors": ("#6A3D9A", "3"),
    "sampledsoftmax, 512-bit vectors": ("#662506", "4"),
}
BREAK_EVEN_STYLES = ((BLUE, "o"), (GREEN, "^"), (ORANGE, "v"), (RED, "D"))
AXES = {
    "num_classes": ("step_by_classes.png", "number of classes V"),
    "num_sampled": ("step_by_sampled.png", "candidates per step S"),
    "batch_size": ("step_by_batch.png", "pairs per step B"),
}
LETTERS = {"num_classes": "V", "dim": "D", "batch_size": "B", "num_sampled": "S"}
TEXT: Any = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def draw(sections: Sections, folder: Path) -> list[Path]:
    """Draw all plots for which there are results, as PNG, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with mpl.rc_context(TEXT):
        for name, figure in _figures(sections):
            paths.append(folder / name)
            figure.savefig(paths[-1], dpi=120, facecolor="white")
    return paths


def _figures(sections: Sections) -> Iterator[tuple[str, Figure]]:
    scale = sections.get("scale", {}).get("results", [])
    for axis, (file, label) in AXES.items():
        found = [sweep for sweep in sweeps(scale, axis) if sweep[0]["optimizer"] == OPTIMIZERS[0]]
        if found:
            yield file, _sweep(axis, label, max(found, key=len))
    limited = [result for result in sections.get("step", {}).get("results", []) if "limit" in result]
    if limited:
        yield "limit.png", _limit(limited)


def _sweep(axis: str, label: str, sweep: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    case = sweep[0]["case"]
    points = [result["case"][axis] for result in sweep]
    for name, times in series(sweep, "min_us").items():
        color, marker = STYLES[name]
        milliseconds = [np.nan if time is None else time / 1000 for time in times]
        axes.plot(points, milliseconds, color=color, marker=marker, markersize=5, linewidth=1.6, label=name)
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="milliseconds per step, best of all rounds")
    axes.set_xticks(points, [f"{point:,}" for point in points])
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.5, high * 1.5)  # a flat line should look flat, and the legend needs room
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    fixed = "  ".join(f"{letter} = {case[name]:,}" for name, letter in LETTERS.items() if name != axis)
    axes.set_title(f"{fixed}  {sweep[0]['optimizer'].upper()}", loc="left", fontsize=9)
    axes.legend(frameon=False)
    return figure


def _limit(results: list[dict[str, Any]]) -> Figure:
    """Return bars of the share of the limit, one plot per optimizer, one group per case."""
    optimizers = list(dict.fromkeys(result["optimizer"] for result in results))
    figure = Figure(figsize=(7.2, 0.6 + 2.6 * len(optimizers)), layout="constrained")
    every = figure.subplots(len(optimizers), 1, squeeze=False, sharex=True)[:, 0]
    for axes, optimizer in zip(every, optimizers, strict=True):
        _bars(axes, [result for result in results if result["optimizer"] == optimizer])
        axes.set_title(optimizer, loc="left", fontsize=9)
    handles = {handle.get_label(): handle for axes in every for handle in axes.containers}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _bars(axes: Any, results: list[dict[str, Any]]) -> None:
    present = {row["label"] for result in results for row in result["rows"]}
    labels = [spec.label for spec in SPECS if spec.label in present]
    width = 0.86 / len(labels)
    for i, label in enumerate(labels):
        shares = [_share(result, label) for result in results]
        at = np.arange(len(results)) + (i - (len(labels) - 1) / 2) * width
        axes.bar(at, shares, width * 0.92, color=STYLES[label][0], label=label)
    axes.set_xticks(range(len(results)), [result["case"]["name"] for result in results])
    axes.set(ylim=(0, 1), ylabel="share of the limit")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)


def _share(result: dict[str, Any], label: str) -> float:
    times = [row["min_us"] for row in result["rows"] if row["label"] == label]
    return result["limit"]["us"] / times[0] if times else 0.0


def draw_break_even(results: list[dict[str, Any]], dim: int, folder: Path) -> Path:
    """Draw the times of a step over the number of classes as SVG, one plot per batch size, and return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "break_even.svg"
    with style():
        save_svg(_break_even(results, dim), path)
    return path


def _break_even(results: list[dict[str, Any]], dim: int) -> Figure:
    batch_sizes = sorted({result["batch_size"] for result in results})
    figure = new_figure(0.8 + 2.4 * len(batch_sizes))
    every = figure.subplots(len(batch_sizes), 1, sharex=True, squeeze=False)[:, 0]
    for axes, batch_size in zip(every, batch_sizes, strict=True):
        _step_times(axes, [result for result in results if result["batch_size"] == batch_size])
        axes.set_title(f"batch_size {batch_size}, dim {dim}")
    sizes = sorted({result["num_classes"] for result in results})
    every[-1].set_xticks(sizes, [f"{size:,}" for size in sizes])
    every[-1].minorticks_off()
    every[-1].set_xlabel("num_classes")
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _step_times(axes: Axes, results: list[dict[str, Any]]) -> None:
    sizes = [result["num_classes"] for result in results]
    full = [full_time(result) / 1000 for result in results]
    axes.plot(sizes, full, color=BLACK, marker="s", markersize=4.5, label="full softmax")
    names = [name for name in results[-1]["min_us"] if name.startswith("sampled")]
    for name, (color, marker) in zip(names, BREAK_EVEN_STYLES, strict=False):
        chosen = [result for result in results if name in result["min_us"]]
        times = [result["min_us"][name] / 1000 for result in chosen]
        sizes = [result["num_classes"] for result in chosen]
        label = name.replace("sampled", "num_sampled")
        axes.plot(sizes, times, color=color, marker=marker, markersize=4.5, label=label)
    axes.set(xscale="log", yscale="log", ylabel="ms per step")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()

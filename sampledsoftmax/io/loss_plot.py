"""The loss curve: reading loss.csv, and plotting it if matplotlib is installed."""

import csv
import math
import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.input_file import checked_path, lines_of, open_input
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.validation import one_line, shown

_MAX_PAIRS = 2**63
_LARGEST = 1e100  # a loss that matplotlib can scale


class Point(Protocol):
    """A point of the loss curve, such as a `Progress`."""

    @property
    def epoch(self) -> int:
        """The epoch, from 1."""

    @property
    def pairs(self) -> int:
        """Pairs trained so far."""

    @property
    def loss(self) -> float:
        """Mean loss per pair since the previous point."""


@not_a_number()
class LossPoint(NamedTuple):
    """A row of loss.csv."""

    epoch: int
    pairs: int
    loss: float


def read_loss(path: str | os.PathLike[str]) -> list[LossPoint]:
    r"""Return the points of a loss.csv that a training run has written; other columns are ignored.

    Raises
    ------
    ValueError
        The file is not UTF-8, a column is missing, a row is damaged, a loss is not finite, or there are no rows; the
        message names the line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "loss.csv"
    >>> _ = path.write_text("epoch,step,pairs,words,loss\n1,10,640,100,2.5\n")
    >>> read_loss(path)
    [LossPoint(epoch=1, pairs=640, loss=2.5)]
    """
    points: list[LossPoint] = []
    checked = checked_path(path)
    name = shown_path(checked)
    with open_input(checked) as file:
        rows = csv.DictReader(line.decode() for line in lines_of(file, checked))
        try:
            if not {"epoch", "pairs", "loss"} <= set(rows.fieldnames or ()):
                expected = "the columns epoch, pairs and loss are expected"
                raise ValueError(f"{name}, line 1: {expected}, got {shown(rows.fieldnames)}")
            for row in rows:
                points.append(_point(f"{name}, line {rows.line_num}", row))
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{name}, near line {rows.line_num + 1}, is damaged: {one_line(error)}") from None
    if not points:
        raise ValueError(f"{name} has no rows: no block of pairs was complete")
    return points


def _point(place: str, row: dict[str, Any]) -> LossPoint:
    try:
        point = LossPoint(int(row["epoch"]), int(row["pairs"]), float(row["loss"]))
    except (TypeError, ValueError):
        raise ValueError(f"{place}: numbers are expected, got {shown(list(row.values()))}") from None
    if not math.isfinite(point.loss):
        raise ValueError(f"{place}: the loss is {point.loss}")
    if not 0 <= point.pairs < _MAX_PAIRS:
        raise ValueError(f"{place}: pairs must be in [0, {_MAX_PAIRS}), got {shown(point.pairs)}")
    return point


def save_loss_plot(
    path: str | os.PathLike[str],
    progress: Sequence[Point],
    metrics: Mapping[str, Sequence[tuple[int, float]]] | None = None,
) -> bool:
    """Write a PNG of the loss against the trained pairs; return False if matplotlib is not installed.

    A loss that is not finite, or above 1e100, leaves a gap. One line has a point per block and varies with the text;
    the other one has the mean of each epoch. Metrics, points (pairs, value) by name, have an axis of their own at the
    right.

    Examples
    --------
    >>> import tempfile
    >>> points = [LossPoint(1, 1000, 3.0), LossPoint(1, 2000, 2.5)]
    >>> save_loss_plot(tempfile.mkdtemp() + "/loss.png", points) in (True, False)
    True
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional, slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        return False
    figure = Figure(figsize=(7.0, 4.0), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    means = _epoch_means(progress)
    if len(means) < len(progress):
        losses = [_drawn(p.loss) for p in progress]
        axes.plot([p.pairs / 1e6 for p in progress], losses, alpha=0.5, label="block of pairs")
    axes.plot([pairs / 1e6 for pairs, _ in means], [mean for _, mean in means], marker="o", color="C1", label="epoch")
    if metrics:
        _plot_metrics(axes, metrics)
    else:
        axes.legend()
    axes.set(xlabel="pairs (millions)", ylabel="mean loss per pair")
    axes.grid(alpha=0.3)
    with writing(path), new_file(path, "wb") as file:
        FigureCanvasAgg(figure).print_png(file)
    return True


def _plot_metrics(axes: Any, metrics: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    """Draw metrics on an axis at the right, with one legend for both axes."""
    right = axes.twinx()
    right.set(ylabel="validation")
    for number, (name, points) in enumerate(metrics.items()):
        x, y = [pairs / 1e6 for pairs, _ in points], [value for _, value in points]
        right.plot(x, y, marker=".", linestyle="--", color=f"C{number + 2}", label=name)
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.lines[-1].set_label("loss")
    right.legend(lines, [line.get_label() for line in lines], loc="center right")


def _drawn(loss: float) -> float:
    return loss if abs(loss) < _LARGEST else math.nan


def _epoch_means(progress: Sequence[Point]) -> list[tuple[int, float]]:
    """Return (pairs trained at its end, mean loss per pair) of each epoch that has pairs."""
    means: list[tuple[int, float]] = []
    before = 0
    for _, points in groupby(progress, lambda point: point.epoch):
        total, start = 0.0, before
        for point in points:
            total += _drawn(point.loss) * (point.pairs - before)
            before = point.pairs
        if before > start:
            means.append((before, total / (before - start)))
    return means

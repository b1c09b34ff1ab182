"""The loss curve: reading loss.csv, and plotting it if matplotlib is installed."""

import csv
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Protocol

from sampledsoftmax.io.atomic_write import new_file
from sampledsoftmax.not_a_number import not_a_number


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
        A column is missing, a row is damaged, or there are no rows; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "loss.csv"
    >>> _ = path.write_text("epoch,step,pairs,words,loss\n1,10,640,100,2.5\n")
    >>> read_loss(path)
    [LossPoint(epoch=1, pairs=640, loss=2.5)]
    """
    points = []
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not {"epoch", "pairs", "loss"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path}, line 1: the columns epoch, pairs and loss are expected, got {rows.fieldnames}")
        for number, row in enumerate(rows, start=2):
            try:
                points.append(LossPoint(int(row["epoch"]), int(row["pairs"]), float(row["loss"])))
            except (TypeError, ValueError):
                raise ValueError(f"{path}, line {number}: numbers are expected, got {list(row.values())}") from None
    if not points:
        raise ValueError(f"{path} has no rows: no block of pairs was complete")
    return points


def save_loss_plot(path: str | os.PathLike[str], progress: Sequence[Point]) -> bool:
    """Write a PNG of the loss against the trained pairs; return False if matplotlib is not installed.

    One line has a point per block and varies with the text; the other one has the mean of each epoch.

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
    axes.plot([p.pairs / 1e6 for p in progress], [p.loss for p in progress], alpha=0.5, label="block of pairs")
    ends, means = zip(*_epoch_means(progress), strict=True)
    axes.plot([pairs / 1e6 for pairs in ends], means, marker="o", label="epoch")
    axes.legend()
    axes.set(xlabel="pairs (millions)", ylabel="mean loss per pair")
    axes.grid(alpha=0.3)
    with new_file(path, "wb") as file:
        FigureCanvasAgg(figure).print_png(file)
    return True


def _epoch_means(progress: Sequence[Point]) -> list[tuple[int, float]]:
    """Return (pairs trained at its end, mean loss per pair) of each epoch."""
    means, before = [], 0
    for _, points in groupby(progress, lambda point: point.epoch):
        total, start = 0.0, before
        for point in points:
            total += point.loss * (point.pairs - before)
            before = point.pairs
        means.append((before, total / (before - start)))
    return means

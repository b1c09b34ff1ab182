"""The loss curve as a picture, where matplotlib is installed."""

import os
from collections.abc import Sequence
from itertools import groupby

from sampledsoftmax.words.files import new_file
from sampledsoftmax.words.progress import Progress


def save_loss_plot(path: str | os.PathLike[str], progress: Sequence[Progress]) -> bool:
    """Write a PNG of the loss over the pairs learnt; return False without matplotlib.

    One line goes from block to block, and rises and falls with the text; the other one has a point for the
    mean of each epoch.

    Examples
    --------
    >>> import tempfile
    >>> points = [Progress(1, 1, 10, 1000, 50, 100, 3.0), Progress(1, 1, 20, 2000, 100, 100, 2.5)]
    >>> save_loss_plot(tempfile.mkdtemp() + "/loss.png", points) in (True, False)
    True
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional, slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        return False
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([p.pairs / 1e6 for p in progress], [p.loss for p in progress], alpha=0.5, label="block of pairs")
    ends, means = zip(*_epoch_means(progress), strict=True)
    axes.plot([pairs / 1e6 for pairs in ends], means, marker="o", label="epoch")
    axes.legend()
    axes.set(xlabel="pairs (millions)", ylabel="mean sampled softmax loss of a pair")
    axes.grid(alpha=0.3)
    with new_file(path, "wb") as file:
        FigureCanvasAgg(figure).print_png(file)
    return True


def _epoch_means(progress: Sequence[Progress]) -> list[tuple[int, float]]:
    """Return (pairs learnt at its end, mean loss of a pair) of each epoch."""
    means, before = [], 0
    for _, points in groupby(progress, lambda point: point.epoch):
        total, start = 0.0, before
        for point in points:
            total += point.loss * (point.pairs - before)
            before = point.pairs
        means.append((before, total / (before - start)))
    return means

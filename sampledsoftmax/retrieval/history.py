"""What a run has reported, epoch by epoch, and its files: CSV, and PNG if matplotlib is installed."""

import csv
import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from sampledsoftmax.io.atomic_write import new_file
from sampledsoftmax.io.extras import need
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.loss_plot import save_loss_plot
from sampledsoftmax.not_a_number import not_a_number

COLUMNS = ("epoch", "pairs", "loss", "recall", "ndcg", "user_learning_rate", "item_learning_rate")
METRIC_K = 20  # of recall@k and NDCG@k on the validation split


@not_a_number()
class EpochReport(NamedTuple):
    """One epoch of a run.

    Attributes
    ----------
    epoch, epochs : int
        The epoch, from 1, and the epochs of the run.
    pairs : int
        Pairs (user, item) trained so far.
    loss : float
        Mean loss per pair of the epoch, in nats, before the updates.
    recall, ndcg : float
        Recall@20 and NDCG@20 on the validation split after the epoch; NaN without one.
    user_learning_rate, item_learning_rate : float
        The rates of the last batches of the epoch.

    Examples
    --------
    >>> report = EpochReport(1, 32, 1000, 6.5, 0.05, 0.04, 0.02, 0.004)
    >>> str(report)
    'epoch 1/32: loss 6.500, validation recall@20 0.0500, ndcg@20 0.0400'
    """

    epoch: int
    epochs: int
    pairs: int
    loss: float
    recall: float
    ndcg: float
    user_learning_rate: float
    item_learning_rate: float

    def __str__(self) -> str:
        line = f"epoch {self.epoch}/{self.epochs}: loss {self.loss:.3f}"
        if math.isnan(self.recall):
            return line
        return f"{line}, validation recall@{METRIC_K} {self.recall:.4f}, ndcg@{METRIC_K} {self.ndcg:.4f}"


def save_curve(path: Any, history: Sequence[EpochReport]) -> None:
    r"""Write the loss and the metrics of each epoch: a picture if the name ends in .png, else CSV.

    Raises
    ------
    MissingExtraError
        A picture is asked for, and matplotlib is not installed.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "loss.csv"
    >>> save_curve(path, [EpochReport(1, 2, 1000, 6.5, float("nan"), float("nan"), 0.02, 0.004)])
    >>> path.read_text().splitlines()
    ['epoch,pairs,loss,recall,ndcg,user_learning_rate,item_learning_rate', '1,1000,6.5,,,0.02,0.004']
    """
    file = checked_path(path)
    if file.suffix.lower() == ".png":
        need("matplotlib.figure", "matplotlib", "plot")
        save_loss_plot(file, history, _metrics(history))
    else:
        _save_csv(file, history)


def _save_csv(path: str | os.PathLike[str], history: Sequence[EpochReport]) -> None:
    with new_file(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows([_cell(getattr(report, name)) for name in COLUMNS] for report in history)


def _cell(value: float) -> float | str:
    return "" if math.isnan(value) else value


def _metrics(history: Sequence[EpochReport]) -> dict[str, list[tuple[int, float]]]:
    """Return points (pairs, value) by name, of the metrics that were measured."""
    names = {f"recall@{METRIC_K}": "recall", f"ndcg@{METRIC_K}": "ndcg"}
    points = {
        title: [(report.pairs, getattr(report, name)) for report in history if not math.isnan(getattr(report, name))]
        for title, name in names.items()
    }
    return {title: values for title, values in points.items() if values}

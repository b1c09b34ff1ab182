"""The loss curve as a picture, where matplotlib is installed."""

import os
from collections.abc import Sequence

from sampledsoftmax.words.files import new_file


def save_loss_plot(path: str | os.PathLike[str], pairs: Sequence[int], losses: Sequence[float]) -> bool:
    """Write a PNG of the mean loss over the pairs learnt; return False without matplotlib.

    Examples
    --------
    >>> import tempfile
    >>> save_loss_plot(tempfile.mkdtemp() + "/loss.png", [1000, 2000], [3.0, 2.5]) in (True, False)
    True
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional, slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        return False
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([count / 1e6 for count in pairs], losses, marker="." if len(pairs) < 3 else "")
    axes.set(xlabel="pairs (millions)", ylabel="mean sampled softmax loss of a pair")
    axes.grid(alpha=0.3)
    with new_file(path, "wb") as file:
        FigureCanvasAgg(figure).print_png(file)
    return True

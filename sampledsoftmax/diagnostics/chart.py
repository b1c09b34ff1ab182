"""Bar charts in plain text of distributions over class ids, binned so that the first ids get the finest bins."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.not_a_number import not_a_number

BAR = 14  # characters of the longest bar


@not_a_number(has_arrays=True)
class Bins(NamedTuple):
    """Bins of ids: bin i is the half-open range [starts[i], starts[i + 1])."""

    starts: NDArray[np.int64]

    def names(self) -> list[str]:
        """Return the first and last id of each bin as text."""
        return [f"{a:,}" if b - a == 1 else f"{a:,}-{b - 1:,}" for a, b in itertools.pairwise(self.starts.tolist())]

    def sums(self, values: ArrayLike) -> Floats:
        """Return the sum of values [num_classes] over each bin."""
        return np.asarray(np.add.reduceat(np.asarray(values, np.float64), self.starts[:-1]))

    def sizes(self) -> NDArray[np.int64]:
        """Return the number of ids of each bin."""
        return np.diff(self.starts)


def doubling(num_classes: int, per_doubling: int = 1) -> Bins:
    """Return bins [0], [1, 2], [3 .. 6], ... of ids, or `per_doubling` times finer ones, up to the last class.

    Examples
    --------
    >>> doubling(10).names()
    ['0', '1-2', '3-6', '7-9']
    """
    powers = 2.0 ** (np.arange(per_doubling * 63) / per_doubling)
    starts = np.unique(powers.astype(np.int64)) - 1
    return Bins(np.append(starts[starts < num_classes], num_classes))


def bars(names: Sequence[str], heads: Sequence[str], columns: Sequence[Floats]) -> list[str]:
    """Return lines with a name and, for each column, the share in percent and a bar.

    Examples
    --------
    >>> for line in bars(["0", "1-2"], ["ids", "Q"], [np.array([0.25, 0.75])]):
    ...     print(line)
    ids  Q
    0     25.0%  #####
    1-2   75.0%  ##############
    """
    longest = max(float(column.max()) for column in columns) or 1.0
    width = max(map(len, [heads[0], *names]))
    cells = [[f"{100 * share:5.1f}%  {'#' * round(BAR * share / longest)}" for share in column] for column in columns]
    lines = [(heads[0], *heads[1:]), *zip(names, *cells, strict=True)]
    return ["  ".join([f"{line[0]:<{width}}", *(f"{cell:<{BAR + 8}}" for cell in line[1:])]).rstrip() for line in lines]

"""Numbers for JSON."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_COLUMNS = 6  # of a vector that fit on a page


def row(values: NDArray[Any]) -> Any:
    """Return the first numbers of a row."""
    return numbers(values[:MOST_COLUMNS])


def numbers(array: NDArray[Any]) -> Any:
    """Return numbers in as few digits as give them back; JSON has no words for those that are not finite."""
    if array.ndim:
        return [numbers(part) for part in array]
    return float(str(array)) if np.isfinite(array) else str(array)
